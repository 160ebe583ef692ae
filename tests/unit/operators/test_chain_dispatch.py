"""Dispatch: every row goes where it should, in order, and none is lost."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyftnb.errors import LyftError
from lyftnb.model import DispatchSpec
from lyftnb.operators import Env, Routed, route

PORTS = [("a", "to_a"), ("b", "to_b"), ("rest", "to_rest")]


def _route(frame: pl.DataFrame, dispatch: Any, split: str = "w/s/1/0") -> Routed:
    return route(frame, DispatchSpec.model_validate(dispatch), PORTS, Env(), split)


@settings(max_examples=50, deadline=None)
@given(height=st.integers(0, 20), split=st.text(max_size=5))
def test_round_robin_is_balanced_and_repeats_itself(height: int, split: str) -> None:
    frame = pl.DataFrame({"i": range(height)})
    routed = _route(frame, "round_robin", split)
    sizes = [part.height for part in routed.by_port.values()]
    assert max(sizes) - min(sizes) <= 1
    assert sorted(i for part in routed.by_port.values() for i in part["i"]) == list(range(height))
    assert all(part["i"].is_sorted() for part in routed.by_port.values())
    again = _route(frame, "round_robin", split)
    assert all(again.by_port[port].equals(part) for port, part in routed.by_port.items())


def test_round_robin_begins_where_the_split_says() -> None:
    first = {
        next(
            p
            for p, part in _route(pl.DataFrame({"i": [0]}), "round_robin", s).by_port.items()
            if part.height
        )
        for s in "abcdefghijkl"
    }
    assert first == {"a", "b", "rest"}


def test_clone_gives_every_row_to_every_port() -> None:
    frame = pl.DataFrame({"i": [1, 2]})
    routed = _route(frame, "clone")
    assert all(part.equals(frame) for part in routed.by_port.values())
    assert routed.unrouted.is_empty()


@pytest.mark.parametrize("default", [None, "rest"])
@pytest.mark.parametrize(
    ("values", "cases"),
    [
        (["x", "y", None, "z", "x"], {"x": "a", "y": "b"}),
        ([1, 2, None, 3, 1], {1: "a", 2: "b"}),
        ([True, None, None, False, True], {True: "a", "other": "b"}),
    ],
)
def test_conditional_by_value(values: list[Any], cases: Any, default: str | None) -> None:
    frame = pl.DataFrame({"v": values, "i": range(len(values))})
    dispatch = {"mode": "conditional", "field": "v", "cases": cases, "default": default}
    routed = _route(frame, dispatch)
    texts = {str(value): port for value, port in cases.items()}
    expected = [texts.get(str(v)) if v is not None else None for v in values]
    for port, part in routed.by_port.items():
        assert part["i"].to_list() == [i for i, e in enumerate(expected) if (e or default) == port]
    lost = [i for i, e in enumerate(expected) if (e or default) is None]
    assert routed.unrouted["i"].to_list() == lost
    assert routed.unrouted_positions.to_list() == lost


def test_conditional_takes_the_first_true_condition() -> None:
    frame = pl.DataFrame({"n": [5, 50, None, 500], "t": ["1", "x", None, "3"]})
    when = [{"a": "n > 100"}, {"b": "n > 10 OR CAST(t AS BIGINT) = 1"}]
    routed = _route(frame, {"mode": "conditional", "when": when})
    assert routed.by_port["a"]["n"].to_list() == [500]
    assert routed.by_port["b"]["n"].to_list() == [5, 50]
    assert routed.unrouted["n"].to_list() == [None]


@pytest.mark.parametrize(
    ("dispatch", "message"),
    [
        ({"mode": "conditional", "field": "w", "cases": {"x": "a"}}, "unknown column 'w'"),
        ({"mode": "conditional", "field": "v", "cases": {"x": "aa"}}, "unknown port 'aa'"),
        ({"mode": "conditional", "when": [{"a": "v + 1"}]}, "VARCHAR"),
        ({"mode": "conditional"}, "needs 'field'"),
        ({"mode": "conditional", "field": "v"}, "needs cases"),
    ],
)
def test_faults(dispatch: Any, message: str) -> None:
    with pytest.raises(LyftError, match=message):
        _route(pl.DataFrame({"v": ["x"]}), dispatch)
