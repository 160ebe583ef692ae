"""Small tasks that go out many as one: each has its own end, and together they cost Dask little."""

from __future__ import annotations

from typing import Any

import pytest

import lyftnb as ln
from lyftnb.engine.credits import Bundle, Credits
from tests.flows.flow_kit import SPOOL, flow

pytestmark = pytest.mark.cluster

STAGES = 40
BAD = {7, 23}
"""Stages that fail on a row."""


class Unreadable:
    """What no worker can read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return int, ("no number",)


@pytest.fixture
def bundles(monkeypatch: pytest.MonkeyPatch) -> list[Bundle]:
    """All that goes out. Small tickets go once all stages have one that waits."""
    found: list[Bundle] = []
    take = Credits.take_ready

    def noted(self: Credits) -> list[Bundle]:
        small = sum(ticket.small for ticket in self._waiting())
        begun = any(ticket.small for bundle in found for ticket in bundle)
        if 0 < small < STAGES and not begun:
            return []
        taken = take(self)
        found.extend(taken)
        return taken

    monkeypatch.setattr(Credits, "take_ready", noted)
    return found


def many(name: str) -> Any:
    """A stage that feeds many small ones."""
    steps: dict[str, Any] = {
        "feed": {"input": {"inline": {"rows": [{"n": 1}, {"n": 2}]}}, "out": "fed"}
    }
    for number in range(STAGES):
        wanted = "n < 2" if number in BAD else "n < 3"
        actions = [{"assert": wanted}, {"derive": {"m": f"n * {number}"}}]
        steps[f"s{number}"] = {"in": "fed", "actions": actions, "out": f"c{number}"} | (
            {"on_error": "fail"} if number in BAD else {}
        )
    channels = dict.fromkeys(("fed", *(f"c{n}" for n in range(STAGES))), SPOOL)
    return flow(name, steps, channels=channels)


def made(ws: ln.Workspace, name: str) -> dict[int, list[int]]:
    """What came out of each stage that made something."""
    names = {info.spool for info in ws.spools() if info.rows}
    return {
        number: ws.spool(f"{name}_draft.c{number}").scan().collect()["m"].to_list()
        for number in range(STAGES)
        if f"{name}_draft.c{number}" in names
    }


def test_each_of_a_bundle_has_its_own_end(ws: ln.Workspace, bundles: list[Bundle]) -> None:
    with pytest.raises(ln.LyftError, match="assert"):
        ws.run(many("ended"))
    assert max(map(len, bundles)) > 1
    assert made(ws, "ended") == {n: [n, 2 * n] for n in range(STAGES) if n not in BAD}


def test_a_bundle_that_cannot_be_read_goes_one_by_one(
    ws: ln.Workspace, bundles: list[Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lyftnb.engine.engine.run_together", Unreadable())
    with pytest.raises(ln.LyftError, match="assert"):
        ws.run(many("parted"))
    assert max(map(len, bundles)) > 1
    assert made(ws, "parted") == {n: [n, 2 * n] for n in range(STAGES) if n not in BAD}


def test_dask_keeps_no_record_of_each_batch(ws: ln.Workspace) -> None:
    with pytest.raises(ln.LyftError, match="assert"):
        ws.run(many("keyed"))
    cluster = ws._compute.engine(frozenset())._cluster

    async def prefixes() -> set[str]:
        return set(cluster._own._scheduler.task_prefixes)

    assert cluster.spawn(prefixes()).result() <= {"batch", "discover_source", "publish", "discard"}
