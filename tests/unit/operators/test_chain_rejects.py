"""Nothing is lost: a row is good, rejected, dropped or filtered, whatever the chain looks like.

A chain of random actions is held against a reference that takes one row at a time in plain Python.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyftnb.errors import BadData
from lyftnb.model import ActionSpec, OnError
from lyftnb.operators import REJECTS_SCHEMA, Chain, Env, Scratch

SCHEMA = pl.Schema({"id": pl.Int64, "n": pl.Int64, "t": pl.String, "l": pl.List(pl.Int64)})
Row = dict[str, Any]


class Rejected(Exception):
    """The reference's word for a row that an action cannot take."""


@dataclass(frozen=True)
class Part:
    """An action, and what it does to one row in plain Python: the rows that it becomes."""

    spec: dict[str, Any]
    naive: Callable[[Row], list[Row]]


def _cast(row: Row) -> list[Row]:
    if row["t"] is None:
        return [row | {"c": None}]
    try:
        return [row | {"c": int(row["t"])}]
    except ValueError:
        raise Rejected from None


def _assert(row: Row) -> list[Row]:
    if row["n"] is None or row["n"] <= 0:
        raise Rejected
    return [row]


def _sum(row: Row) -> list[Row]:
    if row["n"] is None:
        return [row]
    if not -(2**63) <= row["n"] + row["n"] < 2**63:
        raise Rejected
    return [row | {"n": row["n"] + row["n"]}]


def _python(row: Row) -> list[Row]:
    if row["n"] == 13:
        raise Rejected
    return [row]


def _regex(row: Row) -> list[Row]:
    if row["t"] == "":
        raise Rejected
    return [row | {"w": row["t"] and row["t"][0]}]


PYTHON = """
def transform(lf):
    frame = lf.collect()
    if 13 in frame["n"]:
        raise ValueError("thirteen")
    return frame
"""

PARTS = [
    Part({"filter": "n IS NULL OR n <> 3"}, lambda r: [r] if r["n"] != 3 else []),
    Part({"derive": {"c": "CAST(t AS BIGINT)"}}, _cast),
    Part({"derive": {"n": "n + n"}}, _sum),
    Part({"assert": "n > 0"}, _assert),
    Part({"explode": {"columns": "l", "empty": "drop"}}, lambda r: [r | {"l": x} for x in r["l"]]),
    Part({"python": PYTHON}, _python),
    Part({"rename": {"t": "u"}}, lambda r: [{("u" if k == "t" else k): v for k, v in r.items()}]),
    Part({"filter": "CAST(t AS BIGINT) > 0"}, lambda r: [r] if (_cast(r)[0]["c"] or 0) > 0 else []),
    Part({"regex": {"field": "t", "pattern": "^(?<w>.)"}}, _regex),
    Part({"limit": 1000}, lambda r: [r]),
    Part({"sql": "SELECT * FROM batch WHERE n IS NULL OR n <> 7"}, lambda r: [r] * (r["n"] != 7)),
]
EXPLODE, RENAME = PARTS[4], PARTS[6]
NEW_ROWS = ("python", "limit", "sql")
"""After these, `_row` and `position` speak of the rows that they gave."""


def _once(parts: list[Part]) -> list[Part]:
    """Explode and rename change the columns: at most one of each, and nothing after the rename."""
    out: list[Part] = []
    for part in parts:
        if part is EXPLODE and EXPLODE in out:
            continue
        out.append(part)
        if part is RENAME:
            break
    return out


rows = st.lists(
    st.fixed_dictionaries(
        {
            "n": st.one_of(st.none(), st.sampled_from([-1, 1, 3, 7, 13, 2**62])),
            "t": st.sampled_from([None, "1", "x", "-5", ""]),
            "l": st.lists(st.integers(0, 3), max_size=3),
        }
    ),
    max_size=30,
)


def _reference(data: list[Row], steps: list[list[Part]]) -> tuple[list[Row], dict[str, list[Row]]]:
    rejects: dict[str, list[Row]] = {}
    for number, parts in enumerate(steps):
        after: list[Row] = []
        for entered in data:
            pieces = [entered]
            for part in parts:
                made: list[Row] = []
                for piece in pieces:
                    try:
                        made += part.naive(piece)
                    except Rejected:
                        rejects.setdefault(f"s{number}", []).append(entered)
                pieces = made
            after += pieces
        data = after
    return data, rejects


