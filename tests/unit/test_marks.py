"""Marks tell the line of a template that a rendered line comes from, and change nothing of what is rendered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eltflow.jinja.renderer import MARK, Renderer, line_map

PIECES = (
    "select", " ", "  ", "\n", "\n\n", "\n  ", "x,", "{{ 'a' }}", "{{- 'b' }}", "{{ 'c' -}}", "{{- 'd\n' -}}", "{% if true %}",
    "{%- if true -%}", "{% endif %}", "{%- endif %}", "{# note #}", "{#- note\n -#}", "{% set y = 1 %}", "{%- set y = 1 -%}",
    "{%- for i in [1, 2] %}", "{%- endfor %}",
)  # fmt: skip


def _rendered(text):
    renderer = Renderer(())
    return renderer.render(text, "a.sql", {}).text, renderer.render(text, "a.sql", {}, lines=True).text


def _balanced(pieces):
    opened, made = [], []
    for piece in pieces:
        word = next((w for w in ("endif", "endfor", "if", "for") if f" {w} " in piece), None)
        if word in ("if", "for"):
            opened.append(word)
        elif word is not None:
            if not opened or f"end{opened[-1]}" != word:
                continue
            opened.pop()
        made.append(piece)
    return "".join([*made, *(f"{{%- end{word} %}}" for word in reversed(opened))])


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(_balanced))
def test_marks_change_nothing(text):
    plain, marked = _rendered(text)
    assert MARK.sub("", marked) == plain


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("select 1,\n  2\nfrom t", (1, 2, 3)),
        ("{% set x %}\n\n{% endset -%}\nselect\n  {%- if true %}\n  1,\n  {%- endif %}\n  2", (4, 6, 8)),
        ("select\n{%- for c in ['a', 'b'] %}\n  {{ c }},\n{%- endfor %}\n  9", (1, 3, 3, 5)),
        ("select *\n{{- ' from a' }}\nwhere", (1, 3)),
        ("select\n{{ 'a' -}}\n  , b", (1, 2)),
        ("select\n\n\n  1\n{#- done -#}\n\n  + 1", (1, 1, 1, 4)),
    ],
)
def test_each_rendered_line_knows_its_own(text, lines):
    plain, marked = _rendered(text)
    assert line_map(marked, plain) == lines
