"""Keys, queues, locks and leaders as people use them: in the owner's process and from another."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lyftnb.clock import ManualClock
from lyftnb.errors import BadData, LockLost, NotFound, SetupError, StateError, TimedOut
from lyftnb.model import IssueDraft, MessageDraft, NewItem
from lyftnb.store import Ledger
from lyftnb.workspace.bus import Bus
from lyftnb.workspace.state_history import Issues, RunLog, found_run
from lyftnb.workspace.state_kv import Kv
from lyftnb.workspace.state_leader import Leader
from lyftnb.workspace.state_lock import Lock
from lyftnb.workspace.state_queue import Queue

State = Any
"""A ledger, or a client of one: the same verbs."""
LONG_S = 60.0
"""No test takes so long; so what waits for it was woken by something else."""


# -- keys


def test_values(state: State, clock: ManualClock) -> None:
    kv = Kv(state, "prices")
    version = kv.put_many({"eur": 1.0, "usd": {"mid": 1.1}}, ttl=60)
    assert kv.get("eur") == 1.0 and kv.get("gbp", "?") == "?"
    assert kv.get_many(["usd", "gbp"]) == {"usd": {"mid": 1.1}}
    assert kv.scan("u") == {"usd": {"mid": 1.1}}
    assert [e.version for e in kv.entries()] == [version, version]
    assert len(kv) == 2 and "eur" in kv and "gbp" not in kv
    clock.advance(61)
    assert kv.scan() == {} and len(kv) == 0 and bool(kv)
    with pytest.raises(StateError, match="expected several keys"):
        kv.get_many("eur")


def test_numbers_sets_and_versions(state: State) -> None:
    kv = Kv(state, "n")
    assert kv.increment("count") == 1 and kv.increment("count", 2.5) == 3.5
    assert kv.increment_many({"count": -0.5, "other": 2}) == {"count": 3.0, "other": 2}
    kv.add("seen", 3, "x")
    kv.remove("seen", 3, "never there")
    assert kv.members("seen") == ["x"] == kv.get("seen")
    first = kv.compare_and_set("job", "a", 0)
    assert first is not None and kv.compare_and_set("job", "b", 0) is None
    assert kv.compare_and_set("job", "b", first) and kv.get("job") == "b"
    assert kv.delete("job") is True and kv.delete("job") is False
    assert kv.delete_many(["count", "seen", "job"]) == 2


def test_entries_are_read_page_by_page(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lyftnb.workspace.state_kv._PAGE", 3)
    kv = Kv(state, "many")
    kv.put_many({f"k{n}": n for n in range(9)})
    assert list(kv.scan().values()) == list(range(9))
    assert [entry.value for entry in kv.entries("k", limit=7)] == list(range(7))


def test_a_namespace_shows_itself(state: State) -> None:
    kv = Kv(state, "<n>".strip("<>"))
    kv.put("k", "<b>" + "x" * 200)
    kv.add("s", 1)
    assert repr(kv) == "Kv(n: 2 keys)"
    assert "\ns    {1} " in repr(kv.entries()) and "…" in repr(kv.entries())
    assert "&lt;b&gt;" in kv._repr_html_() and "<b>x" not in kv.entries()._repr_html_()
    assert repr(kv.entries("none")) == "no keys"


# -- queues


def test_items_are_worked_off(state: State, clock: ManualClock) -> None:
    queue = Queue(state, "work")
    assert len(queue.enqueue([{"n": 1}, NewItem(2, id="two", priority=9)])) == 2
    assert queue.enqueue([NewItem(2, id="two")]) == [None]
    two, one = queue.lease(5, ttl=10)
    assert (two.payload, one.payload) == (2, {"n": 1})
    assert queue.renew([one], ttl=100) == [True]
    clock.advance(20)
    (again,) = queue.lease(5)
    assert again.payload == 2
    assert queue.ack([one, two]) == [True, False]
    assert queue.nack(again, reason="no", delay=5) == [True]
    depth = queue.depth()
    assert (depth.ready, depth.delayed, depth.leased, depth.dead) == (0, 1, 0, 0)
    assert queue.peek()[0].reason == "no"
    with pytest.raises(BadData, match="must not be negative"):
        queue.lease(-1)


def test_dead_letters_are_redriven(state: State) -> None:
    queue = Queue(state, "work")
    queue.settings(max_attempts=1)
    queue.enqueue([1, 2], priority=3, delay=0)
    for item in queue.lease(2):
        queue.nack(item)
    (first, second) = queue.peek(dead=True)
    assert "dead since" in repr(queue.peek(dead=True))
    assert queue.redrive([first.item]) == 1
    assert queue.purge() == 1 and queue.purge(dead=True) == 1
    assert second.payload == 2 and repr(queue) == "Queue(work: empty)"


def test_a_lease_waits_for_an_item(state: State, ledger: Ledger) -> None:
    queue = Queue(state, "work")
    assert queue.lease(1, wait=0.01) == []
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(queue.lease, 1, wait=LONG_S)
        ledger.enqueue("work", [NewItem("late")])
        assert [item.payload for item in waiting.result(30)] == ["late"]


def test_a_queue_shows_itself(state: State) -> None:
    queue = Queue(state, "work")
    queue.enqueue(["<b>" + "x" * 200])
    assert repr(queue) == "Queue(work: 1 ready, the oldest since 2026-05-01 00:00:00 UTC)"
    assert "&lt;b&gt;" in queue._repr_html_() and "…" in repr(queue.peek())
    queue.lease(1, holder="me")
    assert "leased by me until 2026-05-01 00:01:00" in repr(queue.peek())


# -- locks


def test_one_holds_a_lock_at_a_time(state: State) -> None:
    mine, yours = (Lock(state, "l", wait=0.01, holder=who) for who in ("me", "you"))
    with mine as held:
        assert held.held and held.token == 1
        held.check()
        with pytest.raises(TimedOut, match="did not become free") as caught, yours:
            pass
        assert caught.value.where == "held by me"
        with pytest.raises(SetupError, match="held already"):
            mine.acquire()
    assert not mine.held and repr(mine) == "Lock(l: not held)"
    with yours:
        assert yours.token == 2 and repr(yours) == "Lock(l: held under token 2)"
    with pytest.raises(LockLost):
        yours.check()


def test_who_waits_is_woken_by_a_release(state: State) -> None:
    mine, yours = Lock(state, "l"), Lock(state, "l")
    assert mine.acquire(0) and not yours.acquire(0)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(yours.acquire, LONG_S)
        assert mine.release() is True and mine.release() is False
        assert waiting.result(30) is True
    assert yours.release()


def test_a_lost_lock_is_told(state: State, clock: ManualClock) -> None:
    """The owner's clock jumps past the lock's time: whoever waits gets it, and we learn of that."""
    lost = threading.Event()
    lock = Lock(state, "l", 30, on_lost=lost.set)
    with pytest.raises(LockLost, match="not held any more") as caught, lock:
        clock.advance(31)
        with Lock(state, "l", wait=0) as other:
            assert other.token == 2
            assert lock.renew() is False
            assert lost.is_set() and not lock.held and repr(lock) == "Lock(l: lost)"
    assert caught.value.where == "token 1"
    with lock:
        assert lock.token == 3


def test_a_loss_that_only_the_release_finds_is_told(state: State, clock: ManualClock) -> None:
    with pytest.raises(LockLost), Lock(state, "l", 30):
        clock.advance(31)
    with pytest.raises(ZeroDivisionError), Lock(state, "l", 30):  # the block's own error says more
        clock.advance(31)
        raise ZeroDivisionError


def test_a_lock_is_renewed_while_it_is_held(state: State, clock: ManualClock) -> None:
    renewed = threading.Semaphore(0)
    renew = state.lock_renew

    def counted(*args: Any) -> bool:
        kept: bool = renew(*args)
        renewed.release()
        return kept

    state.lock_renew = counted
    with Lock(state, "l", 0.3) as lock:
        for _ in range(3):
            assert renewed.acquire(timeout=30)
            clock.advance(0.2)
        assert lock.held


def test_a_lock_runs_out_while_nobody_answers(state: State) -> None:
    """A renewal that hangs does not keep us from knowing that the lock's time is over."""
    lost, hangs = threading.Event(), threading.Event()

    def hang(*_: Any) -> bool:
        hangs.wait(LONG_S)
        return True

    state.lock_renew = hang
    lock = Lock(state, "l", 0.2, on_lost=lost.set)
    assert lock.acquire(0)
    try:
        assert lost.wait(30) and not lock.held
    finally:
        hangs.set()


