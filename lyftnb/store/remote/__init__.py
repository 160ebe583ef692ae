"""The state protocol: the ledger's state verbs for other processes, over TLS.

`serve` answers with the verbs of a ledger, `StateClient` has the same methods as the ledger and
asks. An answer is the ledger's: the same values, the same errors. Knows nothing of what the verbs
do, nor of clusters; the list of verbs is `verbs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lyftnb.lazy import lazy

if TYPE_CHECKING:
    from lyftnb.store.owner import STATE_FILE
    from lyftnb.store.remote.address import StateAddress
    from lyftnb.store.remote.client import PATIENCE_S, Client
    from lyftnb.store.remote.desk import Desk
    from lyftnb.store.remote.server import StateServer
    from lyftnb.store.remote.verbs import VERBS, StateClient, serve

__all__ = [
    "PATIENCE_S",
    "STATE_FILE",
    "VERBS",
    "Client",
    "Desk",
    "StateAddress",
    "StateClient",
    "StateServer",
    "serve",
]

_HOMES = {
    "Client": "lyftnb.store.remote.client",
    "Desk": "lyftnb.store.remote.desk",
    "PATIENCE_S": "lyftnb.store.remote.client",
    "STATE_FILE": "lyftnb.store.owner",
    "StateAddress": "lyftnb.store.remote.address",
    "StateClient": "lyftnb.store.remote.verbs",
    "StateServer": "lyftnb.store.remote.server",
    "VERBS": "lyftnb.store.remote.verbs",
    "serve": "lyftnb.store.remote.verbs",
}

__getattr__ = lazy(__name__, _HOMES)
