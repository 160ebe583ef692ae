"""Event-time windows on a real cluster: over batches, runs and restarts."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import lyftnb as ln
from lyftnb.errors import StateChanged
from lyftnb.model import WorkflowSpec

pytestmark = pytest.mark.cluster

Rows = Callable[[str], pl.DataFrame]

BEGIN = datetime(2026, 3, 1, 9)
WINDOW = {
    "time": "at",
    "by": "key",
    "size": "1m",
    "delay": "5s",
    "compute": {"rows": "count(*)", "total": "sum(n)", "first": "first(n)"},
}


def windowed(name: str, window: dict[str, Any], *sources: str, **action: Any) -> WorkflowSpec:
    """`NAME/SOURCE*.ndjson` for each source, into one window step."""
    parse = [{"cast": {"at": "TIMESTAMP"}}]
    steps: dict[str, Any] = {
        s: {
            "input": {"files": {"path": f"{name}/{s}*.ndjson"}},
            "actions": parse,
            "out": f"raw_{s}",
        }
        for s in sources
    }
    steps["per_minute"] = {
        "in": [f"raw_{s}" for s in sources],
        "actions": [{"derive": {"n": "n + 0"}}, {"window": window, **action}],
        "out": "minutes",
    }
    return WorkflowSpec.model_validate({"workflow": name, "steps": steps})


def events(seed: int, count: int) -> list[dict[str, Any]]:
    """A row a second, out of order by up to 30 seconds."""
    chance = random.Random(seed)
    return [
        {
            "at": (BEGIN + timedelta(seconds=max(i - chance.randint(0, 30), 0))).isoformat(),
            "key": chance.choice("xyz"),
            "n": seed * 1_000_000 + i,
        }
        for i in range(count)
    ]


def write(file: Path, rows: list[dict[str, Any]]) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def late(rows: Rows, name: str) -> list[int]:
    rejects = rows(f"{name}_draft.per_minute_rejects")
    assert set(rejects["code"]) <= {"late"}
    return sorted(json.loads(row)["n"] for row in rejects["_row"])


@pytest.mark.parametrize("inputs", [("a",), ("a", "b")], ids=["one input", "two inputs"])
@pytest.mark.parametrize(
    "shape",
    [
        {"size": "20s"},
        {"size": "40s", "every": "20s"},
        {"size": None, "session": "2s", "by": ["key"]},
    ],
    ids=["tumbling", "hopping", "session"],
)
def test_many_runs_give_what_one_gives(
    ws: ln.Workspace, rows: Rows, folder: Path, inputs: tuple[str, ...], shape: dict[str, Any]
) -> None:
    window = WINDOW | shape
    kind = "s" if "session" in shape else "h" if "every" in shape else "t"
    whole, pieces = f"whole_{kind}{len(inputs)}", f"pieces_{kind}{len(inputs)}"
    for number, name in enumerate(inputs):
        mine = events(number, 600)
        write(folder / whole / f"{name}.ndjson", mine)
    ws.run(windowed(whole, window, *inputs))
    assert late(rows, whole)
    for part in range(4):
        for number, name in enumerate(inputs):
            mine = events(number, 600)[part * 150 : (part + 1) * 150]
            write(folder / pieces / f"{name}{part}.ndjson", mine)
        assert ws.run(windowed(pieces, window, *inputs)).status == "done"
    assert rows(f"{pieces}_draft.minutes").equals(rows(f"{whole}_draft.minutes"))
    assert rows(f"{pieces}_draft.minutes").height > 50
    assert late(rows, pieces) == late(rows, whole)
    # A second run with nothing new makes no batch, and emits nothing.
    assert ws.run(windowed(pieces, window, *inputs)).batches == 0


def test_the_end_of_a_run_leaves_windows_open_unless_told(
    ws: ln.Workspace, rows: Rows, folder: Path
) -> None:
    write(folder / "open_ends" / "a0.ndjson", events(1, 100))
    ws.run(windowed("open_ends", WINDOW, "a"))
    assert rows("open_ends_draft.minutes")["rows"].sum() < 80
    told = windowed("open_ends", WINDOW | {"on_end": "emit"}, "a")
    assert ws.run(told).batches == 1, "one that reads nothing"
    before = rows("open_ends_draft.minutes")
    assert before["rows"].sum() + len(late(rows, "open_ends")) == 100
    assert ws.run(told).batches == 0
    write(folder / "open_ends" / "a1.ndjson", events(1, 110)[100:])
    ws.run(told)
    minutes = rows("open_ends_draft.minutes")
    assert minutes.height > before.height
    last = minutes.unique(["key", "window_start"], keep="last")
    assert last["rows"].sum() + len(late(rows, "open_ends")) == 110


def test_a_trace_shows_the_windows_of_its_sample(ws: ln.Workspace, folder: Path) -> None:
    write(folder / "traced" / "a0.ndjson", events(5, 20))
    last = ws.trace(windowed("traced", WINDOW, "a")).step("per_minute")[-1]
    assert last.rows["rows"].sum() == 20


def test_what_is_kept_lies_in_a_spool_and_goes_with_the_rest(
    ws: ln.Workspace, rows: Rows, folder: Path
) -> None:
    write(folder / "kept" / "a0.ndjson", events(2, 300))
    spec = windowed("kept", WINDOW, "a")
    ws.run(spec)
    state = "kept_draft.per_minute__window_state"
    kept = rows(state).drop_nulls("n")
    assert 0 < kept.height < 150, "rows of open windows only"
    first = rows("kept_draft.minutes")
    write(folder / "kept" / "a1.ndjson", events(2, 400)[300:])
    ws.run(spec)
    assert rows(state).drop_nulls("n").height < 150
    assert rows("kept_draft.minutes").height > first.height
    ws.run(spec, fresh=True)
    again = rows("kept_draft.minutes")
    key = ["window_start", "key"]
    assert again.sort(key).select(key).height >= first.height


def test_rows_kept_under_other_windows_are_refused(
    ws: ln.Workspace, rows: Rows, folder: Path
) -> None:
    write(folder / "changed" / "a0.ndjson", events(3, 100))
    ws.run(windowed("changed", WINDOW, "a"))
    other = WINDOW | {"size": "2m"}
    with pytest.raises(StateChanged, match="other windows, keys or columns"):
        ws.run(windowed("changed", other, "a"))
    # How long windows wait may change, and what is computed of the same columns.
    more = WINDOW | {"delay": "30s", "compute": {"most": "max(n)"}}
    ws.run(windowed("changed", more, "a"))
    # Another id begins with the next rows, and a fresh start with all.
    ws.run(windowed("changed", other, "a", id="two_minutes"))
    ws.run(windowed("changed", other, "a"), fresh=True)
    ws.run(windowed("changed", other, "a"))


def test_a_chunk_in_many_segments_is_written_as_one(
    ws: ln.Workspace, rows: Rows, folder: Path
) -> None:
    window = WINDOW | {"size": "1h", "delay": "1d"}
    spec = windowed("many", window, "a")
    for part, row in enumerate(events(4, 40)):
        # More bytes than a batch may have, packed or not.
        pad = random.Random(part).randbytes(20_000).hex()
        write(folder / "many" / f"a{part:02}.ndjson", [row | {"pad": pad}])
    assert ws.run(spec).batches == 2 * 40
    state = ws.spool("many_draft.per_minute__window_state")
    assert state.info.segments < 40
    assert state.scan().collect().drop_nulls("n")["n"].sort().to_list() == [
        row["n"] for row in events(4, 40)
    ]
