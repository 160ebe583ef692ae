"""Drafts: built in Python, the same document as in YAML, honest about what cannot be one."""

from __future__ import annotations

import datetime
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import lyftnb as ln
from lyftnb.errors import ConfigError, InvalidWorkflow, NotFound, WorkflowError
from lyftnb.workspace.scaffold import copy_files

YAML = """\
workflow: flights   # a comment that stays
context: {min_distance: 100}
channels:
  raw: {transport: spool, event_time: time_hour}
steps:
  ingest:
    input: {files: {path: "data/*.csv"}}
    group: edge
    out: raw
  clean:
    in: raw
    replicas: 2
    actions:
      - filter: "distance >= {{min_distance}}"
      - derive: {speed: "distance / (air_time / 60.0)"}
      - lookup: {file: airlines.csv, on: carrier, add: [name]}
      - {assert: "speed > 0", id: fast_enough}
    output: {parquet: {path: out}}
"""


def built() -> ln.Workflow:
    wf = ln.Workflow("flights", context={"min_distance": 100})
    wf.channel("raw", transport="spool", event_time="time_hour")
    wf.step("ingest", out="raw", group="edge").input("files", path=Path("data/*.csv"))
    clean = wf.step("clean", in_="raw", replicas=2).filter("distance >= {{min_distance}}")
    clean.derive(speed="distance / (air_time / 60.0)")
    clean.lookup(file="airlines.csv", on="carrier", add=("name",))
    clean.action("assert", "speed > 0", id="fast_enough").output("parquet", path="out")
    return wf


def test_python_and_yaml_are_two_views_of_one_document() -> None:
    loaded = ln.Workflow.from_yaml(YAML)
    assert built().to_dict() == loaded.to_dict()
    assert built().spec == loaded.spec
    assert built().digest == ln.Workflow.from_yaml(built().to_yaml()).digest


def test_settings_of_the_deployment_and_words_for_people_do_not_count_for_the_digest() -> None:
    wf = built()
    wf.step("clean", description="other words", replicas=7)
    assert wf.digest == built().digest
    wf.step("clean").limit(10)
    assert wf.digest != built().digest


def test_saving_keeps_the_comments_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "flights.workflow.yaml"
    file.write_text(YAML)
    wf = ln.Workflow.load(file)
    wf.step("clean", replicas=3)
    assert wf.save() == file
    assert "# a comment that stays" in file.read_text()
    assert file.read_text() == YAML.replace("replicas: 2", "replicas: 3")
    assert [p.name for p in tmp_path.iterdir()] == [file.name]


def test_problems_of_a_loaded_draft_are_told_by_their_line(tmp_path: Path) -> None:
    file = tmp_path / "flights.workflow.yaml"
    file.write_text(YAML.replace("replicas: 2", "replicas: -2").replace("group: edge", "group: E"))
    wf = ln.Workflow.load(file)
    places = {p.dotted: p.place for p in wf.validate()}
    assert places["steps.ingest.group"].startswith(f"{file}:8: ")
    assert places["steps.clean.replicas"].startswith(f"{file}:12: ")
    with pytest.raises(InvalidWorkflow, match=rf"{file}:12: "):
        _ = wf.spec
    wf.step("clean", replicas=2)  # lines of the file are no longer its own
    assert [p.place for p in wf.validate()] == ["steps.ingest.group"]
    wf.step("ingest", group="edge")
    wf.step("clean").filter("nope(")
    wf.save()
    assert [p.line for p in wf.validate() if p.severity == "error"] == [18]


def test_lines_end_as_they_did(tmp_path: Path) -> None:
    file = tmp_path / "flights.workflow.yaml"
    file.write_bytes(YAML.replace("\n", "\r\n").encode())
    wf = ln.Workflow.load(file)
    wf.step("clean", replicas=3)
    wf.save()
    assert (
        file.read_bytes()
        == YAML.replace("replicas: 2", "replicas: 3").replace("\n", "\r\n").encode()
    )


def test_a_file_that_names_two_steps_alike_is_no_draft_of_one(tmp_path: Path) -> None:
    file = tmp_path / "f.workflow.yaml"
    file.write_text("workflow: f\nsteps:\n  a: {in: x}\n  a: {in: y}\n")
    with pytest.raises(InvalidWorkflow, match=r"f\.workflow\.yaml:4: steps\.a: the key 'a'"):
        ln.Workflow.load(file)


