"""Frames that are larger than `limits.memory`: they pass in pieces, and nobody can tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

import lyftnb as ln
from lyftnb.model import WorkflowSpec

pytestmark = pytest.mark.cluster

SETTINGS = """
[groups.default]
workers = 1

[limits]
memory = "1MiB"
"""
ROWS = 100_000
DAYS = 40
DAY = pl.lit("2026-01-01").str.to_date() + pl.duration(days=pl.col("id") % DAYS)


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ln.Workspace]:
    """A worker that must spill, and rows to spill: about 5 MB of them."""
    folder = tmp_path_factory.mktemp("frames")
    (folder / "lyftnb.toml").write_text(SETTINGS)
    number = pl.int_range(ROWS)
    raw = pl.select(
        id=number,
        key=(number * 7919) % ROWS,
        text=pl.when(number % 1000 == 0).then(pl.lit("bad")).otherwise(number.cast(pl.String)),
    ).with_columns(day=DAY)
    raw.write_parquet(folder / "raw.parquet")
    with ln.open(folder) as workspace:
        yield workspace


def flow(name: str, work: dict[str, Any], **channels: Any) -> WorkflowSpec:
    steps = {
        "read": {"input": {"files": {"path": "raw.parquet"}}, "out": "raw"},
        "work": {"in": "raw", "frame": "all", **work},
    }
    spool = {"transport": "spool"}
    known = {"raw": spool, **{k: {**spool, **v} for k, v in channels.items()}}
    return WorkflowSpec.model_validate({"workflow": name, "channels": known, "steps": steps})


def pieces(ws: ln.Workspace, spool: str) -> pl.DataFrame:
    found = ws.sql(f"SELECT partition, rows FROM lyftnb.segments WHERE spool = '{spool}'")
    assert isinstance(found, pl.DataFrame)
    return found


def test_rows_keep_their_order_rejects_their_places_and_ports_their_turns(
    ws: ln.Workspace,
) -> None:
    actions = [{"sort": "key"}, {"derive": {"n": "CAST(text AS BIGINT)"}}]
    work = {
        "actions": actions,
        "out": {"a": "a", "b": "b", "c": "c"},
        "dispatch": {"mode": "round_robin"},
    }
    summary = ws.run(flow("order", work, a={}, b={}, c={}))
    ports = [ws.spool(f"order_draft.{name}").scan().collect() for name in "abc"]
    assert len(pieces(ws, "order_draft.a")) > 1
    good = [k for k in range(ROWS) if pow(7919, -1, ROWS) * k % ROWS % 1000 != 0]
    turns = [frame["key"].to_list() for frame in ports]
    first = next(i for i, keys in enumerate(turns) if keys[0] == good[0])
    for i in range(3):
        assert turns[(first + i) % 3] == good[i::3]
    rejects = ws.spool("order_draft.work_rejects").scan().collect()
    assert summary.rejects == rejects.height == ROWS // 1000
    places = rejects.select(pl.col("_row").str.json_path_match("$.key").cast(pl.Int64), "position")
    assert places["_row"].sort().to_list() == sorted(set(range(ROWS)) - set(good))
    (count,) = [c for c in summary.counts if c.step == "work"]
    assert (count.rows_in, count.rows_out) == (ROWS, len(good))


def test_a_partition_has_few_segments_however_its_rows_lie(ws: ln.Workspace) -> None:
    work = {"actions": [{"sort": "-key"}], "out": "days"}
    ws.run(flow("parts", work, days={"event_time": "day", "partition": "1d"}))
    found = pieces(ws, "parts_draft.days")
    assert found["partition"].n_unique() == found.height == DAYS
    assert found["rows"].sum() == ROWS
    rows = ws.spool("parts_draft.days").scan().collect()
    for (_day,), part in rows.group_by("day"):
        assert part["key"].is_sorted(descending=True)


def test_memory_channels_and_outputs_take_pieces(ws: ln.Workspace) -> None:
    work: dict[str, Any] = {
        "in": "raw",
        "frame": "run",
        "actions": [{"sort": "key"}],
        "out": {"even": "even", "odd": "odd"},
        "dispatch": {"mode": "conditional", "when": [{"even": "id % 2 = 0"}], "default": "odd"},
    }
    twice = [{"derive": {"twice": "id * 2"}}]
    steps = {
        "read": {"input": {"files": {"path": "raw.parquet"}}, "out": "raw"},
        "work": work,
        "to_csv": {"in": "even", "actions": twice, "output": {"csv": {"path": "csv"}}},
        "to_parquet": {"in": "odd", "actions": twice, "output": {"parquet": {"path": "parquet"}}},
    }
    channels = {"raw": {"transport": "spool"}}
    document = {"workflow": "outside", "channels": channels, "steps": steps}
    ws.run(WorkflowSpec.model_validate(document))
    (csv,) = (ws.path / "csv").glob("[!.]*")
    parquet = sorted((ws.path / "parquet").glob("[!.]*"))
    assert len(parquet) > 1
    written = (pl.read_csv(csv), pl.concat([pl.read_parquet(file) for file in parquet]))
    for rest, rows in enumerate(written):
        assert rows["id"].sort().to_list() == list(range(rest, ROWS, 2))
        assert rows["key"].is_sorted()
        assert rows["twice"].equals(2 * rows["id"], check_names=False)


def test_groups_come_in_the_order_in_which_they_are_met(ws: ln.Workspace) -> None:
    compute = {"n": "count(*)", "least": "min(id)", "mean": "avg(id)"}
    half = {"derive": {"half": "key // 2"}}
    work = {"actions": [half, {"aggregate": {"by": "half", "compute": compute}}], "out": "groups"}
    ws.run(flow("groups", work, groups={}))
    groups = ws.spool("groups_draft.groups").scan().collect()
    assert groups["least"].is_sorted() and groups["n"].sum() == ROWS
    assert groups["half"].n_unique() == groups.height == ROWS // 2
