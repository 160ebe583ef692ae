"""A bounded cache of keys: what was lately read or changed is answered from memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping

from lyftnb.store.entries import Address, Entry

_BYTES = 64 * 2**20
# What Python takes for an entry beside its text (measured: 330 bytes).
_OVERHEAD_BYTES = 350
_LARGE_SET = 10_000


class Recent:
    """Entries by address; forgets what was not used for longest once it holds too many bytes."""

    def __init__(self, limit_bytes: int = _BYTES) -> None:
        self._limit = limit_bytes
        self._bytes = 0
        self._entries: OrderedDict[Address, Entry] = OrderedDict()

    def __iter__(self) -> Iterator[Address]:
        return iter(self._entries)

    def get(self, address: Address) -> Entry | None:
        """The entry, if it is remembered."""
        entry = self._entries.get(address)
        if entry is not None:
            self._entries.move_to_end(address)
        return entry

    def keep(self, entries: Mapping[Address, Entry]) -> None:
        """Remember entries in place of older ones; of a large set none, for it would push out
        everything else.
        """
        large = len(entries) > _LARGE_SET
        for address, entry in entries.items():
            before = self._entries.pop(address, None)
            if before is not None:
                self._bytes -= _size(address, before)
            if not large:
                self._entries[address] = entry
                self._bytes += _size(address, entry)
        while self._bytes > self._limit:
            self._bytes -= _size(*self._entries.popitem(last=False))

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._bytes = 0


def _size(address: Address, entry: Entry) -> int:
    # Text is counted as if all of it were ASCII; the bound is one of magnitude.
    return _OVERHEAD_BYTES + len(address[1]) + len(entry.value or "")
