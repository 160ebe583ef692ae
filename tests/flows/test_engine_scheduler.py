"""An existing Dask scheduler: `[cluster] scheduler = …`, with workers that others started."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import lyftnb as ln
from lyftnb.errors import ConfigError, GroupUnavailable, StorageError
from lyftnb.manager import Progress
from lyftnb.model import WorkflowSpec
from lyftnb.workspace import compute

pytestmark = pytest.mark.cluster

SPOOL = {"transport": "spool"}


class Site:
    """A scheduler and workers as an administrator would start them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.children: list[subprocess.Popen[bytes]] = []
        self.file = folder / "scheduler.json"
        self._start("scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1",
                    "--scheduler-file", str(self.file))  # fmt: skip

    def worker(self, group: str, *more: str) -> subprocess.Popen[bytes]:
        return self._start(
            "worker", "--scheduler-file", str(self.file), "--resources", f"group:{group}=1",
            "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1",
            "--local-directory", str(self.folder), *more,
        )  # fmt: skip

    def _start(self, kind: str, *args: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-m", "dask", kind, *args],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
        )
        self.children.append(child)
        return child

    @property
    def address(self) -> str:
        import json

        deadline = time.monotonic() + 30
        # It is written in place: there may be a file, and nothing in it yet.
        while not (self.file.exists() and self.file.read_text().endswith("}")):
            assert time.monotonic() < deadline, "no scheduler came up"
            threading.Event().wait(0.05)
        return str(json.loads(self.file.read_text())["address"])

    def close(self) -> None:
        for child in reversed(self.children):
            child.kill()
            child.wait()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    try:
        site.worker("default")
        yield site
    finally:
        site.close()


@pytest.fixture
def ws(site: Site, tmp_path: Path) -> Iterator[ln.Workspace]:
    (tmp_path / "lyftnb.toml").write_text(
        f'[cluster]\nscheduler = "{site.address}"\n\n'
        '[batch]\nsplit_bytes = "1B"\nbatch_bytes = "1B"\n'
    )
    (tmp_path / "in").mkdir()
    for n in range(4):
        (tmp_path / f"in/{n}.ndjson").write_text(f'{{"n": {n}}}\n')
    with ln.open(tmp_path) as workspace:
        yield workspace


def flow(group: str = "default", body: str = "pass") -> WorkflowSpec:
    work = {"python": {"source": f"def work(lf):\n    {body}\n    return lf\n"}}
    return WorkflowSpec.model_validate(
        {
            "workflow": "elsewhere",
            "channels": {"kept": SPOOL},
            "steps": {
                "read": {"input": {"files": {"path": "in/*.ndjson"}}, "out": "raw"},
                "work": {"in": "raw", "group": group, "actions": [work], "out": "kept"},
            },
        }
    )


def numbers(ws: ln.Workspace) -> list[int]:
    return ws.spool("elsewhere_draft.kept").scan().collect()["n"].to_list()


def test_a_workflow_runs_there(ws: ln.Workspace) -> None:
    assert ws.run(flow()).status == "done"
    assert numbers(ws) == [0, 1, 2, 3]
    assert list(ws.path.rglob(".lyftnb-probe-*")) == []


