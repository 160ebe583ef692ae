"""The verbs of the state protocol: all that other processes may ask of the owner.

One line each: the ledger's own method, and what asking twice would do (`call`). A method that is
not here cannot be called.
"""

from __future__ import annotations

from pathlib import Path

from lyftnb.store.ledger import Ledger
from lyftnb.store.remote.address import StateAddress
from lyftnb.store.remote.call import read, verbs_of, wait
from lyftnb.store.remote.client import PATIENCE_S, Client
from lyftnb.store.remote.news import News
from lyftnb.store.remote.server import StateServer


class StateClient(Client):
    """The ledger's state verbs, from any process: the same methods, arguments, results and errors.

    When the owner is away a call waits for it, and for its successor, within `patience_s`.
    """

    # Spools: what there is to read; the files are read by whoever asks.
    snapshot = read(Ledger.snapshot)
    spools = read(Ledger.spools)
    schema = read(Ledger.schema)
    segments = read(Ledger.segments)

    # What happens: `messages`, `issues`, `queue:NAME`.
    news = wait(News.news)

    @classmethod
    def of(cls, state_dir: Path, *, patience_s: float = PATIENCE_S) -> StateClient:
        """A client of whichever process owns this state directory, by the address it has left."""
        return cls(lambda: StateAddress.load(state_dir), patience_s=patience_s)


VERBS = verbs_of(StateClient)


def serve(ledger: Ledger, host: str = "127.0.0.1") -> StateServer:
    """Answer other processes with the verbs of a ledger, and leave the address beside it."""
    return StateServer(ledger, VERBS, host=host, state_dir=ledger.state_dir)
