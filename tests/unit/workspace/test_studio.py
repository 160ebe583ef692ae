"""The studio without a manager: drafts, columns, shapes, traces, differences."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import lyftnb as ln
from lyftnb.errors import LyftError
from lyftnb.workspace.finding import find
from lyftnb.workspace.studio.data_files import data_files
from lyftnb.workspace.studio.exchange import Exchange
from lyftnb.workspace.studio.studio import Studio

TEXT = """\
# what is sold
workflow: shop
channels:
  totals: {transport: spool}   # kept
steps:
  sales:
    input: {inline: {rows: [{n: 1, k: a}, {n: 2, k: b}, {n: 3, k: a}, {n: -1, k: b}]}}
    out: sold
  good:
    in: sold
    actions:
      - assert: {that: "n > 0", name: positive}   # no returns
      - derive: {twice: "n * 2"}
      - sort: -n
    out: {most: large, rest: small}
    dispatch: {mode: conditional, when: [{most: "n > 1"}], default: rest}
  sums:
    in: large
    actions: [{aggregate: {by: [k], compute: {s: sum(n)}}}]
    out: totals
"""


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path, lambda topic, data: None)


def opened(studio: Studio, text: str = TEXT, name: str = "shop") -> Any:
    return studio.answer("draft.open", {"draft": name, "text": text, "file": "shop.yaml"})


def put(studio: Studio, revision: int, path: list[Any], value: Any) -> Any:
    op = {"op": "put", "path": path, "value": value}
    return studio.answer("draft.change", {"draft": "shop", "revision": revision, "ops": [op]})


def code_of(studio: Studio, op: str, **params: Any) -> str:
    with pytest.raises(LyftError) as error:
        studio.answer(op, params)
    assert error.value.hint or getattr(error.value, "problems", ())
    return error.value.code


def test_a_change_keeps_comments_and_finds_problems_with_their_lines(studio: Studio) -> None:
    opened(studio)
    state = put(studio, 1, ["steps", "good", "actions", 1, "derive", "twice"], "m * 2")
    (error,) = (p for p in state.problems if p.severity == "error")
    assert error.path == ("steps", "good", "actions", 1, "derive", "twice")
    source = studio.answer("draft.text", {"draft": "shop"})
    assert source.text == TEXT.replace("n * 2", "m * 2")
    (placed,) = (p for p in source.problems if p.severity == "error")
    assert placed.line == source.text[: source.text.index("derive")].count("\n") + 1


def test_a_draft_is_opened_with_its_plan_unless_it_has_errors(studio: Studio) -> None:
    shape = opened(studio).shape
    assert shape == studio.answer("draft.plan", {"draft": "shop"})
    assert shape.stages
    assert opened(studio, TEXT.replace("n * 2", "m * 2")).shape is None
    assert opened(studio, "a: [").shape is None


def test_stale_and_unknown_drafts_are_refused(studio: Studio) -> None:
    opened(studio)
    change = {"draft": "shop", "ops": []}
    assert code_of(studio, "draft.change", **change, revision=9) == "stale_draft"
    assert code_of(studio, "draft.text", draft="other") == "unknown_draft"
    opened(studio, "a: [")
    assert code_of(studio, "draft.change", **change, revision=2) == "unreadable"
    assert code_of(studio, "draft.plan", draft="shop") == "invalid_workflow"
    assert code_of(studio, "no.such") == "not_found"
    assert code_of(studio, "draft.open", draft="x") == "setup"


def test_a_file_that_changed_is_merged_with_its_comments(studio: Studio) -> None:
    opened(studio)
    put(studio, 1, ["steps", "good", "actions", 1, "derive", "twice"], "n * 4")
    theirs = TEXT.replace("# no returns", "# none comes back").replace("sum(n)", "max(n)")
    asked = {"draft": "shop", "revision": 2, "base": TEXT, "theirs": theirs}
    done = studio.answer("draft.merge", asked)
    assert done.conflicts == ()
    text = studio.answer("draft.text", {"draft": "shop"}).text
    assert text == theirs.replace("n * 2", "n * 4")


def test_columns_are_known_before_each_action(studio: Studio) -> None:
    opened(studio)
    found = studio.answer("draft.schemas", {"draft": "shop"})
    names = [[c.name for c in before] for before in found.steps["good"].before]
    assert names == [["n", "k"], ["n", "k"], ["n", "k", "twice"], ["n", "k", "twice"]]
    assert next((c.name, c.type) for c in found.channels["totals"]) == ("k", "VARCHAR")


def test_columns_of_a_file_are_looked_up(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("day,amount\n2026-01-01,3\n")
    text = TEXT.replace("inline: {rows: [{n: 1, k: a}, {n: 2, k: b}, {n: 3, k: a}, {n: -1, k: b}]}",
                        "files: {path: a.csv, format: csv}")  # fmt: skip
    opened(studio, text)
    found = studio.answer("draft.schemas", {"draft": "shop"})
    assert [(c.name, c.type) for c in found.channels["sold"]] == [
        ("day", "DATE"),
        ("amount", "BIGINT"),
    ]


def test_the_shape_says_what_would_run(studio: Studio) -> None:
    opened(studio)
    shape = studio.answer("draft.plan", {"draft": "shop"})
    assert {c.name: c.transport for c in shape.channels}["totals"] == "spool"
    assert "stage sales" in shape.text and not list(studio.root.glob(".lyftnb"))


def test_a_row_is_followed_to_where_rows_are_mixed(studio: Studio) -> None:
    opened(studio)
    done = studio.answer("trace.run", {"draft": "shop"})
    counts = {(p.step, p.at): (p.rows, p.rejects) for p in done.points}
    assert counts["good", "assert[0]"] == (3, 1) and counts["good", "→ most"] == (2, 0)

    def follow(step: str, at: str, row: int) -> Any:
        asked = {"trace": done.trace, "step": step, "at": at, "row": row}
        found = studio.answer("trace.follow", asked)
        return {(s.step, s.at): s.rows or ("rejected", *s.rejected) for s in found.sightings}, found

    down, found = follow("sales", "input", 2)
    assert down["good", "sort[2]"] == (0,) and down["sums", "input"] == (0,)
    assert ("sums", "aggregate[0]") not in down and not found.exact and "aggregate" in found.note
    up, _ = follow("good", "→ most", 1)
    assert up["sales", "input"] == (1,) and up["good", "sort[2]"] == (1,)
    small, found = follow("good", "→ rest", 0)
    assert small["sales", "input"] == (0,) and found.exact
    lost, _ = follow("sales", "input", 3)
    assert lost["good", "assert[0]"] == ("rejected", 0) and ("good", "derive[1]") not in lost
    asked = {"trace": done.trace, "step": "good", "at": "assert[0]", "rejects": True}
    (reject,) = studio.answer("trace.rows", asked).rows
    assert reject[:3] == ('{"n":-1,"k":"b"}', "good", "assert[0]")


def test_a_trace_ends_where_it_is_told_to(studio: Studio) -> None:
    opened(studio)
    done = studio.answer("trace.run", {"draft": "shop", "until": "good"})
    assert {p.step for p in done.points} == {"sales", "good"}
    assert code_of(studio, "trace.run", draft="shop", until="none") == "not_found"
    asked = {"trace": "old", "step": "good", "at": "input"}
    assert code_of(studio, "trace.rows", **asked) == "unknown_trace"


def test_a_trace_is_cancelled(studio: Studio, tmp_path: Path) -> None:
    begun, go_on = tmp_path / "begun", tmp_path / "go_on"
    slow = (
        "def transform(lf):\n"
        "    import pathlib, os\n"
        f"    pathlib.Path({str(begun)!r}).touch()\n"
        f"    os.open({str(go_on)!r}, os.O_RDONLY)\n"
        "    return lf\n"
    )
    import os

    os.mkfifo(go_on)
    opened(studio)
    state = put(studio, 1, ["steps", "good", "actions", 0], {"python": slow})
    assert not [p for p in state.problems if p.severity == "error"]
    raised: list[str] = []

    def run() -> None:
        try:
            studio.answer("trace.run", {"draft": "shop"})
        except LyftError as error:
            raised.append(error.code)

    thread = threading.Thread(target=run)
    thread.start()
    with go_on.open("w"):  # opens once the function reads
        studio.answer("trace.cancel", {"draft": "shop"})
    thread.join(60)
    assert raised == ["cancelled"] and begun.exists()


def test_two_documents_differ_field_by_field(studio: Studio) -> None:
    opened(studio)
    other = (
        TEXT.replace("n * 2", "n * 3")
        .replace("      - sort: -n\n", "")
        .replace("  sums:\n", "  totals:\n    renamed_from: sums\n")
    )
    opened(studio, other + "ui: {steps: {sales: {x: 1, y: 2}}}\n", "other")
    found = studio.answer("compare", {"before": "shop", "after": "other"})
    parts = {(p.part, p.name): p for p in found.parts}
    assert {key: p.mark for key, p in parts.items()} == {
        ("step", "sales"): "moved",
        ("step", "good"): "update",
        ("step", "totals"): "moved",
    }
    assert parts["step", "totals"].was == "sums"
    fields = {f.path: (f.before, f.after) for f in parts["step", "good"].fields}
    actions = ("steps", "good", "actions")
    assert fields[(*actions, 1, "derive", "twice")] == ("n * 2", "n * 3")
    assert fields[(*actions, 2)] == ({"sort": "-n"}, None)


def test_every_kind_has_what_a_form_needs(studio: Studio) -> None:
    found = studio.answer("palette", {})
    kinds = {(k.family, k.name): k for k in found.kinds}
    derive = kinds["action", "derive"]
    assert '"format":"expression"' in derive.model_dump_json()
    assert all(k.doc and k.summary for k in found.kinds)
    assert {"step", "channel", "dispatch", "trigger", "emit", "message", "workflow"} == set(
        found.settings
    )
    assert any(f.name == "sum" and f.aggregate for f in found.functions)


@pytest.mark.parametrize("family", ["action", "input", "output"])
def test_examples_of_the_palette_are_valid(studio: Studio, family: str) -> None:
    from lyftnb.connectors import SINKS, SOURCES
    from lyftnb.operators import action

    (studio.root / "rows.csv").write_text("n\n1\n")  # else there is no path to begin with
    for kind in studio.answer("palette", {}).kinds:
        if kind.family == family and kind.name != "spool":
            registry: Any = {"input": SOURCES, "output": SINKS}.get(family)
            body = registry[kind.name] if registry is not None else action(kind.name)
            body.parse(kind.example)


def test_columns_of_files_and_of_spools_that_are_there(studio: Studio) -> None:
    """By their first rows, wherever a variable of the context leads; and by what a run has left."""
    (studio.root / "in").mkdir()
    (studio.root / "in" / "rows.csv").write_text("n,day\n1,2026-01-01\n")
    steps = (
        "  read: {input: {files: {path: '{{from}}/rows.csv'}}, out: rows}\n"
        "  rest: {in: rows, actions: [{python: 'def f(lf): return lf'}], out: kept}\n"
    )
    head = "workflow: files\ncontext: {from: in}\nchannels: {kept: {transport: spool}}\nsteps:\n"
    text = head + steps

    def names() -> dict[str, Any]:
        opened(studio, text)
        found = studio.answer("draft.schemas", {"draft": "shop"}).channels
        return {c: columns and [one.name for one in columns] for c, columns in found.items()}

    assert names() == {"rows": ["n", "day"], "kept": None}
    with ln.open(studio.root, serve=False) as workspace:
        workspace.run(ln.Workflow.from_yaml(text))
        assert names() == {"rows": ["n", "day"], "kept": ["n", "day"]}


def test_what_is_deployed_is_known_without_a_manager(studio: Studio) -> None:
    def steps(workflow: str = "shop") -> Any:
        return studio.answer("deployed.steps", {"workflow": workflow})

    assert steps() == ()
    with ln.open(studio.root, serve=False) as workspace:
        workspace.publish(ln.Workflow.from_yaml(TEXT))
    assert steps() == ()
    with ln.open(studio.root, serve=False) as workspace:
        workspace.apply(workspace.plan("shop", context=None))
        assert steps() == ("sales", "good", "sums")
    assert steps() == ("sales", "good", "sums")
    assert steps("other") == ()
    assert find(studio.root) is None


def test_a_folder_that_is_deleted_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "rides"
    folder.mkdir()
    studio = Studio(folder, lambda topic, data: None)
    assert studio.answer("workspace", {}).state == "down"
    folder.rmdir()
    assert studio.answer("workspace", {}).state == "gone"
    assert code_of(studio, "workspace", start=True) and not folder.exists()


def test_an_input_of_files_begins_with_those_that_lie_nearest(tmp_path: Path) -> None:
    assert data_files(tmp_path) is None
    for name in ("out/a.csv", ".git/b.csv", "data/2013/c.csv", "data/2013/d.csv", "x.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"day,delay\n1,{name}\n")
    assert data_files(tmp_path) == "data/2013/*.csv"
    (tmp_path / "data" / "2013" / "d.csv").write_text("other,columns\n")
    assert data_files(tmp_path) == "data/2013/c.csv"
    (tmp_path / "data" / "names.ndjson.gz").touch()
    assert data_files(tmp_path) == "data/names.ndjson.gz"
    assert data_files(tmp_path / "not there") is None


def test_answers_come_in_order_and_garbage_is_answered(tmp_path: Path) -> None:
    frames: list[dict[str, Any]] = []
    all_there = threading.Event()

    def send(frame: dict[str, Any]) -> None:
        frames.append(frame)
        if len(frames) == 5:
            all_there.set()

    exchange = Exchange(tmp_path, send)
    try:
        exchange.receive("{")
        exchange.take({"id": "v1-1", "op": 7})
        params = {"draft": "shop", "text": TEXT}
        exchange.take({"id": "v1-2", "op": "draft.open", "params": params})
        exchange.take({"id": "v1-3", "op": "draft.change", "params": {
            "draft": "shop", "revision": 1,
            "ops": [{"op": "remove", "path": ["steps", "sums"]}]}})  # fmt: skip
        exchange.take({"id": "v1-4", "op": "draft.text", "params": {"draft": "shop"}})
        assert all_there.wait(60)
    finally:
        exchange.close()
    by_id = {frame["id"]: frame for frame in frames}
    assert by_id[None]["problem"]["code"] == by_id["v1-1"]["problem"]["code"] == "setup"
    assert by_id["v1-3"]["result"]["revision"] == 2
    assert by_id["v1-4"]["result"]["text"] == TEXT[: TEXT.index("  sums:")]