def test_a_missing_group_is_refused_within_seconds(
    ws: ln.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws._compute.engine(frozenset({"default"}))  # its worker is there
    monkeypatch.setattr(compute, "_SCHEDULER_PATIENCE_S", 0.5)
    began = time.monotonic()
    with pytest.raises(GroupUnavailable, match="gpu") as caught:
        ws.run(flow("gpu"))
    assert time.monotonic() - began < 15
    assert "group:gpu=1" in str(caught.value)


def test_a_group_that_lost_its_worker_goes_on_with_a_new_one(site: Site, ws: ln.Workspace) -> None:
    first = site.worker("frail")
    mark = ws.path / "first"
    body = f"import os, time\n    while os.getpid() == {first.pid}: time.sleep(0.01)"
    seen: list[str] = []
    hired: list[int] = []

    def watch(progress: Progress) -> None:
        notes = [stage.note for stage in progress.stages]
        if any(stage.units for stage in progress.stages) and not mark.exists():
            mark.touch()
            first.kill()
        if any("'frail' has no workers" in note for note in notes) and not hired:
            seen.extend(notes)
            hired.append(site.worker("frail").pid)

    assert ws.run(flow("frail", body), on_progress=watch).status == "done"
    assert seen and numbers(ws) == [0, 1, 2, 3]


def test_workers_that_see_other_storage_get_no_tasks(
    ws: ln.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the folder were another machine's: the word that is written never gets there.
    real = Path.write_text
    monkeypatch.setattr(
        Path, "write_text", lambda self, text: 0 if "probe" in self.name else real(self, text)
    )
    with pytest.raises(StorageError, match="does not see the storage root") as caught:
        ws.run(flow())
    assert "mount the same folder" in str(caught.value)


def test_nobody_answers(tmp_path: Path) -> None:
    (tmp_path / "lyftnb.toml").write_text(
        '[cluster]\nscheduler = "tcp://127.0.0.1:1"\nstart_timeout = "500ms"\n'
    )
    (tmp_path / "in").mkdir()
    (tmp_path / "in/1.ndjson").write_text('{"n": 1}\n')
    with ln.open(tmp_path) as ws, pytest.raises(ConfigError, match=r"no Dask scheduler answers"):
        ws.run(flow())


def test_a_scheduler_that_goes_away_ends_the_run_with_a_word(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/1.ndjson").write_text('{"n": 1}\n')
    site = Site(tmp_path)
    try:
        site.worker("default")
        (tmp_path / "lyftnb.toml").write_text(
            f'[cluster]\nscheduler = "{site.address}"\nstart_timeout = "30s"\n'
        )

        def kill(progress: Progress) -> None:
            if any(stage.units for stage in progress.stages):
                for child in site.children:
                    child.kill()

        with ln.open(tmp_path) as ws, pytest.raises(ConfigError, match="scheduler is gone"):
            ws.run(flow(body="import time; time.sleep(5)"), on_progress=kill)
    finally:
        site.close()


def made() -> WorkflowSpec:
    make = {"input": {"inline": {"rows": [{"n": 1}]}}, "out": "kept"}
    spec = {"workflow": "elsewhere", "channels": {"kept": SPOOL}, "steps": {"make": make}}
    return WorkflowSpec.model_validate(spec)


CLASS = """
[cluster]
class = "distributed.LocalCluster"
workers = 1
options.n_workers = 0
options.threads_per_worker = 1
options.resources = {"group:default" = 1}
options.dashboard_address = "127.0.0.1:0"
"""


def test_a_cluster_of_a_class_is_started_and_goes_with_us(tmp_path: Path) -> None:
    (tmp_path / "lyftnb.toml").write_text(CLASS)
    with ln.open(tmp_path) as ws:
        assert ws.run(made()).status == "done"
        cluster = ws._compute._cluster
        assert cluster is not None and not cluster.is_ours
        (member,) = cluster.spawn(cluster.members()).result()
    host, _colon, port = member.address.rpartition("/")[2].rpartition(":")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((host, int(port)), 5)


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ('class = "distributed.NoCluster"', "no cluster class distributed.NoCluster", "install"),
        ('class = "no_such_package.A"', "No module named 'no_such_package'", "install"),
        ('class = "distributed.Security"\noptions = {pigeons = 2}', "pigeons", "options"),
    ],
)
def test_a_class_that_cannot_be_started_is_an_error(
    tmp_path: Path, settings: str, message: str, hint: str
) -> None:
    (tmp_path / "lyftnb.toml").write_text(f"[cluster]\n{settings}\n")
    with ln.open(tmp_path) as ws, pytest.raises(ConfigError) as caught:
        ws.run(made())
    assert message in caught.value.message and hint in (caught.value.hint or "")
