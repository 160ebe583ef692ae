"""The newest messages, in memory: whoever follows the bus is not sent to the tables for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_MESSAGES = 256
_LARGE = 64 * 2**10
"""Payloads of more characters, all together, are not kept."""


@dataclass(frozen=True, slots=True)
class Tail:
    """Rows of `messages` with ids after `after`, without a gap up to the newest one."""

    after: int = 0
    rows: tuple[Mapping[str, Any], ...] = ()

    def with_more(self, messages: Sequence[Mapping[str, Any]]) -> Tail:
        """The tail once these rows are in; it starts anew behind large ones."""
        if not messages:
            return self
        if sum(len(row["payload"]) for row in messages) > _LARGE:
            return Tail(messages[-1]["id"])
        rows = (*self.rows, *messages)[-_MESSAGES:]
        return Tail(rows[0]["id"] - 1, rows)

    def between(
        self, after: int, until: int, limit: int, wanted: Mapping[str, str | None]
    ) -> Sequence[Mapping[str, Any]] | None:
        """Rows with ids in (after, until] that have the `wanted` values; None if it does not reach
        back that far.
        """
        if after < self.after:
            return None
        asked = {name: value for name, value in wanted.items() if value is not None}
        found = (
            row for row in self.rows if after < row["id"] <= until and asked.items() <= row.items()
        )
        return [row for row, _ in zip(found, range(max(0, limit)), strict=False)]
