"""The ledger against a model in a dict: random commits, refusals, replacements, reopenings."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import polars as pl
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lyftnb.clock import ManualClock
from lyftnb.model import Advance, Claim, Commit, Committed, Refused, SpoolSpec
from lyftnb.store import Ledger, conform, write_segments
from lyftnb.testing.invariants import check
from tests.dice import rounds
from tests.ledger_kit import blank

SPECS = {
    "d.appended": SpoolSpec("d.appended"),
    "d.daily": SpoolSpec("d.daily", partition="day"),
}
DAYS = ("mon", "tue")
KEY = "d/s/in"

Rows = list[dict[str, object]]
Replaced = tuple[str, tuple[str, ...] | None]
rows_of = st.lists(
    st.fixed_dictionaries(
        {"n": st.integers(0, 99), "day": st.sampled_from(DAYS)},
        optional={"extra": st.sampled_from([1, 2**40])},
    ),
    max_size=5,
)


class LedgerMachine(RuleBasedStateMachine):
    """`spools` holds, for each spool, its rows after every snapshot."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lyftnb-"))
        self.clock = ManualClock()
        self.ledger = Ledger.open(blank(self.folder), self.clock)
        self.history: list[dict[str, Rows]] = [{name: [] for name in SPECS}]
        self.position = 0
        self.last: Commit | None = None
        self.snapshot_of: dict[str, int] = {}
        self.number = 0

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.ledger.close()
            shutil.rmtree(self.folder)

    # -- building commits

    def staged(
        self, spool: str, rows: Rows, expected: int, replaces: tuple[Replaced, ...] = ()
    ) -> Commit:
        self.number += 1
        batch = f"d/s/{self.number}"
        frame = pl.DataFrame(rows, schema_overrides={"n": pl.Int64, "extra": pl.Int64})
        fitted = conform(frame, self.ledger.schema(spool), "evolve")
        assert fitted.refused.is_empty()
        segments = write_segments(
            fitted.frame,
            self.ledger.root,
            SPECS[spool],
            batch=batch,
            attempt=1,
            task="s",
            split=0,
        )
        claim = Claim(
            batch=batch,
            attempt=1,
            run="r",
            deployment="d",
            stage="s",
            splits=(),
            advances=(Advance(KEY, expected, {"seq": self.number, f"i{self.number % 3}": 1}),),
            tables=(),
            snapshot=self.ledger.snapshot(),
            now=self.clock.now(),
            seed=0,
            replaces=replaces,
        )
        return Commit(claim, segments, (SPECS[spool],))

    def accept(self, commit: Commit, answer: object, spool: str, rows: Rows) -> None:
        assert isinstance(answer, Committed) and not answer.repeated
        assert answer.snapshot == len(self.history)
        self.history.append({**self.history[-1], spool: rows})
        self.position += 1
        self.last = commit
        self.snapshot_of[commit.claim.batch] = answer.snapshot

    # -- rules

    @rule(spool=st.sampled_from(sorted(SPECS)), rows=rows_of)
    def append(self, spool: str, rows: Rows) -> None:
        commit = self.staged(spool, rows, self.position)
        (answer,) = self.ledger.commit([commit])
        self.accept(commit, answer, spool, self.history[-1][spool] + by_day(spool, rows))

    @rule(groups=st.lists(rows_of, min_size=2, max_size=4), stale=st.integers(0, 3))
    def group(self, groups: list[Rows], stale: int) -> None:
        """Chained batches in one transaction, one of them from a position that is not there."""
        commits = []
        for index, rows in enumerate(groups):
            ahead = 7 if index == stale else 0
            good_before = index - (1 if index > stale else 0)
            commits.append(self.staged("d.appended", rows, self.position + good_before + ahead))
        answers = self.ledger.commit(commits)
        for index, (commit, answer, rows) in enumerate(zip(commits, answers, groups, strict=True)):
            if index == stale:
                assert isinstance(answer, Refused) and answer.requirement == "position"
            else:
                past = self.history[-1]["d.appended"]
                self.accept(commit, answer, "d.appended", past + rows)

    @rule(rows=rows_of, partitions=st.sampled_from([None, ("mon",), DAYS]))
    def replace_days(self, rows: Rows, partitions: tuple[str, ...] | None) -> None:
        covered = DAYS if partitions is None else partitions
        rows = [row for row in rows if row["day"] in covered]
        commit = self.staged("d.daily", rows, self.position, (("daily", partitions),))
        (answer,) = self.ledger.commit([commit])
        kept = [row for row in self.history[-1]["d.daily"] if row["day"] not in covered]
        self.accept(commit, answer, "d.daily", kept + by_day("d.daily", rows))

    @precondition(lambda self: self.last is not None)
    @rule()
    def repeat(self) -> None:
        assert self.last is not None
        snapshot = self.snapshot_of[self.last.claim.batch]
        expected = Committed(self.last.claim.batch, snapshot, repeated=True)
        assert self.ledger.commit([self.last]) == [expected]
        older = replace(self.last, claim=self.last.claim.with_attempt(0))
        (answer,) = self.ledger.commit([older])
        assert isinstance(answer, Refused) and answer.requirement == "attempt"

    @rule(rows=rows_of, durable=st.booleans())
    def overtaken(self, rows: Rows, durable: bool) -> None:
        """A newer attempt is claimed; the older one comes too late, the newer one goes through."""
        commit = self.staged("d.appended", rows, self.position)
        self.ledger.claim(commit.claim.with_attempt(2), durable)
        (answer,) = self.ledger.commit([commit])
        assert isinstance(answer, Refused) and answer.requirement == "attempt"
        newer = replace(commit, claim=commit.claim.with_attempt(2))
        (answer,) = self.ledger.commit([newer])
        self.accept(newer, answer, "d.appended", self.history[-1]["d.appended"] + rows)

    @rule(rows=rows_of, durable=st.booleans())
    def abandoned(self, rows: Rows, durable: bool) -> None:
        commit = self.staged("d.appended", rows, self.position)
        self.ledger.claim(commit.claim, durable)
        self.ledger.abandon(commit.claim.batch)
        (answer,) = self.ledger.commit([commit])
        assert isinstance(answer, Refused) and answer.requirement == "claim"

    @rule(rows=rows_of)
    def lost(self, rows: Rows) -> None:
        """Staged, then swept before the commit."""
        commit = self.staged("d.appended", rows, self.position)
        report = self.ledger.sweep(grace_s=0)
        assert report.files >= len(commit.segments) and report.foreign == 0
        (answer,) = self.ledger.commit([commit])
        if commit.segments:
            assert isinstance(answer, Refused) and answer.requirement == "files"
        else:
            self.accept(commit, answer, "d.appended", self.history[-1]["d.appended"])

    @rule()
    def reopen(self) -> None:
        self.ledger.close()
        self.clock.advance(-5)
        self.ledger = Ledger.open(self.folder, self.clock)

    @rule(data=st.data())
    def look_back(self, data: st.DataObject) -> None:
        snapshot = data.draw(st.integers(0, len(self.history) - 1))
        for spool, rows in self.history[snapshot].items():
            assert self.read(spool, snapshot) == clean(rows)

    @rule(data=st.data())
    def read_range(self, data: st.DataObject) -> None:
        """Sequence numbers of an appended spool are the places of its rows."""
        rows = clean(self.history[-1]["d.appended"])
        since = data.draw(st.integers(0, len(rows)))
        until = data.draw(st.integers(since, len(rows)))
        if self.ledger.schema("d.appended"):
            frame = self.ledger.scan("d.appended", since=since, until=until)
            assert clean(frame.collect().to_dicts()) == rows[since:until]

    # -- what must hold

    @invariant()
    def now_is_as_modelled(self) -> None:
        for spool, rows in self.history[-1].items():
            assert self.read(spool, None) == clean(rows)
        assert self.ledger.position(KEY)[0] == self.position
        assert self.ledger.snapshot() == len(self.history) - 1
        check(self.ledger)

    def read(self, spool: str, at: int | None) -> Rows:
        if all(info.spool != spool for info in self.ledger.spools()):
            return []
        return clean(self.ledger.scan(spool, at=at).collect().to_dicts())


def by_day(spool: str, rows: Rows) -> Rows:
    """Rows as a spool stores them: a partitioned one keeps those of a day together."""
    if spool != "d.daily":
        return rows
    days = list(dict.fromkeys(row["day"] for row in rows))
    return sorted(rows, key=lambda row: days.index(row["day"]))


def clean(rows: Rows) -> Rows:
    """Rows without their nulls: a column that did not exist yet and one left out are the same."""
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(
    max_examples=rounds(10, 200),
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
