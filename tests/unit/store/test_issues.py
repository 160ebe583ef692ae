"""Issues: one row for each code and place, as long as the cause is there."""

from __future__ import annotations

import pytest

from lyftnb.clock import ManualClock
from lyftnb.errors import StorageError
from lyftnb.model import IssueDraft
from lyftnb.store import Ledger, query


def test_an_open_issue_counts_up_and_tells_once(ledger: Ledger, clock: ManualClock) -> None:
    first = ledger.raise_issue("blocked", "d/s", "no such column", facts={"attempt": 5})
    clock.advance(60)
    again = ledger.raise_issue("blocked", "d/s", "no such table", "warning", hint="make it")
    assert (again.id, again.count, again.cause) == (first.id, 2, "no such table")
    assert (again.first_at, again.last_at) == (first.first_at, clock.now())
    assert ledger.issues() == [again]
    (message,) = ledger.messages(type="issue-raised")
    assert message.payload["code"] == "blocked" and message.payload["place"] == "d/s"
    assert message.kind == "system" and message.source == "manager"


def test_a_closed_issue_is_history_and_may_open_anew(ledger: Ledger, clock: ManualClock) -> None:
    old = ledger.raise_issue("blocked", "d/s", "bad")
    assert ledger.close_issue("blocked", "d/s") and not ledger.close_issue("blocked", "d/s")
    new = ledger.raise_issue("blocked", "d/s", "bad again")
    assert new.id > old.id and new.count == 1
    assert [issue.id for issue in ledger.issues()] == [new.id]
    both = ledger.issues(open=False)
    assert [(issue.id, issue.closed_at is None) for issue in both] == [
        (new.id, True),
        (old.id, False),
    ]
    kinds = [message.type for message in ledger.messages()]
    assert kinds == ["issue-raised", "issue-closed", "issue-raised"]
    clock.advance(1)
    assert ledger.expire_issues(clock.now()) == 1
    assert ledger.issues(open=False) == [new]
    open_ = "SELECT code, count FROM lyftnb.issues WHERE closed_at IS NULL"
    assert query(ledger, open_).rows() == [("blocked", 1)]


def test_many_are_raised_at_once(ledger: Ledger) -> None:
    ledger.raise_issue("a", "x", "one")
    heard = ledger.newest_message()
    drafts = [
        IssueDraft("a", "x", "two"),
        IssueDraft("b", "x", "three"),
        IssueDraft("b", "x", "four"),
        IssueDraft("a", "y", "five", "note"),
    ]
    found = ledger.raise_issues(drafts)
    assert [(i.code, i.place, i.cause, i.count) for i in found] == [
        ("a", "x", "two", 2),
        ("b", "x", "four", 2),
        ("b", "x", "four", 2),
        ("a", "y", "five", 1),
    ]
    assert len(ledger.issues()) == 3 and ledger.newest_message() == heard + 2
    assert ledger.raise_issues([]) == []


def test_issues_close_by_place(ledger: Ledger) -> None:
    for place in ("d", "d/s", "d.spool", "dd/s", "other"):
        ledger.raise_issues([IssueDraft(code, place, "bad") for code in ("a", "b")])
    assert [i.place for i in ledger.issues(code="a", place_prefix="d")] == ["d.spool", "d/s", "d"]
    closed = ledger.close_issues("d", except_codes=["b"])
    assert [(i.code, i.place) for i in closed] == [("a", "d"), ("a", "d/s"), ("a", "d.spool")]
    assert all(i.closed_at for i in closed)
    assert len(ledger.issues(place_prefix="d")) == 3
    assert len(ledger.close_issues("")) == 7 and ledger.close_issues("") == []


def test_any_text_and_any_facts_can_be_shown(ledger: Ledger, clock: ManualClock) -> None:
    place = b"in/caf\xe9.csv".decode(errors="surrogateescape")
    facts = {"at": clock.now(), "path": place, "share": float("nan")}
    issue = ledger.raise_issue("bad_file", place, "x" * 300_000, facts=facts)
    assert ledger.raise_issue("bad_file", place, "again").id == issue.id
    assert ledger.close_issue("bad_file", place)


def test_an_issue_that_cannot_be_written_has_not_been_told(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def fail(*_args: object, **_kw: object) -> None:
            raise StorageError("no space left on device")

        patch.setattr("lyftnb.store.issues.post", fail)
        with pytest.raises(StorageError):
            ledger.raise_issue("a", "x", "bad")
    assert ledger.issues() == [] and ledger.newest_message() == 0
    assert ledger.raise_issue("a", "x", "bad").count == 1
