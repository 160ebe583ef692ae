"""What is told of deployments at work: at ticks, at a price that does not grow with events."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import lyftnb as ln
from lyftnb.manager.progress import Progress, StageProgress
from lyftnb.workspace.studio.drift import Drift
from lyftnb.workspace.studio.home import Home
from lyftnb.workspace.studio.standings import Standings

TEXT = """\
workflow: {name}
context: {{least: 0}}
channels:
  sold: {{transport: spool}}
steps:
  sales: {{input: {{inline: {{rows: [{{n: 1}}]}}}}, out: sold}}
  large: {{in: sold, actions: [{{filter: "n > {{{{least}}}}"}}], out: kept}}
  small: {{in: kept, actions: [{{filter: "n < 9"}}], output: {{print: {{}}}}}}
"""


def progress(deployment: str, rows: int, **states: Any) -> Progress:
    stages = (
        StageProgress(name, states.get(name, "done"), rows, rows, 0, 1, 0, 0.0, 0, 0)
        for name in ("sales", "large")
    )
    return Progress(deployment, 1.0, tuple(stages))


class Told:
    """What is told, and what it takes."""

    def __init__(self, root: Path, workspace: ln.Workspace, patch: pytest.MonkeyPatch) -> None:
        self.news: list[tuple[str, Any]] = []
        self.asked: Counter[str] = Counter()
        self.wanted = {"shop", "mall", "shop_draft"}
        self.standings = Standings(
            Home(root),
            Drift(root),
            lambda topic, data: self.news.append((topic, data)),
            lambda name: name in self.wanted,
        )
        for verb in ("status", "lags", "history", "plan"):
            patch.setattr(workspace, verb, self._counted(verb, getattr(workspace, verb)))

    def _counted(self, verb: str, call: Any) -> Any:
        def counted(*args: Any, **named: Any) -> Any:
            self.asked[verb] += 1
            return call(*args, **named)

        return counted

    def tick(self, now: float) -> dict[str, Any]:
        """What is told at a tick: numbers by deployment, and the topic `status`."""
        self.news.clear()
        self.standings.tick(now)
        numbers = [data for topic, data in self.news if topic == "progress"]
        names = [data.progress.deployment for data in numbers]
        assert len(names) == len(set(names)), "each deployment once in a tick"
        others = {topic: data for topic, data in self.news if topic != "progress"}
        return {**dict(zip(names, numbers, strict=True)), **others}


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[ln.Workspace]:
    with ln.open(tmp_path, serve=False) as workspace:
        for name in ("shop", "mall"):
            workspace.publish(ln.Workflow.from_yaml(TEXT.format(name=name)))
            workspace.apply(name)
        yield workspace


@pytest.fixture
def told(ws: ln.Workspace, monkeypatch: pytest.MonkeyPatch) -> Told:
    return Told(ws.path, ws, monkeypatch)


def test_a_tick_asks_once_however_much_has_happened(told: Told) -> None:
    for rows in range(50):
        told.standings.progressed(progress("shop", rows))
        told.standings.progressed(progress("mall", rows))
        told.standings.progressed(progress("shop_draft", rows))
    news = told.tick(10.0)
    assert {"shop", "mall", "shop_draft", "status"} == news.keys()
    assert news["shop"].progress.stages[0].rows_in == 49
    assert told.asked == {"status": 1, "lags": 1, "history": 2, "plan": 2}
    for at in range(1, 5):  # the second that follows
        told.standings.progressed(progress("shop", 49 + at))
        assert told.tick(10.0 + at / 5).keys() == {"shop"}
    assert told.asked == {"status": 1, "lags": 5, "history": 2, "plan": 2}
    told.tick(11.0)
    assert told.asked["status"] == 2, "what a tick left out is made up for"
    assert told.tick(12.0) == {} and told.asked["status"] == 2 and told.asked["lags"] == 5


def test_a_speed_is_that_of_now(told: Told) -> None:
    def speed(now: float, rows: int | None = None) -> float:
        if rows is not None:
            told.standings.progressed(progress("shop", rows, sales="running"))
        told.standings.begin_anew()
        return float(told.tick(now)["shop"].progress.stages[0].rows_per_s)

    assert speed(10.0, 1_000_000) == 0.0, "what came before was not seen to come"
    assert speed(11.0, 1_000_100) == 100.0
    assert speed(13.0, 1_000_700) == pytest.approx(700 / 3)
    assert speed(22.0) == pytest.approx(700 / 3)
    assert speed(24.0) == 0.0, "it stands still"
    assert speed(43.0, 1_000_900) == pytest.approx(200 / 30), "slow news have their speed too"
    assert speed(44.0, 50) == 0.0, "another revision counts from nothing"


def test_who_begins_anew_is_told_all(told: Told) -> None:
    told.standings.progressed(progress("shop", 1))
    first = told.tick(10.0)
    told.standings.begin_anew()
    assert told.tick(10.1) == first


def test_who_wants_others_is_told_what_they_were_at(told: Told) -> None:
    told.wanted = {"mall"}
    told.standings.progressed(progress("shop", 1))
    assert told.tick(10.0).keys() == {"status"} and not told.asked["lags"]
    told.wanted = {"shop"}
    told.standings.begin_anew()
    assert told.tick(10.1).keys() == {"status", "shop"}


def test_a_draft_has_signs_by_stage_and_no_lags(told: Told) -> None:
    told.standings.progressed(progress("shop_draft", 1, large="running"))
    numbers = told.tick(10.0)["shop_draft"]
    assert numbers.signs == {"sales": "done", "large": "running"} and numbers.lags == ()


def stand(ws: ln.Workspace, patch: pytest.MonkeyPatch, drift: str = "") -> None:
    """Have deployments stand as if they ran here: in sync, but for a drift."""
    found = [
        replace(status, sync="drifted" if drift else "synced", sync_reason=drift)
        for status in type(ws).status(ws)
    ]
    patch.setattr(ws, "status", lambda: found)


def test_steps_of_a_deployment_that_does_not_run_have_drifted(told: Told) -> None:
    told.standings.progressed(progress("shop", 1, large="blocked"))
    signs = told.tick(10.0)["shop"].signs
    assert signs == {"sales": "drifted", "large": "blocked", "small": "blocked"}


def test_a_newer_file_marks_the_steps_that_it_changes(
    ws: ln.Workspace, monkeypatch: pytest.MonkeyPatch, told: Told
) -> None:
    stand(ws, monkeypatch)
    told.standings.progressed(progress("shop", 1))
    assert set(told.tick(10.0)["shop"].signs.values()) == {"done"}
    file = ws.path / "workflows" / "shop.workflow.yaml"
    file.parent.mkdir()
    file.write_text(TEXT.format(name="shop") + "# a comment is no change\n")
    monkeypatch.setattr("lyftnb.workspace.studio.drift._LOOK_S", 0.0)
    assert told.tick(20.0).get("shop") is None
    file.write_text(TEXT.format(name="shop").replace("n < 9", "n < 8"))
    assert told.tick(30.0)["shop"].signs == {"sales": "done", "large": "done", "small": "drifted"}
    file.write_text("workflow: [")
    assert set(told.tick(40.0)["shop"].signs.values()) == {"done"}
    file.write_text(TEXT.format(name="shop").replace("n < 9", "n < 7"))
    os.utime(file, (0, 0))  # an old file is another version's, not a newer one
    assert told.tick(50.0).get("shop") is None


def test_a_changed_context_marks_the_steps_that_use_it(
    ws: ln.Workspace, monkeypatch: pytest.MonkeyPatch, told: Told
) -> None:
    stand(ws, monkeypatch)
    told.standings.progressed(progress("shop", 1))
    told.tick(10.0)
    ws.contexts.set("deployment:shop", "least", 3)
    stand(ws, monkeypatch, "its variables have changed: least was 0, is 3")
    told.standings.changed(soon=True)
    news = told.tick(20.0)
    assert news["shop"].signs == {"sales": "done", "large": "drifted", "small": "done"}
    planned = told.asked["plan"]
    told.tick(30.0)
    assert told.asked["plan"] == planned, "planned once for each thing that has changed"
