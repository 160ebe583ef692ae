"""Workflows from their document to their rows, on a real cluster of several processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import lyftnb as ln
from lyftnb.errors import GroupUnavailable, InvalidWorkflow, WorkflowError
from lyftnb.model import WorkflowSpec

pytestmark = pytest.mark.cluster

Rows = Callable[[str], pl.DataFrame]


def flow(name: str, steps: dict[str, Any], **rest: Any) -> WorkflowSpec:
    return WorkflowSpec.model_validate({"workflow": name, "steps": steps, **rest})


def numbers(n: int) -> dict[str, Any]:
    return {"inline": {"rows": [{"n": i, "kind": "abc"[i % 3]} for i in range(n)]}}


SPOOL = {"transport": "spool"}


def test_rows_arrive_and_a_second_run_adds_nothing(ws: ln.Workspace, rows: Rows) -> None:
    wf = flow(
        "twice",
        {
            "make": {"input": numbers(100), "out": "raw"},
            "keep": {
                "in": "raw",
                "actions": [{"filter": "n % 2 = 0"}, {"derive": {"m": "n * 10"}}],
                "out": "kept",
            },
        },
        channels={"kept": SPOOL},
    )
    first = ws.run(wf)
    assert first.status == "done"
    assert rows("twice_draft.kept")["m"].to_list() == [n * 10 for n in range(0, 100, 2)]
    assert ws.run(wf).batches == 0
    assert rows("twice_draft.kept").height == 50
    ws.run(wf, fresh=True)
    assert rows("twice_draft.kept").height == 50


def test_growing_files_are_read_once_each(ws: ln.Workspace, rows: Rows, folder: Path) -> None:
    data = folder / "grow"
    data.mkdir()
    wf = flow(
        "grow",
        {"read": {"input": {"files": {"path": "grow/*.ndjson"}}, "out": "raw"}},
        channels={"raw": SPOOL},
    )
    for number in range(3):
        with (data / "a.ndjson").open("a") as out:
            out.writelines(f'{{"n": {number * 1000 + i}}}\n' for i in range(1000))
        (data / f"b{number}.ndjson").write_text(f'{{"n": {-1 - number}}}\n')
        ws.run(wf)
    found = sorted(rows("grow_draft.raw")["n"].to_list())
    assert found == [-3, -2, -1, *range(3000)]


@pytest.mark.parametrize("transport", ["worker", "spool"])
@pytest.mark.parametrize("mode", ["clone", "round_robin", "conditional"])
def test_dispatch_over_both_transports(
    ws: ln.Workspace, rows: Rows, mode: str, transport: str
) -> None:
    dispatch: dict[str, Any] = {"mode": mode}
    if mode == "conditional":
        dispatch |= {"field": "kind", "cases": {"a": "x"}, "default": "y"}
    name = f"route_{mode}_{transport}"
    wf = flow(
        name,
        {
            "make": {"input": numbers(30), "out": {"x": "one", "y": "two"}, "dispatch": dispatch},
            "left": {"in": "one", "actions": [{"derive": {"side": "'l'"}}], "out": "l"},
            "right": {"in": "two", "actions": [{"derive": {"side": "'r'"}}], "out": "r"},
            "both": {"in": ["l", "r"], "out": "all_rows"},
        },
        channels={
            "one": {"transport": transport},
            "two": {"transport": transport},
            "all_rows": SPOOL,
        },
    )
    ws.run(wf)
    got = rows(f"{name}_draft.all_rows")
    left = sorted(got.filter(side="l")["n"].to_list())
    right = sorted(got.filter(side="r")["n"].to_list())
    if mode == "clone":
        assert left == right == list(range(30))
    elif mode == "round_robin":
        assert abs(len(left) - len(right)) <= 1
        assert sorted(left + right) == list(range(30))
    else:
        assert left == list(range(0, 30, 3))
        assert sorted(left + right) == list(range(30))


@pytest.mark.parametrize(("on_error", "told"), [("reject", (10, 20, 0)), ("drop", (10, 0, 20))])
def test_rows_in_are_rows_out_and_rejects_where_no_port_takes_them(
    ws: ln.Workspace, on_error: str, told: tuple[int, int, int]
) -> None:
    dispatch = {"mode": "conditional", "field": "kind", "cases": {"a": "x"}}
    make = {"input": numbers(30), "out": {"x": "one"}, "dispatch": dispatch, "on_error": on_error}
    summary = ws.run(flow(f"unrouted_{on_error}", {"make": make}, channels={"one": SPOOL}))
    (count,) = summary.counts
    assert (count.rows_in, count.rows_out, count.rejects, count.dropped) == (30, *told)


def test_rows_in_are_rows_out_and_rejects_where_the_spool_refuses_them(ws: ln.Workspace) -> None:
    frozen = {"one": {"transport": "spool", "schema": "freeze"}}

    def made(*rows: dict[str, int]) -> WorkflowSpec:
        make = {"input": {"inline": {"rows": rows}}, "out": "one"}
        return flow("frozen", {"make": make}, channels=frozen)

    ws.run(made({"n": 1}))
    (count,) = ws.run(made({"n": 2}, {"n": 3, "new": 4})).counts
    assert (count.rows_in, count.rows_out, count.rejects) == (2, 1, 1)


def test_every_consumer_sees_every_event(ws: ln.Workspace, rows: Rows) -> None:
    consumers = {
        f"c{i}": {"in": "raw", "actions": [{"derive": {"by": str(i)}}], "out": f"o{i}"}
        for i in range(3)
    }
    wf = flow(
        "fan_out",
        {"make": {"input": numbers(40), "out": "raw"}, **consumers},
        channels={"o0": SPOOL, "o1": SPOOL, "o2": SPOOL},
    )
    ws.run(wf)
    for i in range(3):
        assert rows(f"fan_out_draft.o{i}")["n"].to_list() == list(range(40))


def test_a_hop_between_groups(ws: ln.Workspace, rows: Rows) -> None:
    wf = flow(
        "hop",
        {
            "make": {"input": numbers(50), "out": "raw", "group": "edge"},
            "work": {
                "in": "raw",
                "actions": [{"derive": {"m": "n + 1", "wide": "CAST(n AS HUGEINT)"}}],
                "out": "mid",
            },
            "back": {
                "in": "mid",
                "actions": [{"filter": "m > 10"}],
                "out": "done",
                "group": "edge",
            },
        },
        channels={"done": SPOOL},
    )
    ws.run(wf)
    done = rows("hop_draft.done")
    assert done["m"].to_list() == list(range(11, 51))
    assert done["wide"].dtype == pl.Int128 and done["wide"].to_list() == list(range(10, 50))
    hops = ws._compute.engine(frozenset())._cluster.hops
    assert hops is not None and not list(hops.rglob("*")), "nothing is left on the way"


def test_frames(ws: ln.Workspace, rows: Rows, folder: Path) -> None:
    data = folder / "days"
    data.mkdir()
    wf = flow(
        "framed",
        {
            "read": {
                "input": {
                    "files": {"path": "days/*.csv", "columns": {"t": "TIMESTAMP", "v": "BIGINT"}}
                },
                "out": "raw",
            },
            "new": {
                "in": "raw",
                "actions": [{"aggregate": {"compute": {"total": "sum(v)"}}}],
                "out": "by_run",
            },
            "daily": {
                "in": "raw",
                "frame": "partition",
                "actions": [
                    {
                        "aggregate": {
                            "by": {"day": "date_trunc('day', t)"},
                            "compute": {"total": "sum(v)"},
                        }
                    }
                ],
                "out": "by_day",
            },
            "whole": {
                "in": "raw",
                "frame": "all",
                "actions": [{"aggregate": {"compute": {"total": "sum(v)"}}}],
                "out": "grand",
            },
        },
        channels={"raw": {"transport": "spool", "event_time": "t", "partition": "1d"}},
    )
    (data / "1.csv").write_text("t,v\n2026-01-01 10:00:00,1\n2026-01-02 10:00:00,2\n")
    ws.run(wf)
    (data / "2.csv").write_text("t,v\n2026-01-02 11:00:00,10\n2026-01-03 10:00:00,20\n")
    ws.run(wf)
    assert rows("framed_draft.by_run")["total"].to_list() == [3, 30]
    assert sorted(rows("framed_draft.by_day")["total"].to_list()) == [1, 12, 20]
    assert rows("framed_draft.grand")["total"].to_list() == [33]


def test_tables_and_joins(ws: ln.Workspace, rows: Rows) -> None:
    wf = flow(
        "joined",
        {
            "names": {
                "input": {
                    "inline": {
                        "rows": [{"kind": "a", "name": "Anna"}, {"kind": "b", "name": "Bob"}]
                    }
                },
                "out": "people",
            },
            "make": {"input": numbers(6), "out": "raw"},
            "enrich": {
                "in": {"raw": "raw", "people": {"channel": "people", "as": "table"}},
                "actions": [{"lookup": {"table": "people", "on": "kind", "add": ["name"]}}],
                "out": "enriched",
            },
            "match": {
                "in": {"l": "raw", "r": "people"},
                "frame": "run",
                "actions": [{"join": {"right": "r", "on": "kind"}}],
                "out": "matched",
            },
        },
        channels={"enriched": SPOOL, "matched": SPOOL},
    )
    ws.run(wf)
    assert rows("joined_draft.enriched")["name"].to_list() == ["Anna", "Bob", None] * 2
    assert sorted(rows("joined_draft.matched")["name"].to_list()) == ["Anna", "Anna", "Bob", "Bob"]


def test_bad_rows_never_stop_good_ones(ws: ln.Workspace, rows: Rows, folder: Path) -> None:
    (folder / "bad.ndjson").write_text('{"n": "1"}\nnot json\n{"n": "x"}\n{"n": "4"}\n')
    source = """\
