"""Deployments from the command line: plan, apply, look back, pause, roll back, destroy."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.manager_kit import ended

Call = Callable[..., "subprocess.CompletedProcess[str]"]
LONG_S = 60


@pytest.fixture(scope="module")
def shop(within: Call, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace with a manager; each test has a workflow of its own in it."""
    folder = tmp_path_factory.mktemp("shop")
    assert within("init", ".", cwd=folder).returncode == 0
    (folder / "lyftnb.toml").write_text("[groups.default]\nworkers = 1\n")
    assert within("up", cwd=folder).returncode == 0
    yield folder
    ended(folder)


@pytest.fixture
def lyftnb(within: Call, shop: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Commands are called in the shop, and files named as from there."""
    monkeypatch.chdir(shop)
    return partial(within, cwd=shop)


@pytest.fixture
def w(lyftnb: Call, shop: Path, request: pytest.FixtureRequest) -> str:
    """The workflow that `init` makes, published under a name of this test's own."""
    name = request.function.__name__.removeprefix("test_")[:20].rstrip("_")
    text = (shop / "workflows" / "hello.workflow.yaml").read_text()
    Path(file(name)).write_text(text.replace("workflow: hello", f"workflow: {name}"))
    assert lyftnb("publish", file(name)).returncode == 0
    return name


def file(w: str) -> str:
    return f"workflows/{w}.workflow.yaml"


def changed(w: str, old: str, new: str) -> None:
    text = Path(file(w)).read_text()
    assert old in text
    Path(file(w)).write_text(text.replace(old, new))


def read(lyftnb: Call, *words: str) -> Any:
    done = lyftnb(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def deployed(lyftnb: Call) -> dict[str, Any]:
    return {d["name"]: d for d in read(lyftnb, "deployments")}


def test_the_exit_code_of_plan_says_whether_there_is_something_to_change(
    lyftnb: Call, w: str
) -> None:
    done = lyftnb("plan", w)
    assert done.returncode == 2 and "+ create job pick" in done.stdout
    id = json.loads(lyftnb("plan", w, "--json").stdout)["id"]
    assert f"lyftnb apply {id}" in done.stdout
    done = lyftnb("apply", id)
    assert done.stdout == f"applied: {w} is {w}@1, revision 1\nsee it run: lyftnb status\n"
    again = lyftnb("apply", w).stdout
    assert again.endswith(f"nothing to change: {w} is {w}@1, revision 1\n")
    assert lyftnb("plan", w).returncode == 0
    assert lyftnb("plan", w[:-1]).returncode == 1
    assert lyftnb("plan", file(w)).returncode == 2
    done = lyftnb("plan", w, "--group", "pick=gpu")
    assert done.returncode == 1 and "group 'gpu' has no workers" in done.stdout
    assert lyftnb("apply", w, "--group", "pick=gpu", "--yes").returncode == 1
    assert deployed(lyftnb)[w]["revision"] == 1


def test_change_apply_look_back_and_roll_back(lyftnb: Call, w: str) -> None:
    lyftnb("apply", w, "--yes")
    changed(w, "total >= 100", "total >= 50")
    lyftnb("publish", file(w))
    done = lyftnb("apply", w, "--yes", "--replicas", "pick=2")
    assert "actions[1].filter: total >= 100 -> total >= 50" in done.stdout
    assert f"applied: {w} is {w}@2, revision 2\n" in done.stdout
    history = read(lyftnb, "history", w)
    assert [(r["revision"], r["version"]) for r in history] == [(2, f"{w}@2"), (1, f"{w}@1")]
    assert history[0]["settings"]["replicas"] == {"pick": 2}
    assert "update job pick" in lyftnb("history", w).stdout
    done = lyftnb("rollback", w, "--yes")
    assert done.stdout.endswith(f"rolled back: {w} is {w}@1, revision 3\n")
    assert lyftnb("plan", f"{w}@1").returncode == 0
    assert lyftnb("rollback", w, "--revision", "9", "--yes").returncode == 1


def test_a_plan_is_written_as_a_page(lyftnb: Call, w: str, shop: Path) -> None:
    changed(w, "total >= 100", "total >= 50")
    lyftnb("apply", w, "--yes")
    lyftnb("publish", file(w))
    page = shop / "plan.html"
    assert lyftnb("plan", w, "--html", str(page)).returncode == 2
    shown = page.read_text()
    assert '<g class="changed">' in shown and "<pre>total &gt;= 50</pre>" in shown
    done = lyftnb("plan", w, "--html", str(shop / "no" / "such"))
    assert done.returncode == 1 and "cannot use" in done.stderr


def test_a_rollback_that_changes_nothing_says_why(lyftnb: Call, w: str) -> None:
    changed(w, "total >= 100", "total >= {{least}}")
    changed(w, f"workflow: {w}", f"workflow: {w}\ncontext: {{least: 1}}")
    lyftnb("publish", file(w))
    lyftnb("context", "create", "prod")
    for least in ("7", "8"):
        lyftnb("context", "set", "prod", "least", least)
        assert lyftnb("apply", w, "--context", "prod", "--yes").returncode == 0
    done = lyftnb("rollback", f"{w}_prod", "--yes")
    assert "nothing to change" in done.stdout and "least was 7 and is 8" in done.stdout


def test_nobody_says_yes(lyftnb: Call, w: str) -> None:
    done = lyftnb("apply", w)
    assert done.returncode == 1 and "apply it?" in done.stdout
    assert w not in deployed(lyftnb)


def test_pause_resume_destroy_and_the_audit(lyftnb: Call, w: str) -> None:
    lyftnb("apply", w, "--yes")
    assert lyftnb("pause", w, "pick").stdout.endswith("revision 1, paused: pick\n")
    assert "pick" in lyftnb("deployments").stdout
    done = lyftnb("pause", w, "pikc")
    assert done.returncode == 1 and "did you mean 'pick'?" in done.stderr
    assert read(lyftnb, "resume", w)["paused"] == ""
    assert lyftnb("destroy", w, "--yes").stdout == f"destroyed {w}; its data stay\n"
    done = lyftnb("destroy", w, "--yes")
    assert done.returncode == 1 and f"unknown deployment '{w}'" in done.stderr
    told = [entry["what"] for entry in read(lyftnb, "audit", w)]
    assert told == ["destroy", "resume", "pause", "apply", "publish"]
    assert f"{w}@1" in lyftnb("audit", w).stdout


def until(condition: Callable[[], bool], told: Callable[[], Any]) -> None:
    deadline = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(0.05)


def standing(lyftnb: Call) -> dict[str, tuple[str, str]]:
    found = read(lyftnb, "status")["deployments"]
    return {d["name"]: (d["sync"], d["health"]) for d in found if d["name"] in ("east", "west")}


def sizes(lyftnb: Call) -> dict[str, int]:
    return {s["spool"]: s["rows"] for s in read(lyftnb, "spool", "ls")}


def test_one_workflow_is_deployed_twice_by_name(lyftnb: Call, w: str) -> None:
    done = lyftnb("plan", w, "--name", "east")
    assert done.returncode == 2 and f"{w}@1 as deployment 'east', new" in done.stdout
    done = lyftnb("apply", w, "--name", "east", "--yes")
    assert f"applied: east is {w}@1, revision 1\n" in done.stdout
    assert lyftnb("plan", w, "--name", "east").returncode == 0
    assert lyftnb("apply", w, "--name", "west", "--yes").returncode == 0
    both = {"east.orders": 2, "east.big_orders": 1, "west.orders": 2, "west.big_orders": 1}
    until(lambda: both.items() <= sizes(lyftnb).items(), lambda: sizes(lyftnb))
    ambiguous = lyftnb("spool", "show", "orders")
    assert ambiguous.returncode == 1
    assert {"east.orders", "west.orders"} <= set(re.findall(r"\w+\.\w+", ambiguous.stderr))
    changed(w, f"workflow: {w}", "workflow: other")
    lyftnb("publish", file(w))
    taken = lyftnb("apply", "other", "--name", "east", "--yes")
    assert taken.returncode == 1 and f"belong to workflow '{w}'" in taken.stderr
    assert lyftnb("plan", "other", "--name", "East").returncode == 1
    assert {run["deployment"] for run in read(lyftnb, "runs", "ls", "west")} == {"west"}
    lyftnb("pause", "east")
    lyftnb("down")
    assert lyftnb("up").returncode == 0
    back = {"east": ("synced", "paused"), "west": ("synced", "healthy")}
    until(lambda: standing(lyftnb) == back, lambda: standing(lyftnb))
    assert lyftnb("destroy", "west", "--data", "--yes").stdout == "destroyed west\n"
    left = sizes(lyftnb)
    assert (left["east.orders"], left["west.orders"]) == (2, 0)


def test_settings_that_are_none(lyftnb: Call, w: str) -> None:
    for words in (("--group", "pick"), ("--replicas", "pick=none"), ("--replicas", "pick=0")):
        done = lyftnb("plan", w, *words)
        assert done.returncode == 1 and done.stderr.startswith("error: "), words
    id = json.loads(lyftnb("plan", w, "--json").stdout)["id"]
    done = lyftnb("apply", id, "--group", "pick=default")
    assert (
        done.returncode == 1 and "a plan has its context, name and settings already" in done.stderr
    )


def test_jobs_are_listed_and_what_is_not_blocked_needs_no_retry(lyftnb: Call, w: str) -> None:
    lyftnb("apply", w, "--yes")
    found = read(lyftnb, "jobs", "ls", w)
    assert {(job["deployment"], job["stage"]) for job in found} >= {(w, "receive")}
    assert f"{w}/receive" in lyftnb("jobs", "ls").stdout
    for words, told in (
        (("retry", f"{w}/receive"), f"stage '{w}/receive' is not blocked"),
        (("skip", f"{w}/receive"), "is not blocked"),
        (("retry", f"{w}/receeve"), "did you mean 'receive'?"),
        (("retry", w), "write DEPLOYMENT/STEP"),
        (("ls", w + "x"), f"did you mean '{w}'?"),
    ):
        done = lyftnb("jobs", *words)
        assert done.returncode == 1 and told in done.stderr, (words, done)
