"""Deployments from the command line: plan, apply, look back, pause, roll back, destroy."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., "subprocess.CompletedProcess[str]"]
FILE = "workflows/hello.workflow.yaml"
LONG_S = 60


@pytest.fixture
def hello(lyftnb: Call, tmp_path: Path) -> Path:
    """A workspace with `hello@1`."""
    for words in (("init", "."), ("publish", FILE)):
        assert lyftnb(*words).returncode == 0
    return tmp_path


def changed(folder: Path, old: str, new: str) -> None:
    file = folder / FILE
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def read(lyftnb: Call, *words: str) -> Any:
    done = lyftnb(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.usefixtures("hello")
def test_the_exit_code_of_plan_says_whether_there_is_something_to_change(lyftnb: Call) -> None:
    done = lyftnb("plan", "hello")
    assert done.returncode == 2 and "+ create job pick" in done.stdout
    id = json.loads(lyftnb("plan", "hello", "--json").stdout)["id"]
    assert f"lyftnb apply {id}" in done.stdout
    done = lyftnb("apply", id)
    assert done.stdout == "applied: hello is hello@1, revision 1\nsee it run: lyftnb status\n"
    again = lyftnb("apply", "hello").stdout
    assert again.endswith("nothing to change: hello is hello@1, revision 1\n")
    assert lyftnb("plan", "hello").returncode == 0
    assert lyftnb("plan", "helo").returncode == 1
    assert lyftnb("plan", FILE).returncode == 2
    done = lyftnb("plan", "hello", "--group", "pick=gpu")
    assert done.returncode == 1 and "group 'gpu' has no workers" in done.stdout
    assert lyftnb("apply", "hello", "--group", "pick=gpu", "--yes").returncode == 1
    assert [d["revision"] for d in read(lyftnb, "deployments")] == [1]


def test_change_apply_look_back_and_roll_back(lyftnb: Call, hello: Path) -> None:
    lyftnb("apply", "hello", "--yes")
    changed(hello, "total >= 100", "total >= 50")
    lyftnb("publish", FILE)
    done = lyftnb("apply", "hello", "--yes", "--replicas", "pick=2")
    assert "actions[1].filter: total >= 100 -> total >= 50" in done.stdout
    assert "applied: hello is hello@2, revision 2\n" in done.stdout
    history = read(lyftnb, "history", "hello")
    assert [(r["revision"], r["version"]) for r in history] == [(2, "hello@2"), (1, "hello@1")]
    assert history[0]["settings"]["replicas"] == {"pick": 2}
    assert "update job pick" in lyftnb("history", "hello").stdout
    done = lyftnb("rollback", "hello", "--yes")
    assert done.stdout.endswith("rolled back: hello is hello@1, revision 3\n")
    assert lyftnb("plan", "hello@1").returncode == 0
    assert lyftnb("rollback", "hello", "--revision", "9", "--yes").returncode == 1


def test_a_plan_is_written_as_a_page(lyftnb: Call, hello: Path) -> None:
    changed(hello, "total >= 100", "total >= 50")
    lyftnb("apply", "hello", "--yes")
    lyftnb("publish", FILE)
    page = hello / "plan.html"
    assert lyftnb("plan", "hello", "--html", str(page)).returncode == 2
    shown = page.read_text()
    assert '<g class="changed">' in shown and "<pre>total &gt;= 50</pre>" in shown
    done = lyftnb("plan", "hello", "--html", str(hello / "no" / "such"))
    assert done.returncode == 1 and "cannot use" in done.stderr


def test_a_rollback_that_changes_nothing_says_why(lyftnb: Call, hello: Path) -> None:
    changed(hello, "total >= 100", "total >= {{least}}")
    changed(hello, "workflow: hello", "workflow: hello\ncontext: {least: 1}")
    lyftnb("publish", FILE)
    lyftnb("context", "create", "prod")
    for least in ("7", "8"):
        lyftnb("context", "set", "prod", "least", least)
        assert lyftnb("apply", "hello", "--context", "prod", "--yes").returncode == 0
    done = lyftnb("rollback", "hello_prod", "--yes")
    assert "nothing to change" in done.stdout and "least was 7 and is 8" in done.stdout


def test_nobody_says_yes(lyftnb: Call, hello: Path) -> None:
    done = lyftnb("apply", "hello")
    assert done.returncode == 1 and "apply it?" in done.stdout
    assert read(lyftnb, "deployments") == []


@pytest.mark.usefixtures("hello")
def test_pause_resume_destroy_and_the_audit(lyftnb: Call) -> None:
    lyftnb("apply", "hello", "--yes")
    assert lyftnb("pause", "hello", "pick").stdout.endswith("revision 1, paused: pick\n")
    assert "pick" in lyftnb("deployments").stdout
    done = lyftnb("pause", "hello", "pikc")
    assert done.returncode == 1 and "did you mean 'pick'?" in done.stderr
    assert read(lyftnb, "resume", "hello")["paused"] == ""
    assert lyftnb("destroy", "hello", "--yes").stdout == "destroyed hello; its data stay\n"
    done = lyftnb("destroy", "hello", "--yes")
    assert done.returncode == 1 and "unknown deployment 'hello'" in done.stderr
    told = [entry["what"] for entry in read(lyftnb, "audit")]
    assert told == ["destroy", "resume", "pause", "apply", "publish"]
    assert "hello@1" in lyftnb("audit", "hello").stdout


def until(condition: Callable[[], bool], told: Callable[[], Any]) -> None:
    deadline = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(0.05)


def standing(lyftnb: Call) -> dict[str, tuple[str, str]]:
    found = read(lyftnb, "status")["deployments"]
    return {d["name"]: (d["sync"], d["health"]) for d in found}


def sizes(lyftnb: Call) -> dict[str, int]:
    return {s["spool"]: s["rows"] for s in read(lyftnb, "spool", "ls")}


@pytest.mark.usefixtures("hello")
def test_one_workflow_is_deployed_twice_by_name(lyftnb: Call, hello: Path) -> None:
    done = lyftnb("plan", "hello", "--name", "east")
    assert done.returncode == 2 and "hello@1 as deployment 'east', new" in done.stdout
    done = lyftnb("apply", "hello", "--name", "east", "--yes")
    assert "applied: east is hello@1, revision 1\n" in done.stdout
    assert lyftnb("plan", "hello", "--name", "east").returncode == 0
    assert lyftnb("apply", "hello", "--name", "west", "--yes").returncode == 0
    both = {"east.orders": 2, "east.big_orders": 1, "west.orders": 2, "west.big_orders": 1}
    until(lambda: both.items() <= sizes(lyftnb).items(), lambda: sizes(lyftnb))
    ambiguous = lyftnb("spool", "show", "orders")
    assert ambiguous.returncode == 1
    assert {"east.orders", "west.orders"} <= set(re.findall(r"\w+\.\w+", ambiguous.stderr))
    changed(hello, "workflow: hello", "workflow: other")
    lyftnb("publish", FILE)
    taken = lyftnb("apply", "other", "--name", "east", "--yes")
    assert taken.returncode == 1 and "belong to workflow 'hello'" in taken.stderr
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


@pytest.mark.usefixtures("hello")
def test_settings_that_are_none(lyftnb: Call) -> None:
    for words in (("--group", "pick"), ("--replicas", "pick=none"), ("--replicas", "pick=0")):
        done = lyftnb("plan", "hello", *words)
        assert done.returncode == 1 and done.stderr.startswith("error: "), words
    id = json.loads(lyftnb("plan", "hello", "--json").stdout)["id"]
    done = lyftnb("apply", id, "--group", "pick=default")
    assert (
        done.returncode == 1 and "a plan has its context, name and settings already" in done.stderr
    )


@pytest.mark.usefixtures("hello")
def test_jobs_are_listed_and_what_is_not_blocked_needs_no_retry(lyftnb: Call) -> None:
    lyftnb("apply", "hello", "--yes")
    found = read(lyftnb, "jobs", "ls", "hello")
    assert {(job["deployment"], job["stage"]) for job in found} >= {("hello", "receive")}
    assert "hello/receive" in lyftnb("jobs", "ls").stdout
    for words, told in (
        (("retry", "hello/receive"), "stage 'hello/receive' is not blocked"),
        (("skip", "hello/receive"), "is not blocked"),
        (("retry", "hello/receeve"), "did you mean 'receive'?"),
        (("retry", "hello"), "write DEPLOYMENT/STEP"),
        (("ls", "hallo"), "did you mean 'hello'?"),
    ):
        done = lyftnb("jobs", *words)
        assert done.returncode == 1 and told in done.stderr, (words, done)
