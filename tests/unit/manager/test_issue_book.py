"""Issues follow their causes, whoever closes them."""

from __future__ import annotations

import threading

from manager_kit import fill

from lyftnb.manager.issues import IssueBook
from lyftnb.model import IssueDraft
from lyftnb.planning.reconciling import SEGMENTS_DAMAGED, Actual
from lyftnb.store import Ledger
from lyftnb.workspace.reconciler import Hands, Reconciler


def test_one_closed_by_hand_comes_back_while_its_cause_stands(ledger: Ledger) -> None:
    book = IssueBook(ledger)
    book.begin("d")
    wrong = [IssueDraft("stage_blocked", "d/s", "no such column")]
    book.follow("d", wrong)
    (first,) = ledger.issues()
    assert ledger.close_issue("stage_blocked", "d/s")
    for _ in range(3):
        book.follow("d", wrong)
    (again,) = ledger.issues()
    assert again.id > first.id and again.count == 1
    book.follow("d", [])
    assert ledger.issues() == []


def test_rejected_rows_that_were_seen_come_back_only_with_more(ledger: Ledger) -> None:
    book = IssueBook(ledger)
    book.begin("d")
    book.follow("d", [IssueDraft("rows_rejected", "d/s", "1 row", facts={"rows": 1})])
    assert ledger.close_issue("rows_rejected", "d/s")
    book.follow("d", [IssueDraft("rows_rejected", "d/s", "1 row", facts={"rows": 1})])
    assert ledger.issues() == []
    book.follow("d", [IssueDraft("rows_rejected", "d/s", "2 rows", facts={"rows": 2})])
    assert [issue.cause for issue in ledger.issues()] == ["2 rows"]


def test_one_of_the_reconciler_comes_back_while_its_cause_stands(ledger: Ledger) -> None:
    fill(ledger, 3)  # its file is shorter than the book says
    hands = Hands(Actual, drifts=lambda _: (), remedy=lambda *_: None)
    reconciler = Reconciler(ledger, hands, threading.RLock())
    reconciler.look()
    (first,) = ledger.issues()
    assert ledger.close_issue(SEGMENTS_DAMAGED, "d.raw")
    for _ in range(3):
        reconciler.look()
    (again,) = ledger.issues()
    assert again.id > first.id and again.count == 1
