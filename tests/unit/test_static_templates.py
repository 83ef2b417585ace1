"""The static scan gives what Jinja2 gives, wherever it gives anything."""

from __future__ import annotations

import gc
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eltflow.jinja.pieces import split
from eltflow.jinja.renderer import Renderer
from eltflow.jinja.static import blocks, branch_calls, literal_call, macro_names, scan

PIECES = st.sampled_from(
    ["select 1", "\n", " ", "{{ ref('a') }}", '{{ source("s", "t") }}', "{{ config(x=[1, 2], y={'a': none}) }}", "{# no #}", "from t",
     "{{ var('v') }}", "{", "}", "%", "'{'", "-- it's", "é\n", "{{ ref( 'b' ) }}"]
)  # fmt: skip


def value(name: str, *args: object) -> str:
    return "" if name == "config" else f"<{name} {' '.join(map(str, args))}>"


@given(st.lists(PIECES, max_size=12))
def test_substitution_equals_rendering(pieces):
    text = "".join(pieces)
    template = scan(text)
    names = {n: (lambda *a, _n=n, **k: value(_n, *a)) for n in ("ref", "source", "config", "var")}
    if template is not None:
        assert template.substitute(lambda call: value(call.name, *call.args))[0] == Renderer(()).render(text, "m.sql", names).text


@pytest.mark.parametrize(
    "text",
    [
        "{% if x %}a{% endif %}",
        "{{ x }}",
        "{{- ref('a') }}",
        "{{ ref('a') -}}",
        "{{ ref(x) }}",
        "{{ ref('a').name }}",
        "{{ 'a' }}",
        "{{ ref('a')",
        "{{ ref('a').include('b') }}",
        "{{ var('a')('b') }}",
        "{{ config(post_hook='delete from t -- all of it\nwhere id > 1') }}",
        "{{ config(meta={[1]: 2}) }}",
        "{{ config(a=.5) }}",
        "{{ config(a=1, # one\n b=2) }}",
    ],
)
def test_what_needs_rendering_is_left_to_it(text):
    assert scan(text) is None


def test_literal_arguments():
    (call,) = scan("{{ config(a='x', b=[1, -2.5], c={'k': true}, d=none) }}").calls
    assert dict(call.kwargs) == {"a": "x", "b": [1, -2.5], "c": {"k": True}, "d": None}


def test_calls_in_branches_not_taken():
    text = "{% if false %}{{ ref('a') }}{% else %}{{ source('s', 't') }}{% endif %}{# {{ ref('c') }} #} ref('d')"
    assert branch_calls(text) == (("ref", ("a",)), ("source", ("s", "t")))


def test_macro_names():
    assert macro_names("{% macro a(x) %}{% endmacro %}\n{%- test b(model) %}{% endtest %}") == (("macro", "a", 1), ("test", "b", 2))


def test_threads_read_literals_at_the_same_time():
    """Python 3.11 counts the nesting of `ast` once for all threads; a collection of garbage amid a parse lets another one in."""

    class Cycle:
        def __init__(self):
            self.me = self

        def __del__(self):
            for _ in range(5):
                pass

    text = "config(a=" + "[" * 8 + "1" + "]" * 8 + ", b=-1.5)"
    wrong = []

    def parse(depth):
        if depth:
            return parse(depth - 1)
        for _ in range(400):
            Cycle()
            try:
                assert literal_call(text).kwargs[1] == ("b", -1.5)
            except BaseException as error:
                wrong.append(error)

    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(5)
    try:
        threads = [threading.Thread(target=parse, args=(depth,)) for depth in (3, 9, 14)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*thresholds)
    assert wrong == []


@pytest.mark.parametrize("text", ["{" * 8000, "{{ ' " * 8000, '{{ "' * 6000, "{% " * 8000, "{#" * 20000])
def test_garbage_has_no_blocks_and_is_left_to_jinja(text):
    """Each of these took seconds when every bracket was tried."""
    assert list(blocks(text)) == []
    assert split(text, lambda name: True) is None


def test_blocks_end_where_one_is_not_closed():
    assert [block.group() for block in blocks("a {{ x }} {# c #}{% if y %} {{ z")] == ["{{ x }}", "{# c #}", "{% if y %}"]
