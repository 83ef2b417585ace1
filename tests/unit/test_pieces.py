"""A template rendered in pieces gives what the whole of it gives: text, names, and errors at their lines."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eltflow.base.diagnostics import EltflowError
from eltflow.jinja.pieces import split
from eltflow.jinja.renderer import Renderer
from eltflow.jinja.values import MacroSource

MACROS = {
    "plain": "{% macro plain(x, y='b') %}{{ x }}-{{ y }}{% endmacro %}",
    "gives": "{% macro gives() %}{{ return(7) }}{% endmacro %}",
    "fails": "{% macro fails() %}\n{{ nothing.here }}{% endmacro %}",
}


def made() -> Renderer:
    return Renderer([MacroSource(name=name, file=f"m/{name}.sql", line=1, text=text) for name, text in MACROS.items()])


def names() -> dict[str, object]:
    return {"ref": lambda *a, **k: f"<{a}{k}>", "config": lambda **k: "", "flag": True, "items": [1, 2], "none": None, "word": "w"}


def rendered(text: str, *, whole: bool) -> object:
    renderer = made()
    if whole:
        renderer._in_pieces = lambda text, names: None  # type: ignore[method-assign]
    try:
        result = renderer.render(text, "models/a.sql", names())
    except EltflowError as error:
        first = error.diagnostics[0]
        assert first.span is not None
        return first.code, first.message, first.span.file, first.span.line, first.notes
    return result.text, result.used


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("a {{ ref('x') }} b", "text call text"),
        ("a {{ plain('x', y=1) }}{{ word }}", "text call text code text"),
        ("{% if flag %}{{ word }}{% else %}{% for i in items %}{{ i }}{% endfor %}{% endif %}\n", "text code text"),
        ("{# note #}{{ word | upper }}", "text text code text"),
    ],
)
def test_what_the_pieces_are(text, kinds):
    pieces = split(text, lambda name: name in ("ref", "plain"))
    assert pieces is not None
    assert ["text" if piece.plain else "call" if piece.call else "code" for piece in pieces] == kinds.split()


@pytest.mark.parametrize(
    "text",
    [
        "{% set x = 1 %}{{ x }}",
        "{{- word }}",
        "{{ word -}} ",
        "{%- if flag %}a{% endif %}",
        "{% if flag -%} a{% endif %}",
        "a\r\n{{ word }}",
        "{% raw %}{{ word }}{% endraw %}",
        "{% macro a() %}{% endmacro %}",
        "{% if flag %}a",
        "a{% endif %}",
        "{% for i in items %}a{% endif %}",
        "{{ {'a': 1}}}",
        "{{ word",
        "{# c -#} {{ word }}",
        "{{# c #}",
        "{% if flag %}{% do items.append(1) %}{% endif %}",
    ],
)
def test_what_is_rendered_as_a_whole(text):
    assert split(text, lambda name: True) is None


PARTS = st.sampled_from(
    ["{{ plain('a -- b\nc') }}", "{{ plain('a').upper() }}", "{{ ref('x').lower() }}", "{{ plain({[1]: 2}) }}", "{{ plain(.5) }}",
     "{{ plain(5.) }}", "{{ plain(r'x') }}", "{{ plain(1e400) }}", "{{ plain(...) }}", "{{ plain('a', # b\n 'c') }}",
     "{{\n  nothing\n}}", "{# c -#}  ", "{{ source('a', 'b') }}", "{{ plain('a'\n, 'b') }}", "{{ plain(-1, [1.5, true]) }}", "a", "\n",
     " b ", "{{ word }}", "{{ ref('x') }}", "{{ ref('x', version=2) }}", "{{ plain('a') }}", "{{ plain('a', 'c') }}", "{{ plain() }}",
     "{{ gives() }}", "{{ gives() + 1 }}", "{{ fails() }}", "{{ nothing }}", "{{ none }}", "{{ [1, 'b'] }}", "{{ {'a': 1}['a'] }}",
     "{{ {'a': 1}}}", "{{ '}}' }}", "{{ \"{{\" }}", "{# c {{ x }} #}", "{% if flag %}", "{% if not flag %}", "{% else %}",
     "{% elif flag %}", "{% endif %}", "{% for i in items %}", "{{ i }}", "{{ loop.index }}", "{% endfor %}", "{% set i = 1 %}",
     "{{- word }}", "{{ word -}}", "{%- if flag %}", "{{ ref('x').nothing }}", "{{ plain('é\\n') }}", "{{ config(a=[1, {'b': none}]) }}",
     "{{ 1 / 0 }}", "{{ word | upper }}", "{{ word | nofilter }}", "{{\n  plain(\n 'a') }}", "{% do items %}", "{{ }}",
     "{{ plain('a' }}", "%}", "}}", "{%", "'", "{{ return('r') }}"]
)  # fmt: skip


@settings(max_examples=400)
@given(st.lists(PARTS, min_size=1, max_size=9))
def test_pieces_give_what_the_whole_gives(parts):
    text = "".join(parts)
    assert rendered(text, whole=False) == rendered(text, whole=True), text