def work(lf):
    if lf.collect()['i'].max() == 4:
        raise ValueError('four')
    return lf
"""
    wf = flow(
        "bad_rows",
        {
            "read": {"input": {"files": {"path": "bad.ndjson"}}, "out": "raw"},
            "parse": {
                "in": "raw",
                "actions": [{"derive": {"i": "CAST(n AS BIGINT)"}}, {"python": {"source": source}}],
                "out": "good",
            },
        },
        channels={"good": SPOOL},
    )
    summary = ws.run(wf)
    assert rows("bad_rows_draft.good")["i"].to_list() == [1]
    assert rows("bad_rows_draft.read_rejects")["_row"].to_list() == ["not json"]
    refused = rows("bad_rows_draft.parse_rejects")
    assert refused["code"].to_list() == ["cast_failed", "python_error"]
    assert '"n":"x"' in refused["_row"][0].replace(" ", "")
    assert "four" in refused["reason"][1]
    assert summary.rejects == 3


def test_a_group_without_workers_is_refused(ws: ln.Workspace) -> None:
    wf = flow(
        "nowhere", {"make": {"input": numbers(1), "group": "egde", "output": {"discard": {}}}}
    )
    with pytest.raises((GroupUnavailable, InvalidWorkflow), match=r"egde") as caught:
        ws.run(wf)
    assert "edge" in str(caught.value)


def test_a_failing_step_blocks_only_itself(ws: ln.Workspace, rows: Rows) -> None:
    source = "def work(lf):\n    raise ValueError('no')\n"
    wf = flow(
        "blocked",
        {
            "make": {"input": numbers(10), "out": "raw"},
            "fails": {
                "in": "raw",
                "actions": [{"python": {"source": source, "rowwise": False}}],
                "out": "never",
                "retry": {"attempts": 2, "delay": "10ms"},
            },
            "works": {"in": "raw", "actions": [{"filter": "n > 4"}], "out": "kept", "frame": "run"},
        },
        channels={"raw": SPOOL, "never": SPOOL, "kept": SPOOL},
    )
    with pytest.raises(WorkflowError, match="no"):
        ws.run(wf)
    assert rows("blocked_draft.kept").height == 5


def test_publish_and_run_a_version(ws: ln.Workspace, rows: Rows) -> None:
    wf = flow("versioned", {"make": {"input": numbers(5), "out": "raw"}}, channels={"raw": SPOOL})
    assert ws.publish(wf).ref == "versioned@1"
    assert ws.publish(wf).ref == "versioned@1"
    ws.run("versioned@1")
    assert rows("versioned.raw").height == 5


def test_files_for_outsiders(ws: ln.Workspace, folder: Path) -> None:
    wf = flow(
        "outside",
        {
            "make": {
                "input": numbers(30),
                "out": {"x": "one", "y": "two", "z": "three"},
                "dispatch": "clone",
            },
            "parquet": {"in": "one", "output": {"parquet": {"path": "out/parquet"}}},
            "csv": {"in": "two", "output": {"csv": {"path": "out/csv"}}},
            "table": {
                "in": "three",
                "output": {"duckdb": {"path": "out/db.duckdb", "table": "events"}},
            },
        },
    )
    ws.run(wf)
    ws.run(wf)
    import duckdb

    assert pl.read_parquet(folder / "out/parquet/*.parquet")["n"].sort().to_list() == list(
        range(30)
    )
    assert pl.read_csv(folder / "out/csv/*.csv")["n"].sort().to_list() == list(range(30))
    with duckdb.connect(str(folder / "out/db.duckdb")) as con:
        assert con.sql("SELECT count(*) FROM events").fetchall() == [(30,)]
    assert not list((folder / "out").rglob(".lyftnb-*"))


def test_sql_over_spools_and_state(ws: ln.Workspace) -> None:
    wf = flow("asked", {"make": {"input": numbers(9), "out": "raw"}}, channels={"raw": SPOOL})
    ws.run(wf)
    assert ws.sql("SELECT count(*) AS n FROM asked_draft.raw WHERE kind = 'a'").item() == 3
    assert (
        ws.sql("SELECT count(*) FROM lyftnb.batches WHERE deployment = 'asked_draft'").item() == 1
    )


def test_trace_shows_every_action(ws: ln.Workspace) -> None:
    wf = flow(
        "traced",
        {
            "make": {"input": numbers(10), "out": "raw"},
            "keep": {
                "in": "raw",
                "actions": [{"filter": "n > 4"}, {"derive": {"m": "CAST(kind AS BIGINT)"}}],
                "out": "kept",
            },
        },
        channels={"kept": SPOOL},
    )
    trace = ws.trace(wf, rows=10)
    assert [(t.step, t.action, t.rows.height, t.rejects.height) for t in trace.steps] == [
        ("make", "input", 10, 0),
        ("keep", "input", 10, 0),
        ("keep", "filter[0]", 5, 0),
        ("keep", "derive[1]", 0, 5),
    ]
    assert "traced_draft.kept" not in {s.spool for s in ws.spools()}


def test_a_channel_that_held_rows_stays_a_spool(ws: ln.Workspace, rows: Rows) -> None:
    make = {"input": numbers(10), "out": "raw"}
    ws.run(flow("grown", {"make": make}))
    keep = {"in": "raw", "actions": [{"filter": "n > 3"}], "out": "kept"}
    wf = flow("grown", {"make": make, "keep": keep}, channels={"kept": SPOOL})
    ws.run(wf)
    assert rows("grown_draft.kept")["n"].to_list() == list(range(4, 10))
    assert ws.plan(wf).compiled.channel("raw").transport == "spool"
    ws.run(wf, fresh=True)
    assert ws.plan(wf).compiled.channel("raw").transport == "worker"
    assert rows("grown_draft.kept")["n"].to_list() == list(range(4, 10))


def test_an_edit_is_held_against_the_rows_that_are_there(ws: ln.Workspace, folder: Path) -> None:
    (folder / "held.ndjson").write_text('{"n": 1, "old": 2}\n')
    read = {"input": {"files": {"path": "held.ndjson"}}, "out": "raw"}

    def edited(action: dict[str, str], kept: str) -> set[tuple[str, str, str]]:
        keep = {"in": "raw", "actions": [action, {"derive": {"m": kept}}], "out": "kept"}
        wf = flow("edits", {"read": read, "keep": keep}, channels={"raw": SPOOL, "kept": SPOOL})
        if action == {"filter": "n > 0"}:
            ws.run(wf)
        return {(p.severity, p.code, p.dotted) for p in ws.validate(wf) if p.severity != "note"}

    assert edited({"filter": "n > 0"}, "n + 1") == set()
    place = "steps.keep.actions[0].filter"
    assert edited({"filter": "nn > 0"}, "1") == {("warning", "expression", place)}
    assert edited({"filter": "n >"}, "1") == {("error", "expression", place)}
    clash = ("warning", "schema_clash", "channels.kept")
    assert edited({"filter": "n > 1"}, "'text'") == {clash}


def test_spools_without_rows_have_their_columns(ws: ln.Workspace, rows: Rows) -> None:
    wf = flow(
        "nobody",
        {
            "make": {"input": numbers(5), "out": "raw"},
            "none": {"in": "raw", "actions": [{"filter": "n > 99"}], "out": "few"},
            "look": {
                "in": {"raw": "raw", "few": {"channel": "few", "as": "table"}},
                "actions": [{"lookup": {"table": "few", "on": "n", "add": {"found": "kind"}}}],
                "out": "looked",
            },
        },
        channels={"raw": SPOOL, "looked": SPOOL},
    )
    ws.run(wf)
    assert rows("nobody_draft.looked")["found"].to_list() == [None] * 5
    assert ws.sql("SELECT _row, reason FROM nobody_draft.none_rejects").height == 0


def test_many_small_files_share_tasks(ws: ln.Workspace, rows: Rows, folder: Path) -> None:
    data = folder / "small"
    data.mkdir()
    for i in range(60):
        (data / f"{i:03}.csv").write_text(f"n,m\n{i},{i}\n{'x' if i == 50 else i},1\n")
    wf = flow(
        "small",
        {"read": {"input": {"files": {"path": "small/*.csv"}}, "out": "raw"}},
        channels={"raw": SPOOL},
    )
    summary = ws.run(wf)
    assert rows("small_draft.raw").height + summary.rejects == 120
    assert ws.spool("small_draft.raw").segments < 20
