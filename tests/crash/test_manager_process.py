"""The life of the manager: one for all who come at once, killed at any moment, drained at will."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import lyftnb as ln
from lyftnb.cli.manager import _tail
from lyftnb.errors import ConfigError, OutcomeUnknown, TryAgain, WorkspaceBusy
from lyftnb.manager import Progress
from lyftnb.server.log import Log
from lyftnb.store import this_process
from lyftnb.testing import invariants
from lyftnb.workspace.address import ManagerAddress
from lyftnb.workspace.finding import find, find_or_start, wait_for_end
from lyftnb.workspace.folders import STATE_DIR
from lyftnb.workspace.remote import RemoteWorkspace
from tests.manager_kit import ended

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

LONG_S = 60.0
ROWS, SPLIT = 4000, 40
TEN_CLIENTS = """
import os, sys
from pathlib import Path
import lyftnb.server.process  # what a manager needs is loaded once
from lyftnb.workspace.finding import find_or_start

for _ in range(10):
    if os.fork() == 0:
        os.write(1, f"{find_or_start(Path(sys.argv[1])).pid}\\n".encode())
        os._exit(0)
for _ in range(10):
    assert os.wait()[1] == 0
"""
SETTINGS = '[groups.default]\n[batch]\nsplit_bytes = "1KiB"\nbatch_bytes = "4KiB"\nin_flight = 1\n'


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "lyftnb.toml").write_text(SETTINGS)
    yield tmp_path
    ended(tmp_path)
    with ln.open(tmp_path, serve=False) as workspace:
        invariants.check(workspace._ledger)


def slow(root: Path, name: str, trigger: str | None = None) -> ln.Workflow:
    """Counts the lines of a file, in many batches that take a while."""
    (root / "in.ndjson").write_text("".join(f'{{"n": {n}}}\n' for n in range(ROWS)))
    source = "import time\ndef work(lf):\n    time.sleep(0.05)\n    return lf\n"
    body: dict[str, Any] = {
        "input": {"files": {"path": "in.ndjson"}},
        "actions": [{"python": {"source": source}}],
        "out": "lines",
    }
    if trigger is not None:
        body["trigger"] = trigger
    channels = {"lines": {"transport": "spool"}}
    return ln.Workflow.from_dict({"workflow": name, "channels": channels, "steps": {"read": body}})


def test_ten_clients_at_once_have_one_manager(root: Path) -> None:
    command = [sys.executable, "-c", TEN_CLIENTS, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG_S, check=True)
    pids = done.stdout.split()
    assert len(pids) == 10 and len(set(pids)) == 1
    address = find(root)
    assert address is not None and int(pids[0]) == address.pid
    log = (root / STATE_DIR / "manager.log").read_text()
    assert log.count("up at") == 1
    assert (root / STATE_DIR / "manager.json").stat().st_mode & 0o777 == 0o600
    assert os.getsid(address.pid) == address.pid != os.getsid(0)
    # One more process than there may be: the ledger refuses it, and it says who has it.
    second = [sys.executable, "-m", "lyftnb.server", str(root)]
    refused = subprocess.run(second, capture_output=True, text=True, timeout=LONG_S)
    assert refused.returncode == 1 and f"process {address.pid}" in refused.stderr


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_was_cut_off_is_carried_on(root: Path, how: int) -> None:
    workflow = slow(root, "torn")
    first = find_or_start(root)
    begun, failures = threading.Event(), []

    def watch(progress: Progress) -> None:
        if progress.stages[0].batches >= 3:
            begun.set()

    def run() -> None:
        with RemoteWorkspace(root) as workspace:
            try:
                workspace.run(workflow, on_progress=watch)
            except ln.LyftError as error:
                failures.append(error)

    client = threading.Thread(target=run)
    client.start()
    assert begun.wait(LONG_S)
    workers = psutil.Process(first.pid).children(recursive=True)
    os.kill(first.pid, how)
    wait_for_end(root, first, LONG_S)
    client.join(LONG_S)
    (failure,) = failures
    expected = OutcomeUnknown if how == signal.SIGKILL else TryAgain
    assert type(failure) is expected and "run it again" in str(failure)
    with ln.connect(root) as workspace:
        assert isinstance(workspace, RemoteWorkspace) and find(root) != first
        (cut_off,) = workspace.runs("torn_draft")
        assert cut_off.status == ("lost" if how == signal.SIGKILL else "cancelled")
        before = workspace.spool("lines").rows
        assert 0 < before < ROWS
        assert workspace.run(workflow).status == "done"
        rows = workspace.spool("lines").scan().collect()["n"].to_list()
        assert rows == list(range(ROWS))
    assert not psutil.wait_procs(workers, LONG_S)[1]


def test_sigterm_drains_what_runs(root: Path) -> None:
    with ln.connect(root) as workspace:
        deployment = workspace.start(slow(root, "drained"))
        news = threading.Event()
        stop = workspace._state.listen(lambda _: news.set(), ("messages",))
        while workspace.numbers(deployment).stages[0].batches < 2:
            news.wait(0.05)
        stop()
    address = find(root)
    assert address is not None
    os.kill(address.pid, signal.SIGTERM)
    wait_for_end(root, address, LONG_S)
    assert find(root) is None and not (root / STATE_DIR / "owner.json").exists()
    with ln.open(root, serve=False) as own:
        # Ended at a batch boundary: nothing was given up.
        assert own._ledger.sweep().waiting == own._ledger.sweep().files == 0
        rows = own.spool("lines").scan().collect()["n"].to_list()
        assert rows == list(range(len(rows))) and len(rows) > 0
    assert "ended" in (root / STATE_DIR / "manager.log").read_text()


def test_clients_outlive_managers(root: Path) -> None:
    done, unknown = Counter[str](), Counter[str]()
    kills = threading.Semaphore(0)
    going = threading.Event()
    going.set()

    def work(name: str) -> None:
        with ln.connect(root) as workspace:
            while going.is_set():
                try:
                    workspace.versions()
                    workspace.kv("k").increment(name)
                except OutcomeUnknown:
                    unknown[name] += 1
                else:
                    done[name] += 1
                    kills.release()

    clients = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for client in clients:
        client.start()
    for how in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        for _ in range(30):
            assert kills.acquire(timeout=LONG_S)
        address = find(root)
        if address is not None:
            os.kill(address.pid, how)
            wait_for_end(root, address, LONG_S)
        while kills.acquire(blocking=False):
            pass
    assert kills.acquire(timeout=LONG_S)
    going.clear()
    for client in clients:
        client.join(LONG_S)
        assert not client.is_alive()
    with ln.connect(root) as workspace:
        for name in "abc":
            counted = workspace.kv("k").get(name)
            assert done[name] <= counted <= done[name] + unknown[name]


def test_stale_files_are_known(tmp_path: Path) -> None:
    me = this_process()

    def seen(**process: Any) -> bool:
        ManagerAddress("http://x", "t", {**me, **process}, "", True).save(tmp_path)
        return ManagerAddress.load(tmp_path) is not None

    assert seen() and seen(host="elsewhere", pid=1)
    assert not seen(created=me["created"] - 100)
    assert not seen(pid=1) and not seen(pid=2**22 + 1)
    dead = subprocess.Popen(["true"])
    os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)
    created = psutil.Process(dead.pid).create_time()
    assert not seen(pid=dead.pid, created=created)  # a zombie
    dead.wait()
    (tmp_path / "manager.json").write_text("{")
    assert ManagerAddress.load(tmp_path) is None


def test_a_workspace_that_somebody_has_open(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ln.open(root) as own:
        assert ln.connect(root) is own
        monkeypatch.setattr("lyftnb.workspace.entering.held", lambda _: None)
        monkeypatch.setattr("lyftnb.workspace.finding._BUSY_S", 0.0)
        with pytest.raises(WorkspaceBusy, match=f"process {os.getpid()}"):
            ln.connect(root)


def test_why_it_cannot_start_is_told(root: Path) -> None:
    (root / "lyftnb.toml").write_text('[manager]\nhost = "0.0.0.0"\n')
    with pytest.raises(ConfigError, match="would travel in clear"):
        find_or_start(root)
    (root / "lyftnb.toml").write_text("[manager]\nport = 1\n[groups.default]\n")
    (root / STATE_DIR / "ledger.duckdb").write_text("no ledger")
    with pytest.raises(ln.LyftError) as caught:
        find_or_start(root)
    assert "ledger" in str(caught.value)
    (root / STATE_DIR / "ledger.duckdb").unlink()
    (root / "file").touch()
    with pytest.raises(ln.LyftError, match="cannot be written"):
        find_or_start(root / "file")
    assert find(root) is None


def test_one_that_nobody_needs_ends_and_is_started_again(root: Path) -> None:
    (root / "lyftnb.toml").write_text(SETTINGS + '[manager]\nidle_exit = "1s"\ntls = true\n')
    with ln.connect(root) as workspace:
        first = find(root)
        assert first is not None and first.url.startswith("https://") and not first.stays
        workspace.kv("k").put("a", 1)
        wait_for_end(root, first, LONG_S)
        # The next call starts another one, be it over HTTP or over the state protocol.
        assert workspace.kv("k").get("a") == 1
        second = find(root)
        assert second is not None and second != first
        wait_for_end(root, second, LONG_S)
        assert workspace.spools() == []


def test_the_log_is_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lyftnb.server.log._BYTES", 200)
    log = Log(tmp_path / "manager.log")
    for n in range(40):
        log.emit(log_record(f"line {n}"))
    log.close()
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["manager.log", "manager.log.1", "manager.log.2", "manager.log.3"]
    assert "line 39" in (tmp_path / "manager.log").read_text()


def test_a_log_is_followed_over_its_rotation(tmp_path: Path) -> None:
    file = tmp_path / "manager.log"
    file.write_text("a\nb\n")
    lines = _tail(file, 1, True)
    assert next(lines) == "b\n"
    with file.open("a") as log:
        log.write("c\n")
        log.flush()
        assert next(lines) == "c\n"
        log.write("d\n")
    file.rename(tmp_path / "manager.log.1")
    file.write_text("e\n")
    assert [next(lines), next(lines)] == ["d\n", "e\n"]
    lines.close()


def log_record(text: str) -> Any:
    import logging

    return logging.LogRecord("test", logging.INFO, "", 0, text, None, None)


# -- the command line


def cli(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lyftnb.cli.app", *words]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=LONG_S)


def test_up_status_logs_down(root: Path) -> None:
    down = cli(root, "status")
    assert down.returncode == 1 and "lyftnb up" in down.stdout
    assert "no log yet" in cli(root, "logs").stderr
    up = cli(root, "up", "--json")
    assert up.returncode == 0, up.stderr
    facts = json.loads(up.stdout)
    assert facts["started"] and facts["stays"] and "token" not in facts
    assert "already up" in cli(root, "up").stdout
    slow(root, "commanded").save(root / "commanded.workflow.yaml")
    published = cli(root, "publish", "commanded.workflow.yaml")
    assert published.returncode == 0, published.stderr
    with RemoteWorkspace(root) as workspace:
        assert workspace.versions()[0].ref == "commanded@1"
        workspace.start("commanded")
    shown = cli(root, "status")
    assert shown.returncode == 0 and "commanded" in shown.stdout, shown.stderr
    assert json.loads(cli(root, "status", "--json").stdout)["up"] is True
    assert f"process {facts['pid']}" in cli(root, "logs", "-n", "100").stdout
    assert cli(root, "down").stdout == "the manager is down\n"
    assert cli(root, "down").stdout == "no manager is up\n"


def test_status_of_a_manager_with_wrong_settings_and_of_one_that_died(root: Path) -> None:
    assert cli(root, "up").returncode == 0
    nothing = cli(root, "status").stdout
    assert "nothing is applied" in nothing and "lyftnb apply NAME" in nothing
    with RemoteWorkspace(root) as workspace:
        workspace.publish(slow(root, "kept"))
        workspace.apply("kept")
        workspace.pause("kept")
    (root / "lyftnb.toml").write_text("[groups.default]\nworkers = 0.5\n")
    shown = cli(root, "status")
    assert shown.returncode == 0 and "with the settings that it has" in shown.stderr
    assert "0.5" in shown.stderr
    assert "kept is paused (all of it)" in shown.stdout and "lyftnb resume kept" in shown.stdout
    assert cli(root, "issues", "ls").returncode == 0
    ended(root, signal.SIGKILL)
    died = cli(root, "status")
    assert died.returncode == 1 and "has died" in died.stdout and "lyftnb logs" in died.stdout
    assert "0.5" in died.stdout
    (root / "lyftnb.toml").write_text(SETTINGS)
    died = cli(root, "status")
    assert "has died" in died.stdout and "kept@1" in died.stdout
    assert cli(root, "up").returncode == 0
    (root / "lyftnb.toml").write_text("[groups.default]\nworkers = 0.5\n")
    assert cli(root, "down").stdout == "the manager is down\n"
    (root / "lyftnb.toml").write_text(SETTINGS)


def test_in_the_foreground_until_it_is_asked_to_end(root: Path) -> None:
    command = [sys.executable, "-m", "lyftnb.cli.app", "up", "--foreground"]
    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("up at http" in line for line in process.stderr)
        address = find(root)
        assert address is not None and address.pid == process.pid and address.stays
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 0 and "Traceback" not in rest and "ended" in rest
