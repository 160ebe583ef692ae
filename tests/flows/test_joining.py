"""`lyftnb worker`: workers that join a workspace's cluster from another process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from distributed import Client, Security
from flow_kit import SPOOL, flow
from typer.testing import CliRunner

import lyftnb as ln
from lyftnb.cli.app import app
from lyftnb.engine import Cluster
from lyftnb.errors import GroupUnavailable
from lyftnb.model import WorkflowSpec

pytestmark = pytest.mark.cluster

SETTINGS = """
[cluster]
host = "127.0.0.2"
start_timeout = "2m"

[groups.default]
workers = 1

[groups.far]
workers = 0
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lyftnb.toml").write_text(SETTINGS)
    return tmp_path


@contextmanager
def joined(connect: Path, *groups: str) -> Iterator[subprocess.Popen[str]]:
    asked = [word for group in groups for word in ("--group", group)]
    process = subprocess.Popen(
        [sys.executable, "-m", "lyftnb.cli.app", "worker", *asked, "--connect", str(connect)],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline()


def far() -> WorkflowSpec:
    body = (
        "import os, polars as pl\n"
        "def work(lf, ctx):\n"
        "    ctx.kv('far').increment('batches')\n"
        "    nursery = open(f'/proc/{os.getppid()}/stat').read()\n"
        "    return lf.with_columns(hired_by=int(nursery.split()[3]))\n"
    )
    steps = {
        "make": {"input": {"inline": {"rows": [{"n": 1}]}}, "out": "made"},
        "work": {"in": "made", "group": "far", "actions": [{"python": body}], "out": "done"},
    }
    return flow("far", steps, channels={"made": SPOOL, "done": SPOOL})


def test_workers_join_and_wait_for_whoever_holds_the_workspace_next(folder: Path) -> None:
    with joined(folder, "far=2") as process:
        assert "waiting for a cluster" in said(process)
        for _ in range(2):
            with ln.open(folder) as ws:
                ws.run(far(), fresh=True)
                assert "at work for tls://127.0.0.2" in said(process)
                done = ws.spool("far_draft.done").scan().collect()
                assert done["hired_by"].to_list() == [process.pid]
            assert "the cluster has gone" in said(process)
            assert "waiting for a cluster" in said(process)
            assert not (folder / ".lyftnb/cluster.json").exists()
            assert not list(folder.rglob(".lyftnb-probe-*"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_a_group_whose_workers_do_not_join_is_told_of(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Cluster.wait_for

    def shorter(cluster: Cluster, groups: Iterable[str], timeout_s: float) -> None:
        whole(cluster, groups, 0.5)

    with ln.open(folder) as ws:
        ws._compute.engine(frozenset({"default"}))  # our own workers are there
        monkeypatch.setattr(Cluster, "wait_for", shorter)
        with pytest.raises(GroupUnavailable, match="far") as caught:
            ws.run(far())
    assert "lyftnb worker --group far" in (caught.value.hint or "")


def test_a_worker_that_sees_other_storage_does_not_join(folder: Path, tmp_path: Path) -> None:
    with ln.open(folder) as ws:
        ws._compute.engine(frozenset({"default"}))
        invitation = folder / ".lyftnb/cluster.json"
        assert invitation.stat().st_mode & 0o077 == 0
        told = json.loads(invitation.read_text())
        other = tmp_path / "other.json"
        other.write_text(json.dumps({**told, "probe": told["probe"].replace("spools", "spoils")}))
        with joined(other, "far") as process:
            _, words = process.communicate(timeout=30)
        assert process.returncode == 1
        assert "does not see the storage root" in words and "Traceback" not in words


def test_who_has_no_certificate_of_the_cluster_reaches_nothing(folder: Path) -> None:
    """A scheduler's port is code execution for whoever it lets in."""
    with ln.open(folder) as ws:
        ws._compute.engine(frozenset({"default"}))
        invitation = json.loads((folder / ".lyftnb/cluster.json").read_text())
        address = invitation["settings"]["scheduler"]
        assert address.startswith("tls://")
        stranger = Security.temporary()
        for given, how in ((address, stranger), (address.replace("tls", "tcp"), None)):
            with pytest.raises(OSError, match=r"[Tt]imed out|certificate|closed"):
                Client(given, security=how, timeout=2, set_as_default=False)
        assert ws.run(far_less()).status == "done"  # and nobody is the worse for it


def far_less() -> WorkflowSpec:
    make = {"input": {"inline": {"rows": [{"n": 1}]}}, "out": "made"}
    return flow("near", {"make": make}, channels={"made": SPOOL})


@pytest.mark.parametrize(
    ("text", "groups", "message"),
    [
        ("[]", ["far"], "no invitation to a cluster"),
        ("{}", ["far"], "no invitation to a cluster"),
        ("", ["Far"], "'Far' names no group"),
        ("", ["far=none"], "'far=none' names no group"),
    ],
)
def test_what_is_asked_wrongly_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, groups: list[str], message: str
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # they stay those of pytest
    (tmp_path / "file").write_text(text)
    asked = [word for group in groups for word in ("--group", group)]
    done = CliRunner().invoke(app, ["worker", *asked, "--connect", str(tmp_path / "file")])
    assert done.exit_code == 1 and message in done.stderr and "Traceback" not in done.stderr
