"""However a stream is cut, whoever dies, and whenever its rows come: the same rows come out.

Each example runs a random workflow (`random_flows`) over random splits, batches and depths of the
pipeline, with its data coming in over several runs; in some a worker is killed with SIGKILL, or the
owner gives the run up between two commits and a new owner takes it up. What stands in the spools is
compared with a naive computation in plain Python, and so is one big batch in one go.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from random_flows import KINDS_CSV, Flow, Reject, Row, Rows, bag, flows

from lyftnb import planning
from lyftnb.clock import SystemClock
from lyftnb.engine import Cluster, Engine, GroupSize
from lyftnb.manager import BatchLimits, BoundedRun, RunEnv
from lyftnb.model import Answer, Commit, Plan, has_errors
from lyftnb.store import Ledger, scan
from lyftnb.testing import invariants
from lyftnb.workspace.checker import checker
from tests.ledger_kit import blank

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

DEPLOYMENT = "random_draft"


@dataclass(frozen=True)
class Trouble:
    """How one run goes: how its input is cut, and what befalls it."""

    limits: BatchLimits
    gives_up_after: int | None
    """So many commits, then the owner is gone and another one takes the run up."""
    kill_after_s: float | None
    """A worker is killed so long after the start."""


def limits() -> st.SearchStrategy[BatchLimits]:
    return st.builds(
        BatchLimits,
        split_bytes=st.sampled_from((200, 600, 5000)),
        batch_bytes=st.sampled_from((200, 1500, 10**6)),
        batch_rows=st.sampled_from((1, 10, 10**6)),
        in_flight=st.integers(1, 4),
    )


def troubles() -> st.SearchStrategy[Trouble]:
    return st.builds(
        Trouble,
        limits(),
        st.none() | st.integers(0, 8),
        st.sampled_from((None, None, None, None, 0.02, 0.1, 0.3)),
    )


class GaveUpError(Exception):
    """The owner went away between two commits."""


class TornLedger(Ledger):
    """A ledger whose owner goes away in front of a commit."""

    commits_left: int | None = None

    def commit(self, commits: list[Commit]) -> list[Answer]:  # type: ignore[override]
        if self.commits_left is not None:
            if self.commits_left < len(commits):
                raise GaveUpError
            self.commits_left -= len(commits)
        return super().commit(commits)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    groups = {"default": GroupSize(workers=2), "edge": GroupSize(workers=1)}
    with Cluster.embedded(groups, scratch=tmp_path_factory.mktemp("scratch")) as cluster:
        cluster.wait_for(groups, 120)
        yield cluster


@given(flow=flows(), ways=st.lists(troubles(), min_size=3, max_size=3), seed=st.integers(0, 99))
@settings(
    max_examples=max(15, settings().max_examples // 10),
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
def test_the_same_rows_however_they_are_cut(
    cluster: Cluster, flow: Flow, ways: list[Trouble], seed: int
) -> None:
    note(json.dumps(flow.document, indent=1))
    plan = planned(flow)
    with Site(cluster, plan) as site:
        site.run(flow.at_once, Trouble(BatchLimits(), None, None), seed)
        site.check(flow)
    with Site(cluster, plan) as site:
        for wave, way in zip(flow.waves, ways, strict=False):
            site.run(wave, way, seed)
        site.check(flow)


def planned(flow: Flow) -> Plan:
    plan = planning.plan(
        flow.spec,
        deployment=DEPLOYMENT,
        version=None,
        checker=checker(),
        groups={"default": 2, "edge": 1},
    )
    assert not has_errors(plan.problems), plan.problems
    return plan


class Site:
    """A state directory and input folders of one example, over the cluster of all."""

    def __init__(self, cluster: Cluster, plan: Plan) -> None:
        self.cluster = cluster
        self.plan = plan
        self.folder = Path(tempfile.mkdtemp(prefix="lyftnb-"))
        blank(self.folder / "state")
        self.ledger = self._open()
        (self.folder / "kinds.csv").write_text(KINDS_CSV)

    def _open(self) -> TornLedger:
        ledger = TornLedger.open(self.folder / "state", SystemClock())
        assert isinstance(ledger, TornLedger)
        return ledger

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self.ledger.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, wave: dict[str, list[str]], way: Trouble, seed: int) -> None:
        """Append the lines, then run until the end of the inputs, through all trouble."""
        for path, lines in wave.items():
            file = self.folder / path
            file.parent.mkdir(exist_ok=True)
            with file.open("a") as out:
                out.writelines(f"{line}\n" for line in lines)
        killer = self._killer(way, seed)
        self.ledger.commits_left = way.gives_up_after
        try:
            self._run(way.limits)
        except GaveUpError:
            self.ledger.close()
            self.ledger = self._open()
            self._run(way.limits)
        finally:
            self.ledger.commits_left = None
            if killer is not None:
                killer.cancel()
                killer.join()

    def _run(self, limits: BatchLimits) -> None:
        engine = Engine(self.cluster)
        env = RunEnv(
            ledger=self.ledger,
            engine=engine,
            clock=SystemClock(),
            limits=limits,
            storage_root=str(self.ledger.root),
            base_path=str(self.folder),
        )
        assert BoundedRun(self.plan, env).run().status == "done"

    def _killer(self, way: Trouble, seed: int) -> threading.Timer | None:
        if way.kill_after_s is None:
            return None

        def kill() -> None:
            with suppress(ProcessLookupError):  # the one before it may have died just now
                os.kill(random.Random(seed).choice(self.cluster.pids), signal.SIGKILL)

        killer = threading.Timer(way.kill_after_s, kill)
        killer.start()
        return killer

    # -- what came out

    def rows(self, channel: str) -> Rows:
        spool = f"{DEPLOYMENT}.{channel}"
        segments, schema = self.ledger.segments(spool), self.ledger.schema(spool)
        if schema is None:
            return []
        return scan(segments, schema, self.ledger.root).collect().to_dicts()

    def check(self, flow: Flow) -> None:
        spools = {c.name for c in self.plan.channels if c.transport == "spool"}
        for expected in flow.expected:
            if not spools.issuperset(expected.channels):
                continue
            rows = expected.view([row for name in expected.channels for row in self.rows(name)])
            assert_same(bag(rows), expected.rows, f"channels {expected.channels}")
            keys = [tuple(row[name] for name in expected.ordered_by) for row in rows]
            assert keys == sorted(keys), expected.channels
        assert_same(self.rejects(flow), flow.rejects, "rejects")
        invariants.check(self.ledger)

    def rejects(self, flow: Flow) -> Counter[Reject]:
        channels = [c.name for c in self.plan.channels if c.rejects]
        found = [row for channel in channels for row in self.rows(channel)]
        return Counter(
            Reject(
                flow.twins.get(row["step"], row["step"]),
                row["action"],
                row["code"],
                shown(row),
            )
            for row in found
        )


def assert_same(found: Counter[Any], expected: Counter[Any], what: str) -> None:
    missing, surplus = expected - found, found - expected
    assert not missing and not surplus, f"{what}: missing {missing}, too many {surplus}"


def shown(reject: Row) -> str:
    """The rejected row as the oracle writes it."""
    if reject["action"] == "input":
        return str(reject["_row"])
    (text,) = bag([json.loads(reject["_row"])])
    return text
