"""The python action: rows it fails on stand alone, and other faults say what and where."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from lyftnb.errors import LyftError, Permanent, Temporary, WorkflowError
from lyftnb.model import ActionSpec
from lyftnb.operators import Chain, ChainResult, Env

PICKY = """
def transform(lf):
    frame = lf.collect()
    for value in frame["a"]:
        if value % 7 == 3:
            raise ValueError(f"no {value}")
    return frame.with_columns(b=frame["a"] * 2)
"""


def _run(source: str, frame: pl.DataFrame, env: Env | None = None, **params: Any) -> ChainResult:
    chain = Chain(frame.lazy(), frame.schema, env)
    spec = ActionSpec(kind="python", params={"source": source, **params})
    chain.step("s", [spec], "reject", ["mine"])
    return chain.collect()


def test_offending_rows_stand_alone() -> None:
    result = _run(PICKY, pl.DataFrame({"a": range(30)}))
    bad = [3, 10, 17, 24]
    assert result.frame["a"].to_list() == [a for a in range(30) if a not in bad]
    assert result.frame["b"].to_list() == [2 * a for a in range(30) if a not in bad]
    assert [json.loads(row)["a"] for row in result.rejects["_row"]] == bad
    assert result.rejects["position"].to_list() == bad
    assert set(result.rejects["code"]) == {"python_error"}
    reason = result.rejects["reason"][0]
    assert reason == 'ValueError: no 3 (line 6: raise ValueError(f"no {value}"))'


@pytest.mark.parametrize(
    ("rows", "message"), [(20_000, "more than 200 of 20000 rows"), (3, "raised on every row")]
)
def test_a_broken_function_fails_the_batch(rows: int, message: str) -> None:
    source = "def f(lf):\n    return lf.select('nope').collect()\n"
    with pytest.raises(WorkflowError, match=message) as caught:
        _run(source, pl.DataFrame({"a": range(rows)}))
    assert 'the first row: {"a":0}' in str(caught.value)
    assert "line 2: return lf.select" in str(caught.value)


@pytest.mark.parametrize("kind", [Temporary, Permanent])
def test_the_author_may_fail_the_batch(kind: type[LyftError]) -> None:
    source = f"from lyftnb.errors import {kind.__name__} as E\ndef f(lf):\n    raise E('later')\n"
    with pytest.raises(kind, match="later"):
        _run(source, pl.DataFrame({"a": [1, 2]}))


def test_a_function_of_whole_frames_is_not_halved() -> None:
    with pytest.raises(WorkflowError, match="the function raised: ValueError: no 3"):
        _run(PICKY, pl.DataFrame({"a": range(30)}), rowwise=False)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def f(lf:\n", "line 1 of the source"),
        ("x = 1\n", "must define one function"),
        ("def f():\n    return 1\n", "f must take a frame"),
        ("def f(lf):\n    return 5\n", "returned int, not a frame"),
        ("import nothing_like_it\ndef f(lf):\n    return lf\n", "ModuleNotFoundError.*line 1"),
        ("def f(lf):\n    return lf.rename({'a': '__lyft_a'})\n", "made a column '__lyft_a'"),
    ],
)
def test_faults_of_the_source(source: str, message: str) -> None:
    with pytest.raises(WorkflowError, match=message) as caught:
        _run(source, pl.DataFrame({"a": [1]}))
    assert (caught.value.where or "").startswith("step s, action mine")


def test_the_context_is_the_claims() -> None:
    source = "import polars as pl\ndef f(lf, ctx):\n    return lf.with_columns(b=pl.lit(ctx.batch))"
    result = _run(source, pl.DataFrame({"a": [1]}), Env(batch="d/s/7"))
    assert result.frame["b"].to_list() == ["d/s/7"]


def test_rows_may_be_lost_and_made() -> None:
    source = "def f(lf):\n    return lf.filter(a=1).select(x='a')\n"
    result = _run(source, pl.DataFrame({"a": [1, 1, 2]}))
    assert result.frame.to_dict(as_series=False) == {"x": [1, 1]}


def test_a_bad_row_may_come_alone() -> None:
    result = _run(PICKY, pl.DataFrame({"a": [3]}))
    assert (result.frame.columns, result.frame.height) == (["a", "b"], 0)
    assert result.rejects["code"].to_list() == ["python_error"]
