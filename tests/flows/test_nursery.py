"""Workers are born in a nursery; without one that is fit, or after its death, they come all the
same.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flow_kit import until

from lyftnb.engine import Cluster, GroupSize
from lyftnb.engine.nursery import Nursery
from lyftnb.engine.processes import own_environment

pytestmark = pytest.mark.cluster

GROUPS = {"one": GroupSize(workers=2), "two": GroupSize(threads=2)}


def _telling() -> Callable[[], dict[str, Any]]:
    """What a worker is asked; made here, because it does not know this module."""

    def told() -> dict[str, Any]:
        import os

        import polars as pl

        threads = pl.thread_pool_size()
        return {"parent": os.getppid(), "environment": dict(os.environ), "threads": threads}

    return told


def _all_told(cluster: Cluster) -> dict[str, dict[str, Any]]:
    """Worker → what it says, once all are there."""
    until(lambda: cluster.seen().there == {"one": 2, "two": 1}, cluster.seen)
    return {
        member.name: told
        for member in cluster.spawn(cluster.members()).result()
        for told in cluster.client.run(_telling(), workers=[member.address]).values()
    }


def test_workers_of_all_groups_come_from_one_nursery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OURS", "1")
    # Dask's own nannies, of another test, leave it in the environment of the process they are in.
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    environment = {"GIVEN": "2"}
    # Whoever waits for workers is told of them: to look takes from them what they need to come.
    monkeypatch.setattr("lyftnb.engine.cluster._TOLD_LOOK_S", 600.0)
    with Cluster.embedded(GROUPS, scratch=tmp_path, environment=environment) as cluster:
        cluster.wait_for(GROUPS, 120)
        told = _all_told(cluster)
    assert len({worker["parent"] for worker in told.values()} - {os.getpid()}) == 1
    assert {name: worker["threads"] for name, worker in told.items()} == {
        "one-0": 1,
        "one-1": 1,
        "two-0": 2,
    }
    for worker in told.values():
        assert worker["environment"].items() >= {"OURS": "1", "GIVEN": "2"}.items()
        assert "OPENBLAS_NUM_THREADS" not in worker["environment"]


def test_a_nursery_that_was_killed_is_replaced(tmp_path: Path) -> None:
    with Cluster.embedded(GROUPS, scratch=tmp_path) as cluster:
        before = _all_told(cluster)
        nursery = before["two-0"]["parent"]
        os.kill(nursery, signal.SIGKILL)
        # The first comes without a nursery, the second from another one.
        for _ in range(2):
            pids = cluster.pids
            os.kill(pids[0], signal.SIGKILL)
            until(lambda pids=pids: cluster.pids[0] != pids[0], lambda: cluster.pids)
        after = _all_told(cluster)
        assert after["one-1"] == before["one-1"] | {"parent": after["one-1"]["parent"]}
        assert after["one-0"]["parent"] not in (nursery, os.getpid())


def test_a_process_with_threads_is_not_forked(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    )
    environment = {**own_environment(), "PYTHONPATH": str(tmp_path)}
    nursery = Nursery(environment)
    child = nursery.born(environment)
    try:
        assert Path(f"/proc/{child.pid}/stat").read_text().split()[3] == str(os.getpid())
        assert not child.wait(0)
        child.kill()
        assert child.wait(10)
    finally:
        child.let_go()
        nursery.close()
