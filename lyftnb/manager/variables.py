"""Run-time variables: `${var.NAME}`, set by messages of the type `set-variable`.

They are the keys of the namespace `variables`. A batch gets their values with its claim, so that
every attempt at it sees the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lyftnb.model import Json
from lyftnb.store import Ledger

NAMESPACE = "variables"
SET_VARIABLE = "set-variable"
"""The type of messages that set variables: their payload is an object of names and values."""
_READER = "variables"


@dataclass(slots=True)
class Variables:
    """Follows the messages, and knows the values."""

    ledger: Ledger
    _seen: int = field(init=False)
    _version: int = 0
    _values: dict[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._seen = self.ledger.subscription(_READER, after=0)

    def follow(self) -> None:
        """Carry out what new messages set. To do so twice changes nothing."""
        newest = self.ledger.newest_message()
        if newest <= self._seen:
            return
        changed: dict[str, Json] = {}
        for message in self.ledger.messages(self._seen, newest, type=SET_VARIABLE):
            if isinstance(message.payload, Mapping):
                changed |= message.payload
        if changed:
            self.ledger.kv_put(NAMESPACE, changed)
            self.ledger.advance(_READER, newest)
        self._seen = newest

    def values(self) -> dict[str, Any]:
        """All variables, as `var`; nothing where none was ever set."""
        version = self.ledger.kv_version(NAMESPACE)
        if version != self._version:
            self._version = version
            self._values = {e.key: e.value for e in self.ledger.kv_scan(NAMESPACE)}
        return {"var": dict(self._values)} if self._values else {}
