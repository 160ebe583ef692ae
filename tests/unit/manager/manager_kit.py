"""Stages, claims and feeds for the bookkeeping, without an engine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lyftnb import planning
from lyftnb.manager.feeds import BatchLimits, SpoolFeed, place
from lyftnb.manager.stage_run import StageRun
from lyftnb.model import (
    Advance,
    Claim,
    Commit,
    Plan,
    Run,
    Schema,
    SpoolSpec,
    StagedSegment,
    WorkflowSpec,
)
from lyftnb.store import Ledger
from lyftnb.workspace.checker import checker

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPOOL = {"transport": "spool"}


def planned(work: dict[str, Any] | None = None, **steps: Any) -> Plan:
    """`read → raw → work → kept` as deployment `d`; `work` adds to or overrides its step."""
    document = {
        "workflow": "d",
        "channels": {"raw": SPOOL, "kept": SPOOL},
        "steps": {
            "read": {"input": {"inline": {"rows": [{"n": 1}]}}, "out": "raw"},
            "work": {"in": "raw", "frame": "batch", "out": "kept", **(work or {})},
            **steps,
        },
    }
    spec = WorkflowSpec.model_validate(document)
    return planning.plan(spec, deployment="d", version=None, checker=checker())


def fill(ledger: Ledger, *sizes: int, spool: str = "d.raw") -> None:
    """Commit one segment of so many rows each. Only the book is written, the files are empty."""
    for rows in sizes:
        number = ledger.next_batch("d", "read")
        version, _ = ledger.position("d/read/inline")
        path = f"{number}.parquet"
        (ledger.root / path).touch()
        schema = Schema.from_mapping([("n", "BIGINT")])
        claim = Claim(
            f"d/read/{number}", 1, "d-1", "d", "read", (),
            (Advance("d/read/inline", version, {"at": number}),), (), 0, NOW, 0,
        )  # fmt: skip
        segment = StagedSegment(spool, path, rows, rows * 10, "", schema)
        ledger.commit([Commit(claim, (segment,), (SpoolSpec(spool),))])


def run_of(ledger: Ledger, plan: Plan, depth: int = 3, slots: int = 1, **limits: int) -> StageRun:
    """Stage `work` of the plan at the start of a run."""
    stage = plan.stage_of("work")
    places = {s.name: place(ledger, "d", "work", s.name) for s in stage.streams}
    feed = SpoolFeed(ledger, stage, "d", places, BatchLimits(**limits))
    run = StageRun(stage, feed, ledger.next_batch("d", "work"), depth, lambda: slots)
    run.open(Run("d-1", "d", status="running", fired_at=NOW))
    return run


def claim_next(ledger: Ledger, run: StageRun) -> Claim:
    """Take the next piece of the stage's feed and claim it."""
    piece = run.feed.next_piece()
    assert piece is not None
    return Claim(
        f"d/{run.stage.id}/{run.next_number}", 1, "d-1", "d", "work", piece.splits,
        piece.advances, (),
        ledger.snapshot(), NOW, 0, frame=run.stage.frame,
    )  # fmt: skip