@pytest.mark.parametrize("ttl", [0, -1, float("inf"), float("nan")])
def test_a_lock_needs_a_time(state: State, ttl: float) -> None:
    with pytest.raises(SetupError, match="ttl must be a number of seconds above 0"):
        Lock(state, "l", ttl)


# -- leaders


def test_one_leads_and_the_next_one_follows(state: State) -> None:
    changes: list[tuple[str, bool]] = []
    first, second = Leader(state, "l", holder="one"), Leader(state, "l", holder="two")
    for name, candidate in (("one", first), ("two", second)):
        candidate.on_change(lambda leads, name=name: changes.append((name, leads)))
    assert first.campaign().wait(30) and first.leader == "one"
    with second:
        assert second.wait(0.01) is False and repr(second) == "Leader(l: stands by)"
        first.resign()
        assert second.wait(30) and second.leader == "two"
        assert (first.token, second.token) == (1, 2)
        assert not first.is_leader and repr(first) == "Leader(l: does not stand)"
    assert first.leader is None
    assert changes == [("one", True), ("one", False), ("two", True), ("two", False)]


def test_a_candidate_that_waits_can_resign(state: State) -> None:
    with Lock(state, "l"):
        candidate = Leader(state, "l").campaign()
        candidate.resign()
        assert candidate.wait(LONG_S) is False