def test_files_that_are_not_utf_8_are_told_by_their_line(tmp_path: Path) -> None:
    file = tmp_path / "f.workflow.yaml"
    file.write_bytes(b"workflow: f\ndescription: caf\xe9\n")
    with pytest.raises(WorkflowError, match=r"f\.workflow\.yaml:2: not UTF-8: byte 0xe9"):
        ln.Workflow.load(file)
    (tmp_path / "lyftnb.toml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(ConfigError, match=r"lyftnb\.toml:1: not UTF-8"):
        ln.open(tmp_path)


def test_a_new_draft_must_be_told_its_file(tmp_path: Path) -> None:
    with pytest.raises(WorkflowError, match="no file yet"):
        built().save()
    built().save(tmp_path / "deep" / "f.workflow.yaml")
    assert ln.Workflow.load(tmp_path / "deep" / "f.workflow.yaml").spec == built().spec
    with pytest.raises(NotFound, match="there is no file"):
        ln.Workflow.load(tmp_path / "missing.yaml")


def test_every_kind_of_action_is_a_method_and_others_name_the_nearest() -> None:
    step = ln.Workflow("w").step("s", in_="x")
    assert {"filter", "derive", "assert_", "lookup", "aggregate"} <= set(dir(step))
    step.assert_("x > 0").derive({"self": "1"}, y="2")
    with pytest.raises(AttributeError, match="did you mean 'filter'"):
        step.fliter("x > 0")
    with pytest.raises(WorkflowError, match="a value and named parameters"):
        step.filter("x > 0", y=1)


def test_problems_are_all_told_and_the_rest_is_still_drawn() -> None:
    wf = built()
    wf.step("clean", replcas=2, in_="rwa")
    wf.step("clean").fill(nothing=3)
    codes = [p.dotted for p in wf.validate() if p.severity == "error"]
    assert "steps.clean.replcas" in codes
    assert any(place.startswith("steps.clean.in") for place in codes)
    assert "<svg" in wf._repr_html_()
    assert "replcas" in wf._repr_html_()
    with pytest.raises(InvalidWorkflow, match="replcas"):
        _ = wf.spec


def test_the_outline_reads_as_the_graph() -> None:
    assert repr(built()) == (
        "workflow flights\n"
        "  ingest: files → raw [edge]\n"
        "  clean: raw → filter, derive, lookup, assert → parquet"
    )


def test_a_step_can_be_taken_out() -> None:
    wf = built().remove_step("clean")
    assert list(wf.steps) == ["ingest"]
    with pytest.raises(NotFound, match="unknown step 'clean'"):
        wf.remove_step("clean")


def shifted(lf: pl.LazyFrame) -> pl.LazyFrame:
    return lf.with_columns(later=pl.col("at") + timedelta(hours=1), zone=pl.lit(str(datetime.UTC)))


def test_a_python_function_becomes_source_that_stands_on_its_own() -> None:
    step = ln.Workflow("w").step("s", in_="x").python(shifted, rowwise=True)
    params: dict[str, Any] = step._document["actions"][0]["python"]
    namespace: dict[str, Any] = {}
    exec(compile(params["source"], "source", "exec"), namespace)
    frame = pl.LazyFrame({"at": [datetime.datetime(2013, 1, 1)]})
    assert namespace["shifted"](frame).collect().equals(shifted(frame).collect())


def test_a_python_function_that_needs_its_surroundings_is_refused() -> None:
    factor = 3

    def scaled(lf: pl.LazyFrame) -> pl.LazyFrame:
        return lf.with_columns(y=pl.col("x") * factor)

    step = ln.Workflow("w").step("s", in_="x")
    with pytest.raises(WorkflowError, match="takes factor from around it"):
        step.python(scaled)
    with pytest.raises(WorkflowError, match="made with `def`"):
        step.python(lambda lf: lf)


def test_the_workflows_that_ship_have_no_problems(tmp_path: Path) -> None:
    names = {"hello.workflow.yaml": "init_files", "flights.workflow.yaml": "demo_files"}
    for name, source in names.items():
        (file,) = copy_files(source, {name: name}, tmp_path)
        problems = [p for p in ln.Workflow.load(file).validate() if p.severity != "note"]
        assert problems == [], "\n".join(map(str, problems))
