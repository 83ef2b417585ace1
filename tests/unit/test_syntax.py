"""What the walk over tokens takes for an expression, Jinja2 takes too."""

from __future__ import annotations

import jinja2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eltflow.jinja.syntax import is_expression

ENVIRONMENT = jinja2.Environment(undefined=jinja2.Undefined)
PIECES = [
    "a",
    "b",
    "f",
    "upper",
    "defined",
    "none",
    "true",
    "1",
    "2.5",
    "'x'",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    ":",
    "|",
    "is",
    "not",
    "in",
    "and",
    "or",
    "if",
    "else",
    "+",
    "-",
    "*",
    "//",
    "**",
    "~",
    "==",
    "<",
    "=",
    "x=",
    "y=",
    "is",
    "not",
    "not",
    "in",
    "for",
]


def taken_by_jinja(text: str, conditional: bool) -> bool:
    template = f"{{{{ {text} }}}}" if conditional else f"{{% if {text} %}}a{{% endif %}}{{% for x in {text} %}}a{{% endfor %}}"
    try:
        ENVIRONMENT.compile(template)
    except jinja2.TemplateAssertionError:
        return True  # no such filter or test: the names are looked at elsewhere
    except jinja2.TemplateSyntaxError:
        return False
    return True


@settings(max_examples=1500)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9), st.booleans())
@example(["a", "is", "defined", "if", "b"], True)
@example(["a", "if", "b", "if", "a", "else", "b", "else", "a"], True)
@example(["f", "(", "x=", "1", ",", "x=", "2", ")"], True)
@example(["a", "|", "upper", "[", "1", "]"], True)
@example(["1", "+", "not", "a"], True)
def test_what_is_sure_compiles(words, conditional) -> None:
    text = " ".join(words)
    if is_expression(text, conditional):
        assert taken_by_jinja(text, conditional), text


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "f()",
        "f(a, x=1, y='z')",
        "a.b.c(1)[0]",
        "['a', 'b']",
        "{'k': a if b else c, 'l': [1]}",
        "a|upper|f('x')",
        "a | default(1) + 2",
        "not a and b is not none",
        "a is defined",
        "a not in ('x', 'y')",
        "-1 + 2.5 * -a",
        "'x' ~ a ~ 'y'",
        "f(not a)",
    ],
)
def test_what_people_write_is_sure(text) -> None:
    assert taken_by_jinja(text, True)
    assert is_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "1 +",
        "kw(1 2)",
        "1 if",
        "'a': 1",
        "",
        "a b",
        "f(a=1, 2)",
        "f(a=1, a=2)",
        "a | ",
        "a.",
        "[1 2]",
        "{1}",
        "{1: 2 3: 4}",
        "007",
        "(]",
        "f(",
        "a is",
        "a is defined is none",
        "(,)",
        "a[]",
        "if",
        "a else b",
        "a is not",
        "- - a",
        "+".join("a" * 200),
    ],
)
def test_what_is_not_sure(text) -> None:
    assert not is_expression(text)


@pytest.mark.parametrize("text", ["a if b", "a if b else c", "a if b else c or a"])
def test_a_condition_within_a_tag_is_not_sure(text) -> None:
    assert is_expression(text)
    assert not is_expression(text, conditional=False)
    assert is_expression(f"({text})", conditional=False)
