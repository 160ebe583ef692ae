"""A sum that does not fit its type: the error says where it was made, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lyftnb.errors import BadData
from lyftnb.model import ActionSpec
from lyftnb.operators import Chain, Env, Scratch, emission

LONG, HUGE = 2**63 - 1, 2**127 - 1
ROWS = pl.DataFrame(
    {
        "k": ["a", "a"],
        "b": [LONG, 1],
        "h": pl.Series([HUGE, 1], dtype=pl.Int128),
        "d": pl.Series(["9" * 38, "1"]).cast(pl.Decimal(38, 0)),
        "l": [[LONG, 1], [2]],
    }
)


@pytest.mark.parametrize(
    ("actions", "where", "told"),
    [
        (
            [{"derive": {"one": "1"}}, {"aggregate": {"by": ["k"], "compute": {"t": "sum(b)"}}}],
            "aggregate",
            "a sum does not fit BIGINT, in column 't': sum(b)",
        ),
        (
            [{"aggregate": {"compute": {"n": "count(*)", "t": "sum(h)"}}}, {"filter": "t > 0"}],
            "aggregate",
            "a sum does not fit HUGEINT, in column 't': sum(h)",
        ),
        (
            [{"aggregate": {"compute": {"t": "sum(d)"}}}],
            "aggregate",
            "a sum does not fit a DECIMAL of 38 digits, in column 't': sum(d)",
        ),
        (
            [{"derive": {"one": "1"}}, {"derive": {"t": "list_sum(l)"}}, {"filter": "one > 0"}],
            "derive2",
            "a sum does not fit BIGINT, in column 't': list_sum(l)",
        ),
        (
            [{"derive": {"u": "list_sum(list_concat(l, [1]))", "t": "u + 1"}}],
            "derive",
            "a sum does not fit BIGINT, in column 'u': list_sum(list_concat(l, [1]))",
        ),
        (
            [{"select": {"k": "k", "t": "list_sum(l) + 1"}}],
            "select",
            "a sum does not fit BIGINT, in column 't': list_sum(l) + 1",
        ),
        (
            [{"filter": "k = 'a'"}, {"filter": "list_sum(l) > 1"}],
            "filter2",
            "a sum does not fit its type: list_sum(l) > 1",
        ),
        (
            [{"assert": ["b > 0", "list_sum(l) > 1"]}],
            "assert",
            "a sum does not fit its type: list_sum(l) > 1",
        ),
    ],
)
@pytest.mark.parametrize("spills", [False, True])
def test_the_error_names_action_and_column(
    actions: list[dict[str, Any]], where: str, told: str, spills: bool, tmp_path: Path
) -> None:
    names = [next(iter(action)) for action in actions]
    names = [n if n not in names[:i] else f"{n}{i + 1}" for i, n in enumerate(names)]
    chain = Chain(ROWS.lazy(), ROWS.schema, scratch=Scratch(tmp_path, 2**20) if spills else None)
    with pytest.raises(BadData) as caught:
        chain.step("add", [ActionSpec.model_validate(a) for a in actions], "reject", names)
        chain.collect()
    assert caught.value.message == told
    assert caught.value.where == f"step add, action {where}"
    assert "DOUBLE" in str(caught.value.hint)


def test_a_sum_of_a_message_says_so_too() -> None:
    emitted = emission({"t": "sum(b)"})
    with pytest.raises(BadData, match="a sum does not fit"):
        emitted.partial(ROWS, Env())
    partial = emitted.partial(ROWS.head(1), Env())
    with pytest.raises(BadData, match="a sum does not fit"):
        emitted.payload([partial, partial], Env())
