"""Calls over the state protocol: values, errors, and what happens when the line breaks."""

from __future__ import annotations

import os
import pickle
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from remote_kit import VERBS, Tally, TallyClient, all_errors, wired

from lyftnb.errors import (
    InternalError,
    LedgerError,
    LyftError,
    OutcomeUnknown,
    SetupError,
    Temporary,
)
from lyftnb.store.remote import STATE_FILE, StateAddress, StateServer, line
from lyftnb.store.remote.answers import Answers
from lyftnb.store.remote.call import Verb


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def server(tally: Tally) -> Iterator[StateServer]:
    with StateServer(tally, VERBS) as server:
        yield server


@pytest.fixture
def client(server: StateServer) -> Iterator[TallyClient]:
    with TallyClient(lambda: server.address) as client:
        yield client


# -- values and errors


numbers = st.integers(-(2**80), 2**80) | st.floats(allow_nan=False)
texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=10,
)


@given(st.lists(json_values, max_size=20))
@settings(max_examples=10)
def test_json_comes_back_as_it_went(values: list[object]) -> None:
    with StateServer(Tally(), VERBS) as server, TallyClient(lambda: server.address) as client:
        assert [client.echo(value) for value in values] == values


def test_arrow_goes_as_it_is(client: TallyClient) -> None:
    table = pa.table({"a": pa.array([1, 2], pa.uint64()), "b": pa.array([2**63, 1], pa.uint64())})
    assert client.sums(table, ["b", "a"]).to_pylist() == [2**63 + 1, 3]
    assert client.echo(table).equals(table)
    assert client.echo(pa.chunked_array([[True], [None]])).to_pylist() == [True, None]


def test_arguments_by_name_and_by_default(client: TallyClient) -> None:
    assert client.add(2) == 2
    assert client.add(number=3, times=2) == 8


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.__name__)
def test_errors_arrive_as_themselves(
    kind: type[LyftError], tally: Tally, client: TallyClient
) -> None:
    facts = {"delay": 2.5} if issubclass(kind, Temporary) else {"requirement": "lease", "n": [1, 2]}
    tally.failure = kind("it broke: ü", where="file:3", hint="mend it", **facts)
    with pytest.raises(LyftError) as caught:
        client.fail()
    found = caught.value
    assert type(found) is kind
    assert (found.message, found.where, found.hint) == ("it broke: ü", "file:3", "mend it")
    assert found.facts == facts


def test_what_is_not_our_error_arrives_as_a_defect(tally: Tally, client: TallyClient) -> None:
    tally.failure = ZeroDivisionError("by nothing")
    with pytest.raises(InternalError, match="ZeroDivisionError: by nothing"):
        client.fail()


def test_an_error_that_json_cannot_hold_arrives_all_the_same(
    tally: Tally, client: TallyClient
) -> None:
    tally.failure = LedgerError("half a \ud800 character", problem=object(), half="\udc00")
    with pytest.raises(LedgerError, match=r"half a \? character"):
        client.fail()


@pytest.mark.parametrize("value", [object(), {1, object()}, "\ud800"])
def test_what_cannot_be_sent_is_said_at_once(value: object, client: TallyClient) -> None:
    with pytest.raises(SetupError, match="cannot be sent"):
        client.echo(value)


def test_wrong_arguments_are_refused_here_or_there(client: TallyClient) -> None:
    with pytest.raises(TypeError):
        client.add(1, 2)  # type: ignore[call-arg]
    with pytest.raises(SetupError, match="cannot be sent: expected `int`"):
        client.add("one")  # type: ignore[arg-type]

    class Careless:
        def sums(self, table: Any, columns: Any) -> Any: ...

    sums = Verb(Careless.sums, "read")
    with pytest.raises(SetupError, match=r"cannot be read: Input should be a valid array \(at 1\)"):
        client.ask(sums, (None, "a"), {})


