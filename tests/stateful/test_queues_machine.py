"""Queues, messages and issues against a model in plain Python: random verbs and commits, clocks
that jump, transactions that fail, and owners that die.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lyftnb.clock import ManualClock
from lyftnb.errors import StorageError
from lyftnb.model import (
    Advance,
    Claim,
    Commit,
    Committed,
    IssueDraft,
    Lease,
    MessageDraft,
    NewItem,
    Refused,
)
from lyftnb.store import Ledger, stage_state
from lyftnb.store.messages import StagedMessages
from lyftnb.testing.invariants import check
from tests.dice import rounds
from tests.ledger_kit import blank
from tests.stateful.queue_model import MAX_ATTEMPTS, Model

QUEUES = ("a", "d/b")
KEY = "d/s/in"
queue_names = st.sampled_from(QUEUES)
new_items = st.lists(
    st.builds(
        NewItem,
        payload=st.integers(0, 99) | st.just({"text": "é"}),
        id=st.sampled_from([None, None, "x", "y"]),
        priority=st.integers(-1, 1),
        delay_s=st.sampled_from([0.0, 0.0, 5.0]),
    ),
    max_size=4,
)
picks = st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True)
issue_keys = st.tuples(st.sampled_from("pq"), st.sampled_from(["d", "d/s", "dd"]))


class QueueMachine(RuleBasedStateMachine):
    """`leases` are the newest that were ever given out, current or lost."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lyftnb-"))
        self.clock = ManualClock()
        self.ledger = Ledger.open(blank(self.folder / "0"), self.clock)
        self.lives = 0
        self.model = Model()
        self.leases: list[Lease] = []
        self.tokens: set[tuple[int, int]] = set()
        self.highest = 0
        self.batches = 0
        for queue in QUEUES:
            self.ledger.set_queue(queue, max_attempts=MAX_ATTEMPTS)
            self.enqueue(queue, [NewItem(n, priority=n % 2) for n in range(4)])

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            check(self.ledger)
            self.ledger.close()
            shutil.rmtree(self.folder)

    def picked(self, places: list[int]) -> list[Lease]:
        return [self.leases[-1 - place] for place in places if place < len(self.leases)]

    # -- queues

    @rule(queue=queue_names, items=new_items)
    def enqueue(self, queue: str, items: list[NewItem]) -> None:
        numbers = self.ledger.enqueue(queue, items)
        for new, number in zip(items, numbers, strict=True):
            item = self.model.enqueue(queue, new, self.clock.now())
            assert (item is None) == (number is None)
            if item is not None and number is not None:
                assert number > self.highest
                item.number = self.highest = number

    @precondition(lambda self: any(not item.dead for item in self.model.items))
    @rule(queue=queue_names, n=st.integers(1, 5), ttl_s=st.sampled_from([4.0, 20.0]))
    def lease(self, queue: str, n: int, ttl_s: float) -> None:
        expected = self.model.lease(queue, n, ttl_s, self.clock.now())
        found = self.ledger.lease(queue, n, ttl_s, "worker")
        assert [i.lease.item for i in found] == [i.number for i in expected]
        for ours, item in zip(found, expected, strict=True):
            assert (ours.payload, ours.attempts) == (item.payload, item.attempts)
            key = ours.lease.item, ours.lease.token
            assert key not in self.tokens
            self.tokens.add(key)
            item.token = ours.lease.token
            self.leases.append(ours.lease)

    @precondition(lambda self: any(not item.dead for item in self.model.items))
    @rule(
        queue=queue_names,
        n=st.sampled_from([1, 1, 2, 5]),
        pause_s=st.sampled_from([0.0, 5.0]),
        places=picks,
        end=st.sampled_from(["vanish", "vanish", "ack", "nack", "together", "back"]),
    )
    def work(self, queue: str, n: int, pause_s: float, places: list[int], end: str) -> None:
        """Lease, take some time, and end some of it, with what else is held."""
        self.lease(queue, n, 4.0)
        self.clock.advance(pause_s)
        if end == "ack":
            self.ack(places)
        elif end != "vanish":
            self.nack(places, 0.0, end != "back", end == "together")

    @precondition(lambda self: self.leases)
    @rule(places=picks)
    def ack(self, places: list[int]) -> None:
        leases = self.picked(places)
        items = [self.model.current(lease) for lease in leases]
        assert self.ledger.ack(leases) == [item is not None for item in items]
        self.model.items = [i for i in self.model.items if i not in items]

    @precondition(lambda self: self.leases)
    @rule(
        places=picks,
        delay_s=st.sampled_from([0.0, 5.0]),
        failed=st.booleans(),
        together=st.booleans(),
    )
    def nack(self, places: list[int], delay_s: float, failed: bool, together: bool) -> None:
        leases = self.picked(places)
        expected = [self.model.current(lease) is not None for lease in leases]
        assert self.ledger.nack(leases, delay_s, failed, "why", together) == expected
        self.model.nack(leases, delay_s, failed, together, self.clock.now())

    @precondition(lambda self: self.leases)
    @rule(places=picks, ttl_s=st.sampled_from([3.0, 30.0]))
    def renew(self, places: list[int], ttl_s: float) -> None:
        leases, now = self.picked(places), self.clock.now()
        items = [self.model.current(lease) for lease in leases]
        assert self.ledger.renew(leases, ttl_s) == [item is not None for item in items]
        for item in items:
            if item is not None:
                item.since, item.until = now, now + timedelta(seconds=ttl_s)

    @precondition(lambda self: any(item.dead for item in self.model.items))
    @rule(queue=queue_names)
    def redrive(self, queue: str) -> None:
        assert self.ledger.redrive(queue) == self.model.redrive(queue, self.clock.now())

    @precondition(lambda self: any(item.dead for item in self.model.items))
    @rule(queue=queue_names, dead=st.booleans())
    def purge(self, queue: str, dead: bool) -> None:
        assert self.ledger.purge(queue, dead) == self.model.purge(queue, dead)

    @rule(seconds=st.sampled_from([1.0, 1.0, 5.0, 5.0, 21.0, -2.0, -40.0, 8 * 86400.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def clean(self) -> None:
        now = self.clock.now()
        assert self.ledger.forget_ids() == self.model.forget_ids(now)
        expired = self.model.expire(now, now - timedelta(seconds=10))
        assert self.ledger.expire_messages(now, held_s=10) == expired

    # -- commits

    def built(
        self, places: list[int], items: list[NewItem], version: int, skipped: bool, depth: int
    ) -> Commit:
        """A batch that takes leased items, and enqueues and says something."""
        self.batches += 1
        claim = Claim(
            batch=f"d/s/{self.batches}",
            attempt=1,
            run="r",
            deployment="d",
            stage="s",
            splits=(),
            advances=(Advance(KEY, version, {}),),
            tables=(),
            snapshot=0,
            now=self.clock.now(),
            seed=0,
            leases=tuple(self.picked(places)),
            depth=depth,
        )
        rows = [
            {
                "queue": QUEUES[0],
                "id": new.id,
                "payload": str(index),
                "priority": new.priority,
                "available_at": self.clock.now() + timedelta(seconds=new.delay_s),
            }
            for index, new in enumerate(items)
        ]
        origin = {"batch": claim.batch, "attempt": 1, "task": "s", "split": 0}
        said = pl.DataFrame({"tag": ["staged"]})
        state = (
            *stage_state(pl.DataFrame(rows), self.ledger.root, "items", **origin),  # type: ignore[arg-type]
            *stage_state(said, self.ledger.root, "messages", **origin),  # type: ignore[arg-type]
        )
        draft = MessageDraft("done", source="manager")
        return Commit(claim, state=state, messages=(draft,), skipped="bad" if skipped else None)

    def taken(self, commit: Commit, items: list[NewItem]) -> None:
        """Carry a commit out in the model, but for its messages."""
        for lease in commit.claim.leases:
            if commit.skipped:
                self.model.bury(lease, self.clock.now())
            else:
                self.model.items.remove(self.model.current(lease))  # type: ignore[arg-type]
        if not commit.skipped:
            for index, new in enumerate(items):
                numbered = replace(new, payload=index)
                self.model.enqueue(QUEUES[0], numbered, self.clock.now())

    def heard(self, commits: list[Commit]) -> None:
        """The messages of commits that were taken, and the issue that ends a chain."""
        chains = 0
        for commit in commits:
            tags = ["done"] if commit.skipped else ["staged", "done"]
            if commit.claim.depth > 100:
                chains += len(tags)
                continue
            for tag in tags:
                self.model.tell(self.clock.now(), "message", tag, commit.claim.batch)
        if chains:
            self.model.raise_issues([("message_chain", "d/s")] * chains, self.clock.now())

    @rule(
        parts=st.lists(st.tuples(picks, new_items, st.booleans()), min_size=1, max_size=3),
        depth=st.sampled_from([0, 0, 100, 101]),
        fails=st.sampled_from([False, False, True]),
    )
    def commit(
        self, parts: list[tuple[list[int], list[NewItem], bool]], depth: int, fails: bool
    ) -> None:
        version = self.ledger.position(KEY)[0]
        commits, acked, expected = [], set[Lease](), []
        for places, items, skipped in parts:
            commit = self.built(places, items, version, skipped, depth)
            lost = tuple(
                lease
                for lease in commit.claim.leases
                if self.model.current(lease) is None or lease in acked
            )
            expected.append(lost)
            if not lost:
                version += 1
                acked.update(commit.claim.leases)
            commits.append((commit, items))
        if fails:
            self.fail([commit for commit, _ in commits])
            return
        answers = self.ledger.commit([commit for commit, _ in commits])
        went = []
        for (commit, items), lost, answer in zip(commits, expected, answers, strict=True):
            assert isinstance(answer, Refused if lost else Committed)
            if isinstance(answer, Refused):
                assert (answer.requirement, answer.lost) == ("lease", lost)
            else:
                self.taken(commit, items)
                went.append(commit)
        self.heard(went)
        self.number_new_items()

    def fail(self, commits: list[Commit]) -> None:
        """Commit while the disk fills up at the last step."""
        write = StagedMessages.write

        def failing(family: StagedMessages) -> None:
            write(family)
            raise StorageError("no space left on device")

        with patch.object(StagedMessages, "write", failing), pytest.raises(StorageError):
            self.ledger.commit(commits)

    def number_new_items(self) -> None:
        new = [item for item in self.model.items if item.number is None]
        found = [i.item for queue in QUEUES for i in self.ledger.peek(queue)]
        numbers = sorted(number for number in found if number > self.highest)
        for item, number in zip(new, numbers, strict=True):
            item.number = self.highest = number

    # -- messages and issues

    @rule(tags=st.lists(st.sampled_from("uvw"), max_size=3), deep=st.booleans())
    def publish(self, tags: list[str], deep: bool) -> None:
        drafts = [MessageDraft(tag, depth=101 if deep and tag == "u" else 100) for tag in tags]
        found = self.ledger.publish(drafts)
        assert [message is None for message in found] == [draft.depth > 100 for draft in drafts]
        for draft in drafts:
            if draft.depth <= 100:
                self.model.tell(self.clock.now(), "message", draft.tag)
        chains = [("message_chain", "bus") for draft in drafts if draft.depth > 100]
        self.model.raise_issues(chains, self.clock.now())

    @rule(step=st.integers(0, 3), end=st.booleans())
    def read(self, step: int, end: bool) -> None:
        model = self.model
        position = self.ledger.subscription("reader", after=0)
        assert position == (model.subscription or 0)
        model.subscription = min(position + step, model.newest)
        self.ledger.advance("reader", model.subscription)
        if end:
            assert self.ledger.end_subscription("reader")
            model.subscription = None

    @rule(keys=st.lists(issue_keys, max_size=3))
    def raise_issues(self, keys: list[tuple[str, str]]) -> None:
        found = self.ledger.raise_issues([IssueDraft(code, place, "c") for code, place in keys])
        self.model.raise_issues(keys, self.clock.now())
        assert [issue.count for issue in found] == [self.model.issues[key] for key in keys]

    @rule(key=issue_keys, below=st.booleans())
    def close_issues(self, key: tuple[str, str], below: bool) -> None:
        code, place = key
        is_open = self.model.issues
        if below:
            closed = [k for k in is_open if k[1] == place or k[1].startswith(f"{place}/")]
            self.model.close_issues(closed, self.clock.now())
            assert len(self.ledger.close_issues(place)) == len(closed)
        else:
            closed = [key] if key in is_open else []
            self.model.close_issues(closed, self.clock.now())
            assert self.ledger.close_issue(code, place) == bool(closed)

    # -- owners

    @rule(crash=st.booleans())
    def reopen(self, crash: bool) -> None:
        """The next owner finds what the last one left behind, or what it had written when it died:
        the files as they are while they are open.
        """
        before = self.folder / str(self.lives)
        self.lives += 1
        after = self.folder / str(self.lives)
        if not crash:
            self.ledger.close()
        shutil.copytree(before, after, ignore=shutil.ignore_patterns("lock", "owner.json"))
        self.ledger.close()
        self.ledger = Ledger.open(after, self.clock)
        shutil.rmtree(before)
        check(self.ledger)

    # -- what must hold

    @invariant()
    def queues_are_as_modelled(self) -> None:
        now = self.clock.now()
        for queue in QUEUES:
            items = self.model.of(queue)
            alive = {i.number: i for i in items if not i.dead}
            found = {i.item: i for i in self.ledger.peek(queue)}
            assert found.keys() == alive.keys()
            for number, item in alive.items():
                ours = found[number]  # type: ignore[index]
                assert (ours.payload, ours.id, ours.attempts) == (
                    item.payload,
                    item.id,
                    item.attempts,
                )
                assert ours.available_at == item.until
                assert (ours.holder == "worker") == (item.token is not None)
            dead = {i.item for i in self.ledger.peek(queue, dead=True)}
            assert dead == {i.number for i in items if i.dead}
            hidden = [i.token is not None for i in alive.values() if i.is_hidden(now)]
            depth = self.ledger.queue_depth(queue)
            assert (depth.ready, depth.delayed, depth.leased, depth.dead) == (
                len(alive) - len(hidden),
                hidden.count(False),
                hidden.count(True),
                len(dead),
            )

    @invariant()
    def the_bus_is_as_modelled(self) -> None:
        found = [(m.id, m.at, m.type, m.tag, m.batch) for m in self.ledger.messages()]
        assert found == [(m.id, m.at, m.type, m.tag, m.batch) for m in self.model.messages]
        assert self.ledger.newest_message() == self.model.newest

    @invariant()
    def issues_are_as_modelled(self) -> None:
        found = Counter({(i.code, i.place): i.count for i in self.ledger.issues()})
        assert found == Counter(self.model.issues)
        assert len(self.ledger.issues(open=False)) == len(found) + self.model.closed


TestQueues = QueueMachine.TestCase
TestQueues.settings = settings(
    max_examples=rounds(12, 200),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
