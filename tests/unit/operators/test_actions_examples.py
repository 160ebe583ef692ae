"""Each action's example is a test: what the docs and forms show is what happens."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest

from lyftnb.model import ActionSpec
from lyftnb.operators.base import Action, Env
from lyftnb.operators.chain import Chain
from lyftnb.operators.registry import ACTIONS


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return value


@pytest.mark.parametrize("kind", ACTIONS.values(), ids=ACTIONS)
def test_example(kind: Action[Any]) -> None:
    example = kind.example
    tables = {name: pl.DataFrame(rows).lazy() for name, rows in example.tables.items()}
    frame = pl.DataFrame(example.rows)
    chain = Chain(frame.lazy(), frame.schema, Env(tables=tables))
    chain.step("s", [ActionSpec(kind=kind.name, params=example.params)], "reject", [kind.name])
    planned = chain.schema
    result = chain.collect()
    rows = [{n: _plain(v) for n, v in row.items()} for row in result.frame.iter_rows(named=True)]
    assert rows == list(example.result)
    assert result.schema == planned
