"""Types go to text and back."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyftnb import model
from lyftnb.errors import WorkflowError
from lyftnb.operators.types import from_text, schema_from_model, schema_to_model, to_text

PLAIN = [
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT",
    "UINTEGER", "UBIGINT", "FLOAT", "DOUBLE", "VARCHAR", "BLOB", "DATE", "TIME", "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE", "INTERVAL", "DECIMAL(12,2)", '"NULL"',
]  # fmt: skip


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    names = st.text(st.sampled_from('ab, "()[]é'), min_size=1, max_size=4)
    struct = st.dictionaries(names, inner, min_size=1, max_size=3).map(
        lambda fields: "STRUCT({})".format(
            ", ".join('"{}" {}'.format(n.replace('"', '""'), t) for n, t in fields.items())
        )
    )
    return st.one_of(inner.map(lambda t: f"{t}[]"), inner.map(lambda t: f"{t}[3]"), struct)


@settings(max_examples=150, deadline=None)
@given(st.recursive(st.sampled_from(PLAIN), _nested, max_leaves=5))
def test_text_survives(text: str) -> None:
    assert to_text(from_text(text)) == text


@pytest.mark.parametrize(
    ("alias", "text"),
    [("int", "INTEGER"), ("text", "VARCHAR"), ("varchar(20)", "VARCHAR"),
     ("timestamptz", "TIMESTAMP WITH TIME ZONE"),
     ("numeric(5)", "DECIMAL(5,0)"), ("decimal", "DECIMAL(18,3)"), ("double  precision", "DOUBLE"),
     ("struct(a int, b text[])", 'STRUCT("a" INTEGER, "b" VARCHAR[])')],
)  # fmt: skip
def test_aliases_are_understood(alias: str, text: str) -> None:
    assert to_text(from_text(alias)) == text


@pytest.mark.parametrize(
    ("text", "hint"),
    [("BIGNIT", "BIGINT"), ("DECIMAL(50,2)", "38"), ("STRUCT(a)", "name and a type"), ("", "")],
)
def test_what_is_no_type_is_explained(text: str, hint: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        from_text(text)
    assert hint in (caught.value.hint or "")


def test_what_polars_has_beyond_is_stored_as_the_nearest() -> None:
    assert to_text(pl.Datetime("ns", "Asia/Tokyo")) == "TIMESTAMP WITH TIME ZONE"
    assert to_text(pl.Datetime("ms")) == "TIMESTAMP"
    assert to_text(pl.Enum(["a"])) == to_text(pl.Categorical()) == "VARCHAR"
    assert to_text(pl.Duration("ns")) == "INTERVAL"
    with pytest.raises(WorkflowError):
        to_text(pl.Object())


def test_schemas_go_both_ways() -> None:
    schema = pl.Schema({"a": pl.Int64(), "b": pl.List(pl.Struct({"c": pl.String()}))})
    stored = schema_to_model(schema)
    assert stored == model.Schema.from_mapping({"a": "BIGINT", "b": 'STRUCT("c" VARCHAR)[]'})
    assert schema_from_model(stored) == schema