def _chain(
    data: list[Row], steps: list[list[Part]], on_error: OnError, scratch: Scratch | None = None
) -> Chain:
    frame = pl.DataFrame(data, schema=SCHEMA).lazy()
    chain = Chain(frame, SCHEMA, Env(batch="d/s/1", split=4), scratch=scratch)
    for number, parts in enumerate(steps):
        specs = [ActionSpec.model_validate(part.spec) for part in parts]
        names = [f"{spec.kind}[{i}]" for i, spec in enumerate(specs)]
        chain.step(f"s{number}", specs, on_error, names)
    return chain


def _key(row: Row) -> str:
    return json.dumps(row, sort_keys=True)


@settings(max_examples=150, deadline=None)
@given(
    data=rows,
    picks=st.lists(st.lists(st.sampled_from(PARTS), max_size=4), min_size=1, max_size=3),
    on_error=st.sampled_from(["reject", "drop"]),
    on_disk=st.booleans(),
)
def test_good_and_rejected_rows_are_those_of_the_reference(
    data: list[Row], picks: list[list[Part]], on_error: OnError, on_disk: bool
) -> None:
    flat = _once([part for parts in picks for part in parts])
    lengths = [len(parts) for parts in picks]
    steps = [flat[sum(lengths[:i]) : sum(lengths[: i + 1])] for i in range(len(picks))]
    data = [{"id": i, **row} for i, row in enumerate(data)]
    if _to_blame(data, steps):
        return
    good, rejects = _reference(data, steps)
    with TemporaryDirectory() as folder:
        scratch = Scratch(Path(folder), piece_bytes=1) if on_disk else None
        result = _chain(data, steps, on_error, scratch).collect()
        frame, rejects_found = result.frame, result.rejects
    assert frame.rows(named=True) == good
    assert result.good.height == frame.height and result.schema == frame.schema
    assert rejects_found.schema == REJECTS_SCHEMA
    counted = {c.step: (c.dropped if on_error == "drop" else c.rejects) for c in result.counts}
    assert {s: n for s, n in counted.items() if n} == {s: len(r) for s, r in rejects.items()}
    if on_error == "drop":
        assert rejects_found.is_empty()
        return
    for step, expected in rejects.items():
        found = rejects_found.filter(pl.col("step") == step)
        assert found["batch"].unique().to_list() == ["d/s/1"]
        ids = sorted(json.loads(row)["id"] for row in found["_row"])
        assert ids == sorted(row["id"] for row in expected)
    first = rejects_found.filter(pl.col("step") == "s0")
    if not any(kind in part.spec for part in steps[0] for kind in NEW_ROWS):
        entered = {_key(row) for row in rejects.get("s0", [])}
        assert {_key(json.loads(row)) for row in first["_row"]} == entered
        assert all(
            json.loads(row)["id"] == position
            for row, position in first.select("_row", "position").iter_rows()
        )


def _to_blame(data: list[Row], steps: list[list[Part]]) -> bool:
    """Where no row goes through the python body, the batch fails: another test's business."""
    before: list[Part] = []
    for part in (part for parts in steps for part in parts):
        if "python" in part.spec:
            came, _ = _reference(data, [before])
            if came and all(row["n"] == 13 for row in came):
                return True
        before.append(part)
    return False


def test_fail_raises_with_the_first_row_and_its_place() -> None:
    data = [{"id": 0, "n": 1, "t": "1", "l": []}, {"id": 1, "n": 1, "t": "x", "l": []}]
    chain = _chain(data, [[PARTS[1]]], "fail")
    with pytest.raises(BadData, match='"t":"x"') as caught:
        chain.collect()
    assert caught.value.where == "step s0, action derive[0]"
    assert caught.value.facts["position"] == 1


def test_an_action_may_decide_otherwise_than_its_step() -> None:
    frame = pl.DataFrame({"a": [1, -1]})
    chain = Chain(frame.lazy(), frame.schema)
    spec = ActionSpec.model_validate({"assert": "a > 0", "on_error": "drop"})
    chain.step("s", [spec], "fail", ["positive"])
    result = chain.collect()
    assert result.frame["a"].to_list() == [1]
    assert (result.counts[0].dropped, result.counts[0].rejects) == (1, 0)


def test_a_chain_goes_on_from_the_result_of_another() -> None:
    first = _chain([{"id": 0, "n": 1, "t": "1", "l": [1, 2]}], [[EXPLODE]], "reject").collect()
    second = Chain(first.frame.lazy(), first.schema)
    second.step("b", [ActionSpec.model_validate({"derive": {"m": "l * 2"}})], "reject", ["m"])
    assert second.collect().frame["m"].to_list() == [2, 4]
