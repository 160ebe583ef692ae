"""The state verbs give the same in the owner's process and over the state protocol.

Whoever adds a verb to `StateClient` adds a line here.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import CodeType
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from lyftnb.clock import ManualClock
from lyftnb.errors import BadData, NotFound, SetupError, StateError
from lyftnb.model import Claim, Commit, Committed, Lease, MessageDraft, NewItem, Run, SpoolSpec
from lyftnb.store import Ledger, scan, write_segments
from lyftnb.store.remote import VERBS, Desk, StateClient, serve

NOW = datetime(2026, 5, 1, tzinfo=UTC)

State = Any
"""A ledger, or a client of one: the same verbs."""


def test_keys(state: State, clock: ManualClock) -> None:
    assert state.kv_version("n") == 0
    version = state.kv_put("n", {"a": {"x": [1, None, "ü"]}, "b": 2.5, "c": 10**30})
    assert version > 0 and state.kv_version("n") == version
    a, none, c = state.kv_get("n", ["a", "z", "c"])
    assert none is None
    assert (a.key, a.value, a.version, a.expires_at) == ("a", {"x": [1, None, "ü"]}, version, None)
    assert c.value == 10**30
    assert [e.key for e in state.kv_scan("n", after="a")] == ["b", "c"]
    assert [e.key for e in state.kv_scan("n", "b", limit=1)] == ["b"]
    assert state.kv_namespaces() == {"n": 3}


def test_changes_of_keys(state: State, clock: ManualClock) -> None:
    version = state.kv_put("n", {"a": 1}, ttl_s=60)
    assert state.kv_put("n", {"a": 2}, if_version=version + 7) is None
    assert state.kv_put("n", {"a": 2}, if_version={"a": version}) > version
    assert state.kv_increment("n", {"a": 3, "new": 0.5}) == {"a": 5, "new": 0.5}
    assert state.kv_delete("n", ["a", "z"], if_version={"a": 1}) is None
    assert state.kv_delete("n", ["a", "z"]) == 1
    state.kv_put("n", {"brief": 1}, ttl_s=60)
    (brief,) = state.kv_get("n", ["brief"])
    assert brief.expires_at == datetime(2026, 5, 1, 0, 1, tzinfo=UTC)
    clock.advance(61)
    assert state.kv_get("n", ["brief"]) == [None]


def test_sets(state: State) -> None:
    version = state.set_add("n", "s", [3, "x", {"k": 1}])
    assert state.set_remove("n", "s", [3]) > version
    assert state.set_members("n", "s") == ["x", {"k": 1}]
    state.kv_put("n", {"v": 1})
    with pytest.raises(StateError, match="expected a set, found a value") as caught:
        state.set_members("n", "v")
    assert (caught.value.where, caught.value.hint) == ("key n:v", "read it with kv_get")


def test_marks(state: State, ledger: Ledger) -> None:
    prints = pa.table(
        {"high": pa.array([1, 2**64 - 1], pa.uint64()), "low": pa.array([0, 2**63], pa.uint64())}
    )
    unseen = state.unseen("d/s/a", prints, NOW)
    assert unseen.type == pa.bool_() and unseen.to_pylist() == [True, True]


def test_locks(state: State, clock: ManualClock) -> None:
    token = state.lock_acquire("l", "me", 10.0)
    assert token is not None and state.lock_acquire("l", "you", 10.0) is None
    assert state.lock_renew("l", token, 20.0) is True
    clock.advance(15)
    assert state.lock_release("l", token) is True
    assert state.lock_release("l", token) is False
    assert state.lock_acquire("l", "you", 10.0) > token
    (held,) = state.locks()
    assert (held.name, held.holder, held.token) == ("l", "you", token + 1)


def test_queues(state: State, clock: ManualClock) -> None:
    state.set_queue("q", max_attempts=1)
    items = [NewItem({"n": 1}, id="one"), NewItem([2], priority=5), NewItem(delay_s=30)]
    numbers = state.enqueue("q", items)
    assert len(set(numbers)) == 3
    assert state.enqueue("q", [NewItem(id="one")]) == [None]
    depth = state.queue_depth("q")
    assert (depth.ready, depth.delayed, depth.oldest_at) == (2, 1, NOW)
    assert state.queues() == [depth]
    assert [item.payload for item in state.peek("q")] == [[2], {"n": 1}, None]

    (first,) = state.lease("q", 1, 10.0, "me")
    assert (first.payload, first.enqueued_at, first.id) == ([2], NOW, None)
    (second,) = state.lease("q", 5, ttl_s=10.0)
    assert (second.payload, second.id) == ({"n": 1}, "one")
    lost = Lease("q", 10**6, 1)
    assert state.items([second.lease, lost]) == [second, None]
    assert state.renew([second.lease, lost], 20.0) == [True, False]
    assert state.ack([first.lease, first.lease, lost])[2] is False
    assert state.nack([second.lease], reason="bad", failed=True) == [True]
    (dead,) = state.peek("q", dead=True)
    assert (dead.id, dead.reason, dead.dead_at) == ("one", "bad", NOW)
    assert state.redrive("q") == 1
    assert state.purge("q") == 2
    with pytest.raises(BadData, match="must not be negative"):
        state.lease("q", -1, 10.0)


def test_messages(state: State) -> None:
    assert state.subscription("reader", after=0) == 0
    drafts = [MessageDraft(tag="landed", payload={"rows": 3}), MessageDraft(depth=101)]
    message, none = state.publish(drafts)
    assert none is None
    assert (message.tag, message.payload, message.at) == ("landed", {"rows": 3}, NOW)
    assert state.messages(0, state.newest_message(), tag="landed") == [message]
    assert message in state.recent_messages(10)
    state.advance("reader", message.id)
    assert state.subscription("reader") == message.id
    assert state.end_subscription("reader") is True
    with pytest.raises(NotFound, match="no subscription 'reader'"):
        state.advance("reader", 1)
    (issue,) = state.issues()
    assert issue.code == "message_chain"
    assert state.close_issue(issue.code, issue.place) is True
    assert state.issues() == []


def test_spools(state: State, ledger: Ledger) -> None:
    assert (state.snapshot(), state.spools()) == (0, [])
    spec = SpoolSpec("d.c")
    claim = Claim("d/s/1", 1, "d-1", "d", "s", (), (), (), 0, NOW, 0)
    frame = pl.DataFrame({"n": [1, 2], "word": ["a", None]})
    segments = write_segments(frame, ledger.root, spec, batch="d/s/1", attempt=1, task="s", split=0)
    ledger.claim(claim, durable=False)
    (answer,) = ledger.commit([Commit(claim, segments, (spec,))])
    assert isinstance(answer, Committed)
    assert state.snapshot() == answer.snapshot
    (info,) = state.spools()
    assert (info.spool, info.rows, info.schema) == ("d.c", 2, state.schema("d.c"))
    found = state.segments("d.c", at=NOW)
    assert scan(found, info.schema, ledger.root).collect().equals(frame)
    with pytest.raises(NotFound, match="there is no snapshot 99"):
        state.segments("d.c", at=99)


def test_secrets(state: State, ledger: Ledger) -> None:
    with pytest.raises(SetupError, match="nothing that runs here names the secret s/t"):
        state.lent_secrets(["s/t"])
    ledger.lend_secrets("d", ["s/t"])
    with pytest.raises(NotFound, match="s/t"):
        state.lent_secrets(["s/t"])


def test_runs(state: State, ledger: Ledger) -> None:
    run = ledger.begin_run("d", NOW)
    assert state.runs("d", stage=None) == [run]


class Echo(Desk):
    """Answers with what it was asked."""

    def request(self, target: str, payload: Any, timeout_s: float) -> Any:
        return [target, payload, timeout_s]

    def fire_step(self, deployment: str, step: str, payload: Mapping[str, Any] | None) -> Run:
        return Run("d-1", deployment, step, "manual", messages=(payload or {},))


def test_what_the_owners_process_answers(ledger: Ledger) -> None:
    with serve(ledger, desk=Echo()), StateClient.of(ledger.state_dir) as client:
        assert client.request("manager", {"ask": "state"}, 1.5) == [
            "manager",
            {"ask": "state"},
            1.5,
        ]
        assert client.fire_step("d", "s", {"n": 1}) == Echo().fire_step("d", "s", {"n": 1})
    with serve(ledger), StateClient.of(ledger.state_dir) as client:
        with pytest.raises(NotFound, match="nobody answers for manager"):
            client.request("manager", "state", 1.0)
        with pytest.raises(NotFound, match="'d' does not run here"):
            client.fire_step("d", "s", None)


def test_a_listener_is_told_of_its_topics(ledger: Ledger) -> None:
    """Of the beginning, of what it asked for, and of the end; the ledger's own likewise."""
    for state in (ledger, None):
        told: queue.SimpleQueue[frozenset[str]] = queue.SimpleQueue()
        with serve(ledger), StateClient.of(ledger.state_dir) as client:
            stop = (state or client).listen(told.put, ("queue:q",))
            if state is None:
                assert told.get(timeout=30) == {"queue:q"}
            ledger.publish([MessageDraft()])
            ledger.enqueue("q", [NewItem()])
            assert told.get(timeout=30) == {"queue:q"}
            if state is not None:
                stop()
        if state is None:
            assert told.get(timeout=30) == {"closed"}
        assert told.empty()


def test_a_reader_is_woken_by_what_another_writes(ledger: Ledger) -> None:
    with serve(ledger), StateClient.of(ledger.state_dir) as client:
        seen = client.news({"messages": 0, "queue:q": 0})
        found: list[dict[str, int]] = []
        reader = threading.Thread(target=lambda: found.append(client.news(seen, 60.0)))
        reader.start()
        ledger.enqueue("q", [NewItem()])
        reader.join(30)
        assert [topic for topic in seen if found[0][topic] != seen[topic]] == ["queue:q"]


def test_every_verb_is_called_here() -> None:
    tests: list[Callable[..., None]] = [v for k, v in globals().items() if k.startswith("test_")]
    called = {name for test in tests for code in _codes(test.__code__) for name in code.co_names}
    assert set(VERBS) - called == set()


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _codes(inner)
