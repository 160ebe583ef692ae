"""How tasks reach the owner's state: every worker is told where the owners that use it answer.

The cluster's own connections carry the address, never a task's arguments: a worker plugin brings it
to the workers that are there and to those that join later, and a new owner's takes the place of the
one before. Owners are told apart by their storage roots, for several may share a scheduler.
"""

from __future__ import annotations

import threading
from dataclasses import asdict
from typing import Any

from lyftnb.store.remote import StateAddress, StateClient

_lock = threading.Lock()
_addresses: dict[str, StateAddress] = {}
_clients: dict[str, StateClient] = {}


def state_of_owner(storage_root: str) -> StateClient | None:
    """A client of the owner of this storage root, the same one for all tasks of this process; None
    if no owner has introduced itself here. It connects when it is first asked something.
    """
    with _lock:
        client = _clients.get(storage_root)
        if client is None and storage_root in _addresses:
            client = StateClient(lambda: _addresses.get(storage_root))
            _clients[storage_root] = client
        return client


def meet(storage_root: str, address: StateAddress) -> None:
    """From now on the owner of this storage root answers here."""
    with _lock:
        _addresses[storage_root] = address


def part(storage_root: str) -> None:
    """That owner is gone; who asks for its state waits for the next one."""
    with _lock:
        _addresses.pop(storage_root, None)


def plugin_name(storage_root: str) -> str:
    """The name that the plugin of a storage root's owner has on a scheduler."""
    return f"lyftnb-state:{storage_root}"


def introduction(storage_root: str, address: StateAddress) -> Any:
    """The worker plugin that tells a worker of an owner."""
    from distributed import WorkerPlugin

    # A class of this function alone is pickled by value: on a scheduler that others use too, a
    # worker without lyftnb must be able to load it, and leave it at that.
    class Introduction(WorkerPlugin):  # type: ignore[misc]
        def __init__(self, storage_root: str, address: dict[str, Any]) -> None:
            self.storage_root = storage_root
            self.address = address

        async def setup(self, worker: Any) -> None:
            import asyncio

            # In a thread: importing us takes a second, and a worker's loop must not stand still.
            await asyncio.to_thread(self._meet)

        def _meet(self) -> None:
            try:
                from lyftnb.engine.owner_state import meet
                from lyftnb.store.remote import StateAddress
            except ImportError:
                return
            meet(self.storage_root, StateAddress(**self.address))

        def teardown(self, worker: Any) -> None:
            try:
                from lyftnb.engine.owner_state import part
            except ImportError:
                return
            part(self.storage_root)

    return Introduction(storage_root, asdict(address))
