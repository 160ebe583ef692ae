"""State in workflows on a real cluster: queues, messages, keys and marks commit with the rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from flow_kit import SPOOL, flow, until

import lyftnb as ln
from lyftnb.model import NewItem

pytestmark = pytest.mark.cluster

Rows = Callable[[str], pl.DataFrame]


def rows_of(*values: Any) -> dict[str, Any]:
    return {"inline": {"rows": [{"n": value} for value in values]}}


def test_dedupe_over_batches_and_runs(ws: ln.Workspace, rows: Rows, folder: Path) -> None:
    data = folder / "seen"
    data.mkdir()
    wf = flow(
        "seen",
        {
            "read": {"input": {"files": {"path": "seen/*.ndjson"}}, "out": "raw"},
            "once": {"in": "raw", "actions": [{"dedupe": ["lower(k)"]}], "out": "kept"},
        },
        channels={"raw": SPOOL, "kept": SPOOL},
    )
    for number in range(3):
        lines = [json.dumps({"k": f"{'kK'[i % 2]}{i % (10 + number)}", "i": i}) for i in range(500)]
        (data / f"{number}.ndjson").write_text("\n".join(lines) + "\n")
        ws.run(wf)
    kept = rows("seen_draft.kept")
    assert sorted(kept["k"].str.to_lowercase().to_list()) == sorted(f"k{i}" for i in range(12))
    assert kept["k"].to_list()[:2] == ["k0", "K1"]
    ws.run(wf, fresh=True)
    assert rows("seen_draft.kept").height == 12


def test_two_stages_count_into_one_key(ws: ln.Workspace) -> None:
    """Increments never conflict; a function that reads and writes runs again when it does."""
    body = (
        "def count(lf, ctx):\n"
        "    kv = ctx.kv('tallies')\n"
        "    rows = lf.collect()\n"
        "    kv.put('read', kv.get('read', 0) + rows.height)\n"
        "    return rows"
    )
    count = {"kv": {"namespace": "tallies", "key": "'rows'", "increment": 1}}
    wf = flow(
        "tally",
        {
            "make": {"input": {"generate": {"rows": 20000, "columns": {"n": "sequence"}}},
                     "out": "raw"},
            "left": {"in": "raw", "actions": [count, {"python": body}], "output": {"discard": {}}},
            "right": {"in": "raw", "actions": [{"python": body}, count],
                      "output": {"discard": {}}},
        },
        channels={"raw": SPOOL},
    )  # fmt: skip
    summary = ws.run(wf)
    entries = ws._ledger.kv_get("tallies", ["rows", "read"])
    assert [entry.value if entry else None for entry in entries] == [40000, 40000]
    assert summary.batches > 3


def test_items_go_through_a_queue_once(ws: ln.Workspace, rows: Rows) -> None:
    wf = flow(
        "work",
        {
            "plan": {"input": rows_of(*range(2500)), "output": {"queue": {"queue": "./todo"}}},
            "do": {
                "input": {"queue": {"queue": "./todo", "batch_items": 400}},
                "actions": [{"json": {"types": {"n": "BIGINT"}}}],
                "out": "done",
            },
        },
        channels={"done": SPOOL},
    )
    ws.run(wf)
    ws.run(wf)
    assert sorted(rows("work_draft.done")["n"].to_list()) == list(range(2500))
    assert ws._ledger.queue_depth("work_draft/todo").ready == 0


def test_a_poisonous_item_becomes_a_dead_letter(ws: ln.Workspace, rows: Rows) -> None:
    """It fails every batch that it is in; the others come through."""
    body = (
        "from lyftnb.errors import Permanent\n\n"
        "def work(lf):\n"
        "    rows = lf.collect()\n"
        "    if '7' in rows['_raw'].to_list():\n"
        "        raise Permanent('seven')\n"
        "    return rows"
    )
    queue = "poisoned"
    ws._ledger.set_queue(queue, max_attempts=2)
    ws._ledger.enqueue(queue, [NewItem(n) for n in range(16)])
    wf = flow(
        "poisoned",
        {
            "do": {
                "input": {"queue": queue},
                "actions": [{"python": {"source": body, "rowwise": False}}],
                "frame": "batch",
                "retry": {"attempts": 2, "delay": "10ms"},
                "out": "done",
            }
        },
        channels={"done": SPOOL},
    )
    ws.start(wf)
    until(
        lambda: ws._ledger.queue_depth(queue).dead == 1,
        lambda: (ws._ledger.queue_depth(queue), ws.progress("poisoned_draft")),
    )
    until(lambda: not ws._ledger.queue_depth(queue).ready, lambda: ws._ledger.queue_depth(queue))
    ws.stop("poisoned_draft")
    found = sorted(int(text) for text in rows("poisoned_draft.done")["_raw"])
    assert found == [n for n in range(16) if n != 7]
    assert [item.payload for item in ws._ledger.peek(queue, dead=True)] == [7]


def test_items_wait_for_room_on_a_full_disk(ws: ln.Workspace, rows: Rows, folder: Path) -> None:
    """It is full for longer than an item has attempts."""
    tries = folder / "roomless"
    body = (
        "import os\n"
        "from lyftnb.errors import StorageFull\n\n"
        "def work(lf):\n"
        f"    with open({str(tries)!r}, 'a') as file: file.write('x')\n"
        f"    if os.path.getsize({str(tries)!r}) < 5: raise StorageFull('no space left')\n"
        "    return lf"
    )
    queue = "roomless"
    ws._ledger.set_queue(queue, max_attempts=2)
    ws._ledger.enqueue(queue, [NewItem(1)])
    steps = {
        "do": {
            "input": {"queue": queue},
            "actions": [{"python": {"source": body, "rowwise": False}}],
            "frame": "batch",
            "retry": {"attempts": 2, "delay": "10ms", "max_delay": "20ms"},
            "out": "done",
        }
    }
    ws.run(flow("roomless", steps, channels={"done": SPOOL}))
    assert tries.read_text() == "x" * 5 and rows("roomless_draft.done").height == 1
    depth = ws._ledger.queue_depth(queue)
    assert not (depth.dead or depth.ready)


def test_people_are_told_of_rows_with_the_commit(ws: ln.Workspace, rows: Rows) -> None:
    late = {"text": "'late: ' || n", "when": "n > 60", "level": "warning", "tag": "late"}
    wf = flow(
        "told",
        {
            "read": {"input": rows_of(10, 75, 80), "out": "raw"},
            "look": {"in": "raw", "actions": [{"notify": late}], "out": "kept"},
            "none": {
                "in": "kept",
                "actions": [{"notify": late | {"when": "n > 99"}}],
                "out": "end",
            },
        },
        channels={"raw": SPOOL, "kept": SPOOL, "end": SPOOL},
    )
    ws.run(wf)
    ws.run(wf)
    (told,) = ws._ledger.messages(tag="late")
    assert told.payload == {"text": "late: 75", "rows": 2, "level": "warning"}
    assert (told.type, told.kind, told.job) == ("notification", "user", "told_draft/look")
    assert rows("told_draft.end")["n"].to_list() == [10, 75, 80]


def test_messages_out_and_in(ws: ln.Workspace, rows: Rows) -> None:
    wf = flow(
        "news",
        {
            "tell": {"input": rows_of(1, 2, 3), "output": {"message": "news.row"}},
            "sum": {
                "input": rows_of(4, 5),
                "output": {"message": {"tag": "news.batch", "per": "batch"}},
            },
            "hear": {"input": {"messages": {"tag": "news.row"}}, "out": "heard"},
        },
        channels={"heard": SPOOL},
    )
    ws.start(wf)
    until(lambda: len(ws._ledger.messages(tag="news.batch")) == 1, lambda: ws._ledger.messages())
    until(
        lambda: "news_draft.heard" in {info.spool for info in ws.spools()},
        lambda: ws.progress("news_draft"),
    )
    ws.stop("news_draft")
    heard = rows("news_draft.heard")
    assert [json.loads(raw) for raw in heard["_raw"]] == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert set(heard["job"]) == {"news_draft/tell"}
    assert ws._ledger.messages(tag="news.batch")[0].payload == {"rows": 2}


def test_keys_as_an_input(ws: ln.Workspace, rows: Rows) -> None:
    ws._ledger.kv_put("rates", {"eur": 1.0, "usd": 1.1, "x": 0})
    wf = flow(
        "rates",
        {"read": {"input": {"kv": {"namespace": "rates"}}, "out": "rates"}},
        channels={"rates": SPOOL},
    )
    ws.run(wf)
    assert ws.run(wf).batches == 0
    ws._ledger.kv_delete("rates", ["x"])
    ws.run(wf)
    found = rows("rates_draft.rates")
    assert found["key"].to_list() == ["eur", "usd", "x", "eur", "usd"]
    assert [json.loads(raw) for raw in found["_raw"]] == [1.0, 1.1, 0, 1.0, 1.1]


def test_a_batch_takes_a_lock(ws: ln.Workspace, rows: Rows) -> None:
    """It waits while somebody else holds it; its own is given back, also when it fails; one that
    is lost meanwhile refuses the commit, and the batch runs again.
    """
    body = (
        "def work(lf, ctx):\n"
        "    import time\n"
        "    from lyftnb.errors import Temporary\n"
        "    tries = ctx.kv('locked').get('tries', 0)\n"
        "    token = ctx.lock('resource', ttl=3600 if tries else 0.2)\n"
        "    if tries < 2:\n"
        "        ctx.state._env.state.kv_put('locked', {'tries': tries + 1})\n"
        "        if tries: raise Temporary('not yet', delay=0)\n"
        "        time.sleep(0.5)\n"
        "    return lf.with_columns(token=token)"
    )
    taken = ws._ledger.lock_acquire("resource", "somebody", 0.3)
    assert taken is not None
    wf = flow(
        "locked",
        {
            "make": {"input": rows_of(1), "out": "raw"},
            "work": {"in": "raw", "actions": [{"python": body}], "out": "done"},
        },
        channels={"raw": SPOOL, "done": SPOOL},
    )
    ws.run(wf)
    assert rows("locked_draft.done")["token"].to_list() == [taken + 3]
    assert not [lock for lock in ws._ledger.locks() if lock.name == "resource"]
