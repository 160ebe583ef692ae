"""The message bus: order, subscriptions, retention, chains; and messages that batches bring."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from lyftnb.clock import ManualClock
from lyftnb.errors import BadData, NotFound
from lyftnb.model import PAYLOAD_BYTES, Commit, Committed, Message, MessageDraft, Refused
from lyftnb.store import Ledger, query, stage_state
from tests.unit.store.conftest import MakeCommit


def say(ledger: Ledger, *tags: str) -> list[Message]:
    found = ledger.publish([MessageDraft(tag) for tag in tags])
    return [message for message in found if message is not None]


def tags(messages: list[Message]) -> list[str | None]:
    return [message.tag for message in messages]


def test_messages_count_on_over_a_restart(ledger: Ledger, clock: ManualClock) -> None:
    draft = MessageDraft("landed", {"rows": 3}, type="files", job="d/s", correlation="c", depth=2)
    (first,) = ledger.publish([draft])
    assert first == Message(
        1, clock.now(), "landed", {"rows": 3}, "user", "client", "files", "d/s",
        correlation="c", depth=2,
    )  # fmt: skip
    assert ledger.messages() == [first]
    ledger.close()
    with Ledger.open(ledger.state_dir, clock) as again:
        assert again.newest_message() == 1
        assert [m.id for m in say(again, "a", "b")] == [2, 3]
        assert again.messages()[0] == first


def test_a_reader_narrows_and_pages(ledger: Ledger) -> None:
    ledger.publish(
        [
            MessageDraft("a", kind="system", source="manager", type="run-started", job="d/s"),
            MessageDraft("b", job="d/t"),
            MessageDraft("a"),
        ]
    )
    assert [m.id for m in ledger.messages(tag="a")] == [1, 3]
    assert [m.id for m in ledger.messages(kind="system", source="manager", job="d/s")] == [1]
    assert [m.id for m in ledger.messages(type="message", after=2)] == [3]
    assert [m.id for m in ledger.messages(after=0, until=2, limit=1)] == [1]
    assert [m.id for m in ledger.recent_messages(2)] == [3, 2]
    assert [m.id for m in ledger.recent_messages(tag="a")] == [3, 1]
    assert query(ledger, "SELECT count(*) FROM lyftnb.messages WHERE tag = 'a'").item() == 2


@pytest.mark.parametrize("bulk", [1, 40, 65, 300])
def test_memory_gives_the_messages_that_the_tables_hold(ledger: Ledger, bulk: int) -> None:
    for tag in ("a", "b", "c"):
        ledger.publish([MessageDraft(tag, {"n": n}) for n in range(bulk)])
        say(ledger, "z")
    found = query(ledger, "SELECT id, tag, payload->>'n' AS n FROM lyftnb.messages").rows()
    for after in (0, bulk, 2 * bulk + 1, 3 * bulk + 1, 3 * bulk + 3):
        heard = ledger.messages(after)
        payloads = [m.payload["n"] if m.payload else None for m in heard]
        said = [
            (m.id, m.tag, None if n is None else str(n))
            for m, n in zip(heard, payloads, strict=True)
        ]
        assert said == [row for row in found if row[0] > after]
        assert tags(ledger.messages(after, limit=2)) == [row[1] for row in found[after : after + 2]]
        assert len(ledger.messages(after, tag="z")) == len(
            [r for r in found[after:] if r[1] == "z"]
        )
        assert ledger.messages(after, until=after) == []


@pytest.mark.parametrize(
    "draft",
    [
        MessageDraft("a", float("inf")),
        MessageDraft("a", "x" * PAYLOAD_BYTES),
        MessageDraft(""),
        MessageDraft("a", type="\ud800"),
    ],
)
def test_what_is_no_message_is_refused_with_all_of_its_call(
    ledger: Ledger, draft: MessageDraft
) -> None:
    with pytest.raises(BadData):
        ledger.publish([MessageDraft("fine"), draft])
    assert ledger.newest_message() == 0 and ledger.publish([]) == []


# -- subscriptions and retention


def test_a_subscription_resumes_where_it_stood(ledger: Ledger, clock: ManualClock) -> None:
    say(ledger, "a", "b")
    assert ledger.subscription("all", after=0) == 0 and ledger.subscription("new") == 2
    ledger.advance("all", 2)
    ledger.advance("all", 1)
    ledger.close()
    with Ledger.open(ledger.state_dir, clock) as again:
        assert again.subscription("all", after=0) == 2
        assert again.end_subscription("all") and not again.end_subscription("all")
        with pytest.raises(NotFound, match="no subscription 'all'"):
            again.advance("all", 2)
        assert again.state("subscriptions")["name"].to_list() == ["new"]


def test_retention_spares_the_newest_and_for_a_while_what_is_not_read(
    ledger: Ledger, clock: ManualClock
) -> None:
    say(ledger, "a", "b", "c")
    ledger.subscription("slow", after=1)
    clock.advance(60)
    assert ledger.expire_messages(clock.now() - timedelta(seconds=60)) == 0
    assert ledger.expire_messages(clock.now(), held_s=60) == 1
    assert tags(ledger.messages()) == ["b", "c"]
    assert ledger.expire_messages(clock.now(), held_s=59) == 1
    assert tags(ledger.messages()) == ["c"]
    assert [m.id for m in say(ledger, "d")] == [4]


# -- chains


def test_a_chain_of_messages_ends_with_an_issue(ledger: Ledger) -> None:
    deep = [
        MessageDraft("a", depth=100),
        MessageDraft("b", depth=101, job="d/s"),
        MessageDraft("c"),
    ]
    first, none, last = ledger.publish(deep)
    assert none is None and first is not None and last is not None
    assert (first.id, last.id) == (1, 2)
    (issue,) = ledger.issues(code="message_chain")
    assert issue.place == "d/s" and "100 messages" in issue.cause and issue.hint
    ledger.publish(deep[1:2])
    assert ledger.issues()[0].count == 2
    assert [m.type for m in ledger.messages(kind="system")] == ["issue-raised"]


# -- the commit


def staged(ledger: Ledger, commit: Commit, tag: str, split: int) -> Commit:
    files = stage_state(
        pl.DataFrame({"tag": [tag, tag], "payload": [f'{{"split":{split}}}', None]}),
        ledger.root,
        "messages",
        batch=commit.claim.batch,
        attempt=1,
        task="s",
        split=split,
    )
    return replace(commit, state=commit.state + files)


def test_messages_of_batches_are_heard_with_them_in_their_order(
    ledger: Ledger, make: MakeCommit
) -> None:
    heard: list[frozenset[str]] = []
    ledger.listen(heard.append)
    one = make(1, messages=(MessageDraft("done", kind="system", source="manager"),))
    one = staged(ledger, staged(ledger, one, "second", 1), "first", 0)
    wrong = make(9, messages=(MessageDraft("never"),))
    two = make(2, messages=(MessageDraft("next", run="other", job="d/x"),))
    assert ledger.newest_message() == 0 and heard == []
    answers = ledger.commit([one, wrong, two])
    assert [type(answer) for answer in answers] == [Committed, Refused, Committed]
    found = ledger.messages()
    assert [m.id for m in found] == [1, 2, 3, 4, 5, 6]
    assert tags(found) == ["first", "first", "second", "second", "done", "next"]
    assert found[0].payload == {"split": 0} and found[1].payload is None
    assert {(m.batch, m.run, m.job, m.source) for m in found[:4]} == {
        ("d/s/1", "d-1", "d/s", "job")
    }
    assert (found[5].batch, found[5].run, found[5].job) == ("d/s/2", "other", "d/x")
    assert heard == [frozenset({"messages"})]
    ledger.commit([one, two])
    assert ledger.newest_message() == 6, "a repeated commit says nothing again"


def test_messages_of_a_batch_are_as_deep_as_the_batch(ledger: Ledger, make: MakeCommit) -> None:
    for n, depth in enumerate((100, 101), start=1):
        commit = staged(ledger, make(n, messages=(MessageDraft("own", depth=3),)), "staged", 0)
        ledger.commit([replace(commit, claim=replace(commit.claim, depth=depth))])
    found = ledger.messages(kind="user")
    assert [(m.tag, m.depth) for m in found] == [("staged", 100), ("staged", 100), ("own", 100)]
    (issue,) = ledger.issues()
    assert (issue.code, issue.place, issue.count) == ("message_chain", "d/s", 3)


def test_a_batch_that_is_given_up_says_only_so(ledger: Ledger, make: MakeCommit) -> None:
    commit = make(1, skipped="bad", messages=(MessageDraft("given up"),))
    ledger.commit([staged(ledger, commit, "never", 0)])
    assert tags(ledger.messages()) == ["given up"]


def test_a_commit_whose_message_is_too_large_is_refused(ledger: Ledger, make: MakeCommit) -> None:
    (answer,) = ledger.commit([make(1, messages=(MessageDraft("a", "x" * PAYLOAD_BYTES),))])
    assert isinstance(answer, Refused) and answer.requirement == "message"
    assert "262,146 bytes" in answer.found


# -- listeners


def test_a_waiting_thread_is_woken(ledger: Ledger) -> None:
    woken = threading.Event()
    ledger.listen(lambda news: woken.set() if "messages" in news else None)
    speaker = threading.Thread(target=say, args=(ledger, "a"))
    speaker.start()
    assert woken.wait(30) and ledger.newest_message() == 1
    speaker.join()


def test_a_listener_that_fails_is_logged_and_harms_nobody(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_news: frozenset[str]) -> None:
        raise RuntimeError("deaf")

    heard: list[frozenset[str]] = []
    ledger.listen(fail)
    ledger.listen(heard.append)
    say(ledger, "a")
    assert len(heard) == 1 and "deaf" in caplog.text
