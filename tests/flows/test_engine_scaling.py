"""Workers of our own that are let go: what they run ends there, what they hold is not lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flow_kit import until

from lyftnb.engine import Cluster, GroupSize
from lyftnb.engine.cluster import resource

pytestmark = pytest.mark.cluster


def started(folder: Path, leave_timeout_s: float = 60, **groups: int) -> Cluster:
    sizes = {group: GroupSize(workers) for group, workers in groups.items()}
    cluster = Cluster.embedded(sizes, scratch=folder / "tmp", leave_timeout_s=leave_timeout_s)
    until(lambda: cluster.seen().there == groups, cluster.seen)
    return cluster


def marking(file: Path, ends: Callable[[int], bool]) -> Callable[[], int]:
    """A task that adds a mark to a file, and ends once `ends(marks it has found)`."""

    def work() -> int:
        import time

        with file.open("a") as marks:
            marks.write("x")
        found = file.stat().st_size
        while not ends(found):
            time.sleep(0.02)
        return found

    return work


def sent(cluster: Cluster, group: str, work: Callable[..., Any], *args: Any) -> Any:
    return cluster.client.submit(work, *args, resources=resource(group), pure=False, retries=0)


def test_a_result_that_is_still_wanted_outlives_its_worker(tmp_path: Path) -> None:
    file = tmp_path / "marks"
    with started(tmp_path, a=1, b=1) as cluster:
        made = sent(cluster, "a", marking(file, lambda found: True))
        until(lambda: made.status == "finished", lambda: made)
        cluster.scale({"b": GroupSize(1)})
        until(lambda: len(cluster.pids) == 1, lambda: cluster.pids)
        assert sent(cluster, "b", lambda before: before + 1, made).result(60) == 2
        assert made.result(60) == 1
    assert file.stat().st_size == 1


def test_the_last_worker_stays_until_its_results_are_fetched(tmp_path: Path) -> None:
    file = tmp_path / "marks"
    with started(tmp_path, a=1) as cluster:
        made = sent(cluster, "a", marking(file, lambda found: True))
        until(lambda: made.status == "finished", lambda: made)
        cluster.scale({})
        until(lambda: cluster.seen().there == {}, cluster.seen)
        assert made.result(60) == 1
        assert len(cluster.pids) == 1
        made.release()
        until(lambda: not cluster.pids, lambda: cluster.pids)
    assert file.stat().st_size == 1


def test_what_waits_on_it_goes_to_the_one_that_takes_its_place(tmp_path: Path) -> None:
    """A group's only worker is hired anew for other settings: one ends its task, the other begins
    with the next.
    """
    first, second, go = tmp_path / "first", tmp_path / "second", tmp_path / "go"
    with started(tmp_path, a=1) as cluster:
        runs = sent(cluster, "a", marking(first, lambda found: go.exists()))
        until(first.exists, lambda: runs)
        waits = sent(cluster, "a", marking(second, lambda found: True))
        cluster.scale({"a": GroupSize(1, threads=2)})
        assert waits.result(60) == 1
        assert runs.status == "pending" and len(cluster.pids) == 2
        go.touch()
        assert runs.result(60) == 1
        runs.release()
        waits.release()
        until(lambda: len(cluster.pids) == 1, lambda: cluster.pids)
    assert first.stat().st_size == second.stat().st_size == 1


def test_one_that_does_not_end_is_stopped_in_the_end(tmp_path: Path) -> None:
    file = tmp_path / "marks"
    with started(tmp_path, leave_timeout_s=0.5, a=2) as cluster:
        stuck = sent(cluster, "a", marking(file, lambda found: found > 1))
        until(file.exists, lambda: stuck)
        cluster.scale({"a": GroupSize(1, threads=2)})
        assert stuck.result(60) == 2


def test_a_worker_that_comes_gets_what_waits_elsewhere(tmp_path: Path) -> None:
    """Two tasks that end once both have begun are sent while there is one worker."""
    file = tmp_path / "marks"
    with started(tmp_path, a=1) as cluster:
        both = [
            sent(cluster, "a", marking(file, lambda found: file.stat().st_size == 2))
            for _ in range(2)
        ]
        until(file.exists, lambda: both)
        cluster.scale({"a": GroupSize(2)})
        assert sorted(one.result(60) for one in both) == [1, 2]
    assert file.stat().st_size == 2