def test_who_loses_the_lead_stands_again(state: State, clock: ManualClock) -> None:
    changes: list[bool] = []
    again = threading.Event()

    def changed(leads: bool) -> None:
        changes.append(leads)
        if changes == [True, False, True]:
            again.set()

    with Leader(state, "l", 0.3).on_change(changed) as candidate:
        assert candidate.wait(30)
        clock.advance(31)  # the next renewal finds it lost
        assert again.wait(30)


# -- messages, issues, runs


def test_the_bus(state: State, ledger: Ledger) -> None:
    bus = Bus(state, lambda: pytest.fail("nobody is asked"))
    with bus.subscribe("audit", after=0) as reading:
        bus.publish("a", {"n": 1})
        assert next(reading).payload == {"n": 1}
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(next, reading)
            ledger.publish([MessageDraft(tag="b")])
            assert waiting.result(30).tag == "b"
    assert ledger.subscription("audit") == 2 and bus.newest == 2


def test_issues_are_listed_and_closed(state: State, ledger: Ledger) -> None:
    drafts = [IssueDraft("c", f"d/s{n}", "<b>bad", hint="mend it") for n in range(3)]
    first, second, third = ledger.raise_issues(drafts)
    issues = Issues(state)
    assert [issue.id for issue in issues.list(place="d/s1")] == [second.id]
    assert issues.close(first.id, second) == 2
    assert repr(issues) == f"{third.id}  error  d/s2: <b>bad [c]\n  hint: mend it"
    assert "&lt;b&gt;" in issues._repr_html_()
    assert len(issues) == 1 and len(issues.list(closed=True)) == 3
    with pytest.raises(NotFound, match="no open issue 99"):
        issues.close(third.id, 99)
    assert issues.close(third) == 1 and repr(issues) == "no issues" and bool(issues)


def test_runs_are_listed(state: State, ledger: Ledger, clock: ManualClock) -> None:
    run = ledger.begin_run("d", clock.now())
    log = RunLog(state.runs("d"))
    words = repr(log).splitlines()[1].split()
    assert words == [run.run, "all", "hand", "running", "2026-05-01", "00:00:00"]
    assert run.run in log._repr_html_() and repr(RunLog()) == "no runs"
    assert found_run(log, run.run) == run
    with pytest.raises(NotFound, match="no run d-9"):
        found_run(log, "d-9")
