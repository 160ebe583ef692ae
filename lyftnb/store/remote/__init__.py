"""The state protocol: the ledger's state verbs for other processes, over TLS.

`serve` answers with the verbs of a ledger, `StateClient` has the same methods as the ledger and
asks. An answer is the ledger's: the same values, the same errors. Knows nothing of what the verbs
do, nor of clusters; the list of verbs is `verbs`.
"""

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
