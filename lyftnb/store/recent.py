"""A bounded cache of keys: what was lately read or changed is answered from memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, MutableMapping

from lyftnb.store.entries import Address, Entry

_BYTES = 64 * 2**20
# What Python takes for an entry beside its text (measured: 330 bytes).
_OVERHEAD_BYTES = 350


class Recent(MutableMapping[Address, Entry]):
    """Forgets what was not used for longest once it holds too many bytes."""

    def __init__(self, limit_bytes: int = _BYTES) -> None:
        self._limit = limit_bytes
        self._bytes = 0
        self._entries: OrderedDict[Address, Entry] = OrderedDict()

    def __getitem__(self, address: Address) -> Entry:
        entry = self._entries[address]
        self._entries.move_to_end(address)
        return entry

    def __setitem__(self, address: Address, entry: Entry) -> None:
        self.pop(address, None)
        self._entries[address] = entry
        self._bytes += _size(address, entry)
        while self._bytes > self._limit:
            self._bytes -= _size(*self._entries.popitem(last=False))

    def __delitem__(self, address: Address) -> None:
        self._bytes -= _size(address, self._entries.pop(address))

    def __contains__(self, address: object) -> bool:
        return address in self._entries

    def __iter__(self) -> Iterator[Address]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def _size(address: Address, entry: Entry) -> int:
    # Text is counted as if all of it were ASCII; the bound is one of magnitude.
    return _OVERHEAD_BYTES + len(address[1]) + len(entry.value or "")
