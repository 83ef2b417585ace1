"""A record behaves as the standard frozen dataclass does, but that nothing stops an assignment."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

from eltflow.base import records


def _classes(decorate):
    @decorate(frozen=True, slots=True, kw_only=True)
    class Several:
        a: int
        b: str = "b"
        c: tuple[int, ...] = dataclasses.field(default_factory=tuple)
        secret: str = dataclasses.field(default="s", repr=False)
        note: str = dataclasses.field(default="", compare=False)

    @decorate(frozen=True, slots=True)
    class One:
        a: object

    @decorate(frozen=True)
    class Nothing:
        pass

    return Several, One, Nothing


OURS, THEIRS = _classes(records.dataclass), _classes(dataclasses.dataclass)


@pytest.mark.parametrize(("ours", "theirs"), list(zip(OURS, THEIRS, strict=True)))
def test_it_has_the_same_fields(ours, theirs):
    told = [[(f.name, f.type, f.kw_only, f.compare) for f in dataclasses.fields(one)] for one in (ours, theirs)]
    assert told[0] == told[1]
    assert hasattr(ours, "__slots__") == hasattr(theirs, "__slots__")


def test_it_is_shown_compared_and_hashed_alike():
    made = [(several(a=1, secret="x", note="n"), one([1])) for several, one, _ in (OURS, THEIRS)]
    assert repr(made[0]) == repr(made[1])
    assert "x" not in repr(made[0][0])
    for several, _, nothing in (OURS, THEIRS):
        assert several(a=1, note="m") == several(a=1, note="n")
        assert several(a=1) != several(a=2)
        assert several(a=1) != (1, "b", (), "s")
        assert hash(several(a=1, note="m")) == hash(several(a=1))
        assert nothing() == nothing()
        assert len({several(a=1), several(a=1, note="x"), several(a=2)}) == 2
    assert OURS[0](a=1) != THEIRS[0](a=1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(made[0][1])


def test_it_is_replaced_and_refuses_what_it_has_not():
    changed = dataclasses.replace(OURS[0](a=1), a=3)
    assert (changed.a, changed.b) == (3, "b")
    with pytest.raises(TypeError):
        OURS[0](1)
    with pytest.raises(TypeError):
        OURS[0](a=1, d=2)
    with pytest.raises(AttributeError):
        OURS[0](a=1).d = 2


def test_one_that_has_its_own_ways_keeps_them():
    @records.dataclass(frozen=True, slots=True)
    class Own:
        a: int

        def __repr__(self) -> str:
            return "own"

    assert repr(Own(1)) == "own"


@records.dataclass(frozen=True, slots=True)
class Kept:
    a: int
    b: tuple[str, ...] = ()


def test_it_is_copied_and_pickled():
    kept = Kept(1, ("x",))
    assert copy.deepcopy(kept) == kept
    assert pickle.loads(pickle.dumps(kept)) == kept


def test_one_that_changes_is_the_standard_one():
    @records.dataclass(slots=True)
    class Changes:
        a: int

    one = Changes(1)
    one.a = 2
    assert one == Changes(2)
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)
