"""Removing what is staged for outputs that were passed by, of deployments that may be long gone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lyftnb.clock import awaited
from lyftnb.errors import GroupUnavailable
from lyftnb.model import Publication
from lyftnb.redaction import marked

if TYPE_CHECKING:
    from lyftnb.engine import Engine
    from lyftnb.store import Ledger

_BORROWER = "/sweep"
"""Whom secrets are lent to meanwhile: the name of no deployment."""
_PATIENCE_S = 60.0


def sweep_outputs(
    ledger: Ledger,
    before: datetime,
    groups: Collection[str] | None,
    engine: Callable[[frozenset[str]], Engine],
) -> tuple[int, tuple[str, ...]]:
    """Have workers remove what was staged for outputs that were passed by before a time.

    Args:
        ledger: knows them.
        before: what was passed by later may still be rescued.
        groups: worker groups that there are; None: that is asked of the cluster.
        engine: gives the engine, with a worker in each of these groups. Not called for nothing.

    Returns:
        Of how many outputs that is done, and the groups whose workers alone could do the rest.
    """
    by_group: dict[str, list[Publication]] = {}
    for item in ledger.unswept_publications(before):
        by_group.setdefault(item.group, []).append(item)
    done, left = 0, list[str]()
    ledger.lend_secrets(_BORROWER, marked([p.payload for ps in by_group.values() for p in ps]))
    try:
        for group, items in sorted(by_group.items()):
            there = groups is None or group in groups
            removed = _removed(engine, group, items) if there else ()
            if removed:
                ledger.swept_publications(removed)
            done += len(removed)
            if len(removed) < len(items):
                left.append(group)
    finally:
        ledger.lend_secrets(_BORROWER, ())
    return done, tuple(left)


def _removed(
    engine: Callable[[frozenset[str]], Engine], group: str, items: Sequence[Publication]
) -> Sequence[str]:
    """The ids of those for which a worker of the group has done it."""
    answers: list[Any] = []
    answered = threading.Event()

    def on_done(outcome: Any) -> None:
        answers.append(outcome)
        answered.set()

    try:
        engine(frozenset({group})).discard(items, group, on_done)
    except GroupUnavailable:
        return ()
    if not awaited(answered.wait, _PATIENCE_S) or isinstance(answers[0], BaseException):
        return ()
    ids: Sequence[str] = answers[0]
    return ids
