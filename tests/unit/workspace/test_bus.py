"""The bus as people read it: in order, from where they stood, without asking again and again."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lyftnb.clock import ManualClock
from lyftnb.errors import NotFound, SetupError
from lyftnb.store import Ledger
from lyftnb.workspace.bus import Bus
from tests.ledger_kit import blank


def nobody() -> Any:
    raise AssertionError("nobody is asked")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(blank(tmp_path), ManualClock(), "pytest") as opened:
        yield opened


@pytest.fixture
def bus(ledger: Ledger) -> Bus:
    return Bus(ledger, nobody)


def tags(messages: Any) -> list[str | None]:
    return [message.tag for message in messages]


def test_messages_come_in_order_and_by_what_is_wanted(bus: Bus) -> None:
    for n in range(5):
        bus.publish("even" if n % 2 == 0 else "odd", {"n": n})
    assert tags(bus.messages(2)) == ["odd", "even"]
    assert [m.payload["n"] for m in bus.messages(tag="even")] == [0, 2, 4]
    assert [m.payload["n"] for m in bus.messages(2, after=1)] == [1, 2]
    with pytest.raises(NotFound, match="unknown property of messages 'tga'"):
        bus.messages(tga="even")


def test_a_log_shows_itself_as_text_and_as_a_table(bus: Bus) -> None:
    assert repr(bus.messages()) == "no messages"
    bus.publish("<b>", {"text": "x" * 1000})
    shown = repr(bus.messages())
    assert "<b>" in shown and shown.endswith("…") and len(shown) < 200
    assert "&lt;b&gt;" in bus.messages()._repr_html_()


def test_a_named_subscription_goes_on_where_it_stood(ledger: Ledger, bus: Bus) -> None:
    for n in range(4):
        bus.publish(f"m{n}")
    with bus.subscribe("audit", after=0, timeout=0) as reading:
        assert next(reading).tag == "m0"
        assert next(reading).tag == "m1"
    assert tags(bus.subscribe("audit", timeout=0)) == ["m2", "m3"]
    assert tags(bus.subscribe("audit", timeout=0)) == []
    assert bus.unsubscribe("audit") and not bus.unsubscribe("audit")


def test_a_message_whose_work_was_cut_off_comes_again(bus: Bus) -> None:
    for n in range(3):
        bus.publish(f"m{n}")

    def work() -> None:
        with bus.subscribe("audit", after=0, timeout=0) as reading:
            for message in reading:
                assert message.tag != "m1", "the work fails"

    with pytest.raises(AssertionError, match="the work fails"):
        work()
    for message in bus.subscribe("audit", timeout=0):
        assert message.tag == "m1"
        break
    # Left by `break`, it was never asked for the next one.
    assert tags(bus.subscribe("audit", timeout=0)) == ["m1", "m2"]


def test_what_is_not_wanted_counts_as_read(ledger: Ledger, bus: Bus) -> None:
    reading = bus.subscribe("audit", after=0, timeout=0, tag="wanted")
    for _ in range(3):
        bus.publish("other")
    assert tags(reading) == []
    assert ledger.subscription("audit") == 3
    bus.publish("wanted")
    bus.publish("other")
    assert tags(reading) == ["wanted"]
    assert ledger.subscription("audit") == 5


def test_more_than_a_page_is_read_in_order(bus: Bus, ledger: Ledger) -> None:
    from lyftnb.model import MessageDraft

    ledger.publish([MessageDraft(tag="t", payload=n) for n in range(2500)])
    assert [m.payload for m in bus.subscribe(after=0, timeout=0)] == list(range(2500))


def test_a_reader_waits_for_what_comes_next(bus: Bus) -> None:
    got: list[str | None] = []
    ready = threading.Event()

    def read() -> None:
        reading = bus.subscribe()
        ready.set()
        for message in reading:
            got.append(message.tag)
            if message.tag == "last":
                return

    thread = threading.Thread(target=read)
    bus.publish("before")
    thread.start()
    assert ready.wait(10)
    for tag in ("first", "second", "last"):
        bus.publish(tag)
    thread.join(10)
    assert got == ["first", "second", "last"]


@pytest.mark.parametrize("end", ["close", "the workspace ends"])
def test_a_reader_that_waits_is_let_go(ledger: Ledger, bus: Bus, end: str) -> None:
    reading = bus.subscribe("audit")
    thread = threading.Thread(target=lambda: [None for _ in reading])
    thread.start()
    if end == "close":
        reading.close()
    else:
        ledger.close()
    thread.join(10)
    assert not thread.is_alive()


def test_a_reader_that_was_dropped_leaves_nothing_behind(ledger: Ledger, bus: Bus) -> None:
    bus.publish("x")
    before = len(ledger._listeners)
    for _ in bus.subscribe(after=0):
        break
    gc.collect()
    assert len(ledger._listeners) == before


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan")])
def test_a_request_needs_a_timeout(bus: Bus, timeout: float) -> None:
    with pytest.raises(SetupError, match="timeout must be"):
        bus.request("manager", "state", timeout)
