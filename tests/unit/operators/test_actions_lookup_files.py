"""Lookups from files: kinds, paths, changes, faults."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lyftnb.errors import LyftError, NotFound, StorageError
from lyftnb.model import ActionSpec
from lyftnb.operators import Chain, Env

TABLE = pl.DataFrame({"code": ["UA", "AA"], "name": ["United", "American"], "n": [1, 2]})


def _names(folder: Path, file: str, **more: Any) -> list[str | None]:
    frame = pl.DataFrame({"code": ["AA", None, "UA", "??"]})
    chain = Chain(frame.lazy(), frame.schema, Env(base_path=str(folder)))
    params = {"file": file, "on": "code", "add": ["name"], **more}
    chain.step("s", [ActionSpec(kind="lookup", params=params)], "reject", ["look"])
    return chain.collect().frame["name"].to_list()


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "json", "ndjson"])
def test_kinds(tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"t.{kind}"
    match kind:
        case "csv":
            TABLE.write_csv(file)
        case "tsv":
            TABLE.write_csv(file, separator="\t")
        case "parquet":
            TABLE.write_parquet(file)
        case "json":
            TABLE.write_json(file)
        case "ndjson":
            TABLE.write_ndjson(file)
    assert _names(tmp_path, f"t.{kind}") == ["American", None, "United", None]


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("code,name\nUA,old\nUA,older\n")
    assert _names(tmp_path, "t.csv") == [None, None, "older", None]
    (tmp_path / "t.csv").write_text("code,name\nUA,a longer one\n")
    assert _names(tmp_path, "t.csv") == [None, None, "a longer one", None]


def test_the_state_of_a_file_is_told(tmp_path: Path) -> None:
    frame = pl.DataFrame({"code": ["UA"]})
    spec = ActionSpec(kind="lookup", params={"file": "t.csv", "on": "code", "add": ["name"]})
    seen = []
    for name in ("old", "new", "old"):
        (tmp_path / "t.csv").write_text(f"code,name\nUA,{name}\n")
        os.utime(tmp_path / "t.csv", ns=(len(seen), len(seen)))
        chain = Chain(frame.lazy(), frame.schema, Env(base_path=str(tmp_path)))
        chain.step(
            "s",
            [spec, spec.model_copy(update={"params": {**spec.params, "add": {"b": "name"}}})],
            "reject",
            ["look", "again"],
        )
        (file,) = chain.collect().files
        assert (file.step, file.path) == ("s", "t.csv")
        seen.append(file.fingerprint)
    assert seen[0] == seen[2] != seen[1]


def test_csv_is_understood_as_the_files_input_does(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "code,name,n,day,at\nUA,007,NA,2013-01-01,2013-01-01T06:00:00Z\nAA,NA,2,,\n"
    )
    frame = pl.DataFrame({"code": ["AA", "UA"]})
    spec = ActionSpec(
        kind="lookup", params={"file": "t.csv", "on": "code", "add": ["name", "n", "day", "at"]}
    )
    chain = Chain(frame.lazy(), frame.schema, Env(base_path=str(tmp_path)))
    chain.step("s", [spec], "reject", ["look"])
    found = chain.collect().frame
    at = datetime(2013, 1, 1, 6, tzinfo=UTC)
    assert found.rows() == [("AA", None, 2, None, None), ("UA", "007", None, at.date(), at)]
    assert found.schema["at"] == pl.Datetime("us", "UTC")


def test_declared_types(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("code,name\n7,Bond\n8,Bill\n")
    with pytest.raises(LyftError, match="'code' is VARCHAR and 'code' of the table is BIGINT"):
        _names(tmp_path, "t.csv")
    assert _names(tmp_path, "t.csv", types={"code": "VARCHAR"}) == [None] * 4
    with pytest.raises(
        StorageError, match=r"t\.csv:2: column 'name': 'Bond' is not a BIGINT \(and 1"
    ):
        _names(tmp_path, "t.csv", types={"code": "VARCHAR", "name": "BIGINT"})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("code,name\nUA\nAA,A\n", "t.csv:2: 2 fields were expected, found 1"),
        ("code,name\nUA,U\nAA,A,B\nX\n", "t.csv:3: 2 fields were expected, found 3 (and 1 more)"),
        ('code,name\nUA,"two\nlines"\nAA,"A\n', "t.csv:4: a quote is not closed"),
        ("code,code\nUA,U\n", "the header names the column 'code' twice"),
    ],
)
def test_a_table_with_a_bad_record_is_refused_with_its_place(
    tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(StorageError) as caught:
        _names(tmp_path, "t.csv")
    assert caught.value.message == f"'{tmp_path / 't.csv'}' cannot be read: {said}"


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("none.csv", None, NotFound),
        ("t.xlsx", "x", LyftError),
        ("t.parquet", "no parquet", StorageError),
        ("t.json", "{", StorageError),
    ],
)
def test_faults(tmp_path: Path, name: str, content: str | None, error: type[LyftError]) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(error) as caught:
        _names(tmp_path, name)
    assert caught.value.hint
    assert (caught.value.where or "").startswith("step s, action look")
