"""Numbers that are given out once, over all restarts: of items, leases and issues."""

from __future__ import annotations

from lyftnb.store.families import Setting

_AHEAD = 10_000
"""So many are reserved with one statement; those not given out are skipped at the next open."""


def reserve(setting: Setting, count: int) -> range:
    """The next `count` numbers. They grow; if the transaction fails, they may come again."""
    state = setting.state
    first = state.number
    state.number += count
    if state.number > state.reserved:
        state.reserved = state.number + _AHEAD
        setting.database.run("reserve_numbers", reserved=state.reserved)
    return range(first, state.number)
