"""Kinds, parameters, entry points and the reference page."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from lyftnb.connectors import registry
from lyftnb.connectors.base import Source, SourceEnv
from lyftnb.connectors.checker import ConnectorChecker
from lyftnb.connectors.discard import Discard
from lyftnb.connectors.docs import reference
from lyftnb.connectors.registry import SINKS, SOURCES, Registry
from lyftnb.errors import NotFound, SetupError
from lyftnb.model import InputSpec, OutputSpec, Params

CHECKER = ConnectorChecker()


def test_the_reference_page_is_true():
    page = Path(__file__).parents[3] / "docs" / "connectors.md"
    hint = "write it anew: python -m lyftnb.connectors.docs > docs/connectors.md"
    assert page.read_text() == reference(), hint


def test_every_output_says_how_it_delivers():
    assert all(SINKS[kind].delivery in reference() for kind in SINKS)


@pytest.mark.parametrize(
    ("spec", "code", "path", "hint"),
    [
        (InputSpec(kind="flies"), "unknown_kind", ("flies",), "did you mean 'files'?"),
        (
            InputSpec(kind="files", params={"path": "x", "formt": "csv"}),
            "unknown_key",
            ("files", "formt"),
            "did you mean 'format'?",
        ),
        (InputSpec(kind="files", params={}), "missing_key", ("files", "path"), ""),
        (
            InputSpec(kind="files", params={"path": "x", "schema": {"a": "NUMBER?"}}),
            "bad_parameter",
            ("files",),
            "",
        ),
        (
            InputSpec(kind="inline", params=5),
            "bad_parameter",
            ("inline",),
            "there is: rows, text, format, schema",
        ),
    ],
)
def test_wrong_inputs_are_found_with_their_place(spec, code, path, hint):
    schema, (finding, *_) = CHECKER.check_input(spec)
    assert schema is None
    assert (finding.code, finding.path, finding.hint) == (code, path, hint)


@pytest.mark.parametrize(
    ("kind", "type_"),
    [("csv", "BIGINT[]"), ("ndjson", "UBIGINT"), ("ndjson", "INTERVAL"), ("json", "BIGINT[3]")],
)
def test_types_that_a_format_cannot_hold_are_found(kind, type_):
    params = {"path": "x", "format": kind, "schema": {"a": type_}}
    schema, (finding,) = CHECKER.check_input(InputSpec(kind="files", params=params))
    assert schema is None
    assert type_ in finding.message and finding.hint


def test_right_ones_give_their_schema():
    spec = InputSpec(kind="files", params={"path": "x", "schema": {"a": "int", "b": "text[]"}})
    schema, findings = CHECKER.check_input(spec)
    assert findings == ()
    assert schema is not None
    assert schema.to_mapping() == {"a": "INTEGER", "b": "VARCHAR[]"}


def test_outputs():
    assert CHECKER.check_output(OutputSpec(kind="parquet", params={"path": "x"})) == ()
    assert CHECKER.check_output(OutputSpec(kind="discard")) == ()
    (finding,) = CHECKER.check_output(
        OutputSpec(kind="duckdb", params={"path": "x", "table": "a b"})
    )
    assert finding.path == ("duckdb", "table")
    assert not CHECKER.external("discard")
    assert CHECKER.external("parquet")


def test_parameters_have_a_json_schema():
    assert "schema" in CHECKER.input_schemas()["files"]["properties"]
    assert "partition_by" in CHECKER.output_schemas()["parquet"]["properties"]
    assert len(CHECKER.input_kinds()) == len(SOURCES)


class Own(Source[Params]):
    """A connector of someone else's."""

    name = "own"
    Params = Params

    def discover(self, params, position, env):
        raise NotImplementedError

    def advance(self, params, position, splits):
        raise NotImplementedError

    def read(self, params, payload, floor, env):
        raise NotImplementedError


def test_entry_points_are_loaded_when_asked_for_and_broken_ones_named(monkeypatch):
    points = [
        EntryPoint("own", f"{__name__}:Own", "lyftnb.sources"),
        EntryPoint("gone", "no_such_module:X", "lyftnb.sources"),
        EntryPoint("wrong", f"{__name__}:CHECKER", "lyftnb.sources"),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    sources = Registry("input", "lyftnb.sources", Source, (SOURCES["files"],))
    assert list(sources) == ["files", "gone", "own", "wrong"]
    assert sources["own"].name == "own"
    with pytest.raises(SetupError, match="'gone' cannot be loaded"):
        sources["gone"]
    with pytest.raises(SetupError, match="'wrong' is no Source class"):
        sources["wrong"]
    with pytest.raises(NotFound):
        sources["none"]
    assert isinstance(SINKS["discard"], Discard)


def test_the_example_of_the_docs_runs():
    text = (Path(__file__).parents[3] / "docs" / "extending-connectors.md").read_text()
    names: dict[str, object] = {}
    exec(text.split("```python\n")[1].split("```")[0], names)
    source = names["Countdown"]()
    params, env = source.parse({"start": 3}), SourceEnv()
    (split,) = source.discover(params, {}, env).splits
    assert source.read(params, split.payload, None, env).frame.collect()["n"].to_list() == [3, 2, 1]
    assert source.discover(params, source.advance(params, {}, [split.payload]), env).splits == ()