def test_too_much_at_once_is_refused_before_it_is_sent(client: TallyClient) -> None:
    with pytest.raises(SetupError, match="the request is too large") as caught:
        client.echo("x" * (64 * 2**20))
    assert caught.value.hint == "send it in parts"


def test_an_answer_that_is_too_large_says_so(
    client: TallyClient, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = "x" * (64 * 2**20)
    monkeypatch.setattr(tally, "echo", lambda value: big)
    with pytest.raises(SetupError, match="the answer is too large"):
        client.echo(1)


def test_only_the_verbs_of_the_table_can_be_called(server: StateServer) -> None:
    with TallyClient(lambda: server.address) as client:
        for method in (Tally.hidden, Tally.__init__, Tally.__repr__):
            with pytest.raises(SetupError, match="unknown state verb"):
                client.ask(Verb(method, "read"), (), {})


# -- many at once


def test_threads_share_one_connection(server: StateServer, tally: Tally) -> None:
    with wired(server.address) as wire, TallyClient(lambda: wire.address) as client:
        with ThreadPoolExecutor(16) as pool:
            echoed = list(pool.map(client.echo, range(500)))
        assert echoed == list(range(500))
        assert wire.connections == 1


def test_a_slow_call_holds_nobody_up(client: TallyClient, tally: Tally) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(client.slow, 5)
        assert tally.begun.wait(30)
        assert client.total() == 0
        tally.gate.set()
        assert slow.result(30) == 5


def test_waiting_for_news_takes_no_thread(client: TallyClient, server: StateServer) -> None:
    def answering() -> int:
        return len([t for t in threading.enumerate() if t.name.startswith("lyftnb-state_")])

    seen = client.news({"messages": 0, "queue:q": 0})
    before = answering()
    with ThreadPoolExecutor(40) as pool:
        waiting = [pool.submit(client.news, seen, 60.0) for _ in range(40)]
        # Answered after all of them were received: one connection, in order.
        client.total()
        assert answering() <= before + 1  # the one that the call for the total may have needed
        assert not any(w.done() for w in waiting)
        server.tell(frozenset({"queue:q"}))
        found = [w.result(30) for w in waiting]
    assert found == [{**seen, "queue:q": seen["queue:q"] + 1}] * 40
    assert client.news(found[0], 0.0) == found[0]
    assert client.news(seen, 60.0) == found[0]


# -- the line breaks


def test_a_write_whose_answer_was_lost_is_not_carried_out_again(
    server: StateServer, tally: Tally
) -> None:
    with wired(server.address) as wire, TallyClient(lambda: wire.address) as client:
        assert client.add(1) == 1
        for expected in (2, 3, 4):
            wire.cut()
            assert client.add(1) == expected
        assert tally.count == 4
        assert wire.connections == 4


def test_a_write_under_way_is_joined_not_begun_again(server: StateServer, tally: Tally) -> None:
    with (
        wired(server.address) as wire,
        TallyClient(lambda: wire.address) as client,
        ThreadPoolExecutor(2) as pool,
    ):
        slow = pool.submit(client.slow, 7)
        assert tally.begun.wait(30)
        wire.cut()
        assert client.total() == 0  # its answer is cut off; asked again on the next connection
        assert wire.connections == 2
        tally.gate.set()
        assert slow.result(30) == 7
    assert tally.count == 7


def test_a_new_owner_is_found_and_only_what_may_be_is_asked_again() -> None:
    old, new = Tally(), Tally()
    first = StateServer(old, VERBS)
    addresses = [first.address]
    with TallyClient(lambda: addresses[-1]) as client, ThreadPoolExecutor(3) as pool:
        under_way = pool.submit(client.slow, 1)
        assert old.begun.wait(30)
        stopping = pool.submit(first.close)
        old_wire = client.news({"messages": 0})
        # `close` waits for what is under way; killing it is what the next test file does.
        old.gate.set()
        assert under_way.result(30) == 1
        stopping.result(30)
        waiting = pool.submit(client.put, 3)
        with StateServer(new, VERBS) as second:
            addresses.append(second.address)
            waiting.result(30)
            assert new.puts == [3]
            # Counts of another owner are news.
            assert client.news(old_wire, 60.0) != old_wire


def test_a_lost_owner_leaves_the_outcome_of_what_must_not_happen_twice_unknown() -> None:
    old, new = Tally(), Tally()
    with (
        StateServer(old, VERBS) as first,
        StateServer(new, VERBS) as second,
        wired(first.address) as wire,
        ThreadPoolExecutor(1) as pool,
    ):
        addresses = [wire.address]
        with TallyClient(lambda: addresses[-1]) as client:
            under_way = pool.submit(client.slow, 1)
            assert old.begun.wait(30)
            addresses.append(second.address)
            wire.close()
            with pytest.raises(OutcomeUnknown, match="the new one cannot tell"):
                under_way.result(30)
            old.gate.set()
            assert client.add(5) == 5
            assert (new.count, client.total()) == (5, 5)


def test_an_owner_that_stays_away_is_a_temporary_error() -> None:
    with StateServer(Tally(), VERBS) as server:
        address = server.address
    with TallyClient(lambda: address, patience_s=0.2) as client:
        with pytest.raises(Temporary, match=r"away for 0.2 s: nobody answers") as caught:
            client.total()
        assert "start it again" in str(caught.value)
    with (
        TallyClient(lambda: None, patience_s=0.0) as client,
        pytest.raises(Temporary, match="no owner has left its address"),
    ):
        client.total()


def test_an_owner_that_falls_silent_counts_as_away(
    server: StateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "_PING_S", 0.05)
    with wired(server.address) as wire, TallyClient(lambda: wire.address) as client:
        assert client.total() == 0
        wire.hush()
        assert client.total() == 0
        assert wire.connections == 2


def test_a_long_wait_is_no_silence(
    server: StateServer, client: TallyClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "_PING_S", 0.02)
    with wired(server.address) as wire, TallyClient(lambda: wire.address) as other:
        seen = other.news({"messages": 0})
        assert other.news(seen, 0.5) == seen
        assert wire.connections == 1


def test_a_closed_client_says_so(server: StateServer, tally: Tally) -> None:
    client = TallyClient(lambda: server.address)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(client.slow, 1)
        assert tally.begun.wait(30)
        client.close()
        client.close()
        with pytest.raises(LedgerError, match="is closed"):
            slow.result(30)
        tally.gate.set()
    with pytest.raises(LedgerError, match="is closed"):
        client.total()


# -- addresses, and what is kept


def test_the_address_is_for_this_user_alone_and_goes_with_the_owner(tmp_path: Path) -> None:
    with StateServer(Tally(), VERBS, state_dir=tmp_path) as server:
        file = tmp_path / STATE_FILE
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert os.listdir(tmp_path) == [STATE_FILE]
        assert StateAddress.load(tmp_path) == server.address
        with TallyClient(lambda: StateAddress.load(tmp_path)) as client:
            assert client.total() == 0
    assert os.listdir(tmp_path) == []
    assert StateAddress.load(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"host": 1}', '{"port": "x"}'])
def test_an_address_that_cannot_be_read_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_text(text)
    assert StateAddress.load(tmp_path) is None


def test_secrets_are_not_shown(server: StateServer, client: TallyClient) -> None:
    client.total()
    address = pickle.loads(pickle.dumps(server.address))
    assert address == server.address
    for shown in (repr(address), str(address), f"{replace(address)}", repr(server), repr(client)):
        assert address.token not in shown
        assert "BEGIN" not in shown


def test_answers_are_forgotten_once_the_caller_has_them(client: TallyClient) -> None:
    import asyncio

    async def remembered() -> int:
        answers, done = Answers(), asyncio.get_running_loop().create_future()
        done.set_result(b"")
        with answers.present("me"):
            for request in range(1000):
                answers.once("me", request, floor=request, work=lambda: done)
            return len(answers._callers["me"].asked)

    assert asyncio.run(remembered()) == 1
