"""The commands of the state: alone, and while another process has the workspace open."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import lyftnb as ln
from lyftnb.errors import LockLost, NotFound
from lyftnb.model import IssueDraft
from lyftnb.store.remote import StateAddress

Call = Callable[..., "subprocess.CompletedProcess[str]"]

OWNER = """
import sys
import lyftnb as ln
with ln.open(".") as ws:
    print("up", flush=True)
    sys.stdin.read()
"""
HOLDER = """
import sys
import lyftnb as ln
with ln.state(".") as state, state.lock("l", ttl=1.0) as lock:
    print(lock.token, flush=True)
    sys.stdin.read()
"""
TICKS = """
workflow: ticks
channels: {ticks: {transport: spool}}
steps:
  tick:
    input: {inline: {rows: [{n: 1}]}}
    trigger:
    - {cron: "0 6 * * *", zone: Europe/Berlin, window: {offset: 1h}}
    - manual
    emit: [{tag: ticked, fields: {n: "max(n)"}}]
    out: ticks
"""


@contextmanager
def process(code: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has said its first line; it ends with the block."""
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=folder, text=True, **pipes) as running:
        assert running.stdout is not None and running.stdin is not None
        yield running
        running.stdin.close()
        running.wait(timeout=60)


@pytest.fixture(params=["alone", "beside an owner"])
def state(lyftnb: Call, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Call]:
    """The commands, in a workspace that nobody has open, or that another process has."""
    (tmp_path / "lyftnb.toml").touch()
    if request.param == "alone":
        yield lyftnb
        return
    with process(OWNER, tmp_path) as owner:
        assert owner.stdout is not None and owner.stdout.readline() == "up\n"
        yield lyftnb


