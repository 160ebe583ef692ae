"""What a loop finds in its inbox, while the ledger writes and while it does not."""

from __future__ import annotations

import pytest

from lyftnb.errors import StorageFull
from lyftnb.manager.inbox import Inbox


def test_what_the_ledger_cannot_note_is_done_again_and_the_rest_is_done_now() -> None:
    inbox, done, full = Inbox(), list[str](), True

    def note() -> None:
        if full:
            raise StorageFull("no room")
        done.append("noted")

    inbox.put(note)
    inbox.put(lambda: done.append("heard"))
    with pytest.raises(StorageFull):
        inbox.take(0)
    assert done == ["heard"]
    assert inbox.empty and not inbox.take(0)
    full = False
    inbox.again()
    assert inbox.take(0) and done == ["heard", "noted"]
    inbox.again()
    assert not inbox.take(0)