def printed(done: subprocess.CompletedProcess[str]) -> Any:
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def refused(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ") and "Traceback" not in done.stderr
    return done.stderr


def test_keys(state: Call) -> None:
    assert printed(state("kv", "put", "n", "a", '{"x": 1}', "--json")) == {"key": "a", "version": 1}
    assert printed(state("kv", "get", "n", "a")) == {"x": 1}
    assert printed(state("kv", "increment", "n", "count", "2")) == 2
    assert printed(state("kv", "get", "n", "a", "count")) == {"a": {"x": 1}, "count": 2}
    assert [e["key"] for e in printed(state("kv", "scan", "n", "c", "--json"))] == ["count"]
    assert '{"x":1}' in state("kv", "scan", "n").stdout
    assert printed(state("kv", "ls", "--json")) == [{"namespace": "n", "keys": 2}]
    assert "another version than 0" in refused(state("kv", "put", "n", "a", "1", "--version", "0"))
    assert "the value is not JSON" in refused(state("kv", "put", "n", "a", "{x}"))
    assert "there is no key b" in refused(state("kv", "get", "n", "a", "b"))
    assert "expected a number" in refused(state("kv", "increment", "n", "a"))
    assert state("kv", "delete", "n", "a", "b").stdout == "deleted 1 of 2\n"


def test_queues(state: Call) -> None:
    assert printed(state("queue", "put", "w", '"a"', "2", "--priority", "1", "--json")) == [1, 2]
    assert state("queue", "set", "w", "--max-attempts", "1").returncode == 0
    assert [i["payload"] for i in printed(state("queue", "peek", "w", "--json"))] == ["a", 2]
    leases = [i["lease"] for i in printed(state("queue", "lease", "w", "-n", "2", "--json"))]
    assert printed(state("queue", "ack", "w", leases[0], "--json")) == {leases[0]: True}
    again = state("queue", "ack", "w", leases[0])
    assert (again.returncode, again.stderr) == (1, f"no longer leased: {leases[0]}\n")
    assert state("queue", "nack", "w", leases[1], "--reason", "bad").stdout == "gave back 1 item\n"
    assert "bad" in state("queue", "peek", "w", "--dead").stdout
    (depth,) = printed(state("queue", "ls", "--json"))
    assert (depth["queue"], depth["ready"], depth["dead"]) == ("w", 0, 1)
    assert state("queue", "redrive", "w").stdout == "made 1 item ready again\n"
    assert state("queue", "purge", "w", "--yes").stdout == "removed 1 item\n"
    assert "'x' is no lease" in refused(state("queue", "ack", "w", "x"))


def test_a_command_runs_under_a_lock(state: Call, tmp_path: Path) -> None:
    note = tmp_path / "note"
    code = f"import os; open({str(note)!r}, 'w').write(os.environ['LYFTNB_LOCK_TOKEN'])"
    assert state("lock", "run", "l", "--", sys.executable, "-c", code).returncode == 0
    assert note.read_text() == "1"
    for words, exit_code in ((("sh", "-c", "exit 7"), 7), (("sh", "-c", "kill -9 $$"), 137)):
        assert state("lock", "run", "l", "--ttl", "9", "--", *words).returncode == exit_code
    assert "cannot run /nowhere" in refused(state("lock", "run", "l", "--", "/nowhere"))
    assert printed(state("lock", "ls", "--json")) == []


def test_messages_issues_and_runs(state: Call) -> None:
    assert printed(state("messages", "publish", "t", '{"n": 1}', "--json"))["id"] == 1
    assert [m["tag"] for m in printed(state("messages", "ls", "--json"))] == ["t"]
    followed = state("messages", "follow", "--after", "0", "--timeout", "0", "--json")
    assert printed(followed)["payload"] == {"n": 1}
    assert state("issues", "ls").stdout == "no issues\n"
    assert printed(state("runs", "ls", "--json")) == []
    assert "there is no open issue 3" in refused(state("issues", "close", "3"))
    assert "there is no run d-1" in refused(state("runs", "show", "d-1"))


def test_requests_go_to_the_owners_process(lyftnb: Call, tmp_path: Path) -> None:
    (tmp_path / "lyftnb.toml").touch()
    with process(OWNER, tmp_path) as owner:
        assert owner.stdout is not None and owner.stdout.readline() == "up\n"
        answer = printed(lyftnb("messages", "request", "manager", "state", "--json"))
        assert answer["pid"] == owner.pid
        assert "no deployment runs here" in refused(lyftnb("fire", "d", "s", "--payload", "{}"))
    assert "no process has the workspace open" in refused(lyftnb("fire", "d", "s"))
    assert "the payload is an object" in refused(lyftnb("fire", "d", "s", "--payload", "[]"))


def test_issues_are_closed_by_number(lyftnb: Call, tmp_path: Path) -> None:
    with ln.open(tmp_path, serve=False) as ws:
        (issue,) = ws._ledger.raise_issues([IssueDraft("c", "d/s", "bad", hint="mend it")])
        run = ws._ledger.begin_run("d", issue.first_at)
    assert "d/s: bad [c]\n  hint: mend it\n1 issue\n" in lyftnb("issues", "ls", "d").stdout
    assert printed(lyftnb("issues", "close", str(issue.id), "--json")) == {"closed": 1}
    assert printed(lyftnb("runs", "show", run.run, "--json"))["status"] == "lost"
    assert "lost" in lyftnb("runs", "ls").stdout


def test_next_fires_are_in_the_zone_of_their_trigger(lyftnb: Call, tmp_path: Path) -> None:
    file = tmp_path / "ticks.workflow.yaml"
    file.write_text(TICKS)
    fires = printed(lyftnb("triggers", "next", file.name, "-n", "3", "--json"))
    assert len(fires) == 3
    for fire in fires:
        assert " 06:00:00" in fire["at"] and fire["at"][-6:] in ("+01:00", "+02:00")
        assert fire["window_end"][10:] == fire["at"][10:].replace("06", "05", 1)
    assert "every day at 06:00 Europe/Berlin" in lyftnb("triggers", "next", file.name).stdout
    assert lyftnb("publish", file.name).returncode == 0
    assert printed(lyftnb("triggers", "next", "ticks", "-n", "3", "--json")) == fires
    file.write_text(TICKS.replace("0 6 *", "0 66 *"))
    assert "66" in refused(lyftnb("triggers", "next", file.name))


@pytest.mark.crash
def test_the_lock_of_a_killed_process_is_free_again(tmp_path: Path) -> None:
    with ln.open(tmp_path) as ws:
        with process(HOLDER, tmp_path) as holder:
            assert holder.stdout is not None and holder.stdout.readline() == "1\n"
            assert ws.lock("l").acquire(0) is False
            os.kill(holder.pid, signal.SIGKILL)
        with ws.lock("l", wait=60) as lock:
            assert lock.token == 2


@pytest.mark.crash
def test_the_lock_is_lost_with_its_owner(tmp_path: Path) -> None:
    """Held over the protocol; the owner of the workspace is killed, and nobody takes its place."""
    (tmp_path / "lyftnb.toml").touch()
    with process(OWNER, tmp_path) as owner:
        assert owner.stdout is not None and owner.stdout.readline() == "up\n"
        lost = threading.Event()
        with (
            ln.state(tmp_path) as state,
            pytest.raises(LockLost, match="not held any more"),
            state.lock("l", ttl=1.0, on_lost=lost.set) as lock,
        ):
            os.kill(owner.pid, signal.SIGKILL)
            assert lost.wait(30) and not lock.held
    with pytest.raises(NotFound, match="no process has the workspace open"):
        ln.state(tmp_path)
    with ln.open(tmp_path, serve=False) as ws:
        assert StateAddress.load(tmp_path / ".lyftnb") is None
        assert ws.lock("l", wait=60).acquire() is True


@pytest.mark.cluster
def test_a_workflow_is_followed_until_it_is_told_to_stop(lyftnb: Call, tmp_path: Path) -> None:
    (tmp_path / "ticks.workflow.yaml").write_text(TICKS)
    words = ["run", "ticks.workflow.yaml", "--follow", "--fire", "tick"]
    command = [sys.executable, "-m", "lyftnb.cli.app", *words]
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as running:
        assert running.stderr is not None and running.stdout is not None
        said = ""
        while "run-ended" not in said:
            said += running.stderr.readline()
            assert running.poll() is None, said
        fired = printed(
            lyftnb("fire", "ticks_draft", "tick", "--payload", '{"by": "me"}', "--json")
        )
        assert (fired["run"], fired["messages"]) == ("ticks_draft-2", [{"by": "me"}])
        while '"run":"ticks_draft-2","stage":"tick","status":"done"' not in said:
            said += running.stderr.readline()
            assert running.poll() is None, said
        assert [r["status"] for r in printed(lyftnb("runs", "ls", "--json"))] == ["done", "done"]
        unknown = refused(lyftnb("fire", "ticks_draft", "tock"))
        running.send_signal(signal.SIGINT)
        rest = running.stderr.read()
        assert running.wait(timeout=60) == 0, said + rest
        assert "goes on from there" in running.stdout.read()
    assert "tock" in unknown and "ticked" in said
    assert "stopping at a batch boundary" in rest and "Traceback" not in said + rest
    assert "no process has the workspace open" in refused(lyftnb("fire", "ticks_draft", "tick"))
    for wrong in (("--fire", "tick"), ("--follow", "--fresh")):
        assert "--follow" in refused(lyftnb("run", "ticks.workflow.yaml", *wrong))
