"""The verbs of the state protocol: all that other processes may ask of the owner.

One line each: the ledger's own method, and what asking twice would do (`call`). A method that is
not here cannot be called.

A verb is `once` also where only its answer would be another the second time (an ack of what is
acked already says that the lease was lost). Leases and locks are `repeatable`: what was given and
never arrived belongs to nobody, and runs out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from lyftnb.store.ledger import Ledger
from lyftnb.store.remote.address import StateAddress
from lyftnb.store.remote.call import once, read, repeatable, verbs_of, wait
from lyftnb.store.remote.client import PATIENCE_S, Client
from lyftnb.store.remote.desk import Desk
from lyftnb.store.remote.listening import listen
from lyftnb.store.remote.news import News
from lyftnb.store.remote.server import StateServer
from lyftnb.store.session import Listener


class StateClient(Client):
    """The ledger's state verbs, from any process: the same methods, arguments, results and errors.

    When the owner is away a call waits for it, and for its successor, within `patience_s`.
    """

    # Keys, sets, marks.
    kv_get = read(Ledger.kv_get)
    kv_scan = read(Ledger.kv_scan)
    kv_version = read(Ledger.kv_version)
    kv_namespaces = read(Ledger.kv_namespaces)
    set_members = read(Ledger.set_members)
    unseen = read(Ledger.unseen)
    kv_put = once(Ledger.kv_put)
    kv_delete = once(Ledger.kv_delete)
    kv_increment = once(Ledger.kv_increment)
    set_add = repeatable(Ledger.set_add)
    set_remove = repeatable(Ledger.set_remove)

    # Locks.
    lock_acquire = repeatable(Ledger.lock_acquire)
    lock_renew = repeatable(Ledger.lock_renew)
    lock_release = once(Ledger.lock_release)
    locks = read(Ledger.locks)

    # Queues.
    items = read(Ledger.items)
    peek = read(Ledger.peek)
    queues = read(Ledger.queues)
    queue_depth = read(Ledger.queue_depth)
    enqueue = once(Ledger.enqueue)
    lease = repeatable(Ledger.lease)
    renew = repeatable(Ledger.renew)
    ack = once(Ledger.ack)
    nack = once(Ledger.nack)
    redrive = once(Ledger.redrive)
    purge = once(Ledger.purge)
    set_queue = repeatable(Ledger.set_queue)

    # Messages, issues, runs.
    messages = read(Ledger.messages)
    recent_messages = read(Ledger.recent_messages)
    newest_message = read(Ledger.newest_message)
    publish = once(Ledger.publish)
    subscription = repeatable(Ledger.subscription)
    advance = repeatable(Ledger.advance)
    end_subscription = once(Ledger.end_subscription)
    issues = read(Ledger.issues)
    close_issue = once(Ledger.close_issue)
    runs = read(Ledger.runs)

    # Spools: what there is to read; the files are read by whoever asks.
    snapshot = read(Ledger.snapshot)
    spools = read(Ledger.spools)
    schema = read(Ledger.schema)
    segments = read(Ledger.segments)

    # Secrets that what runs here names.
    lent_secrets = read(Ledger.lent_secrets)

    # What happens: `messages`, `issues`, `queue:NAME`, `lock:NAME`.
    news = wait(News.news)

    # What the owner's process does beside keeping the ledger.
    request = once(Desk.request)
    fire_step = once(Desk.fire_step)

    def listen(self, listener: Listener, topics: Collection[str]) -> Callable[[], None]:
        """Call `listener` when something happened to one of the topics (`closed` at the end), and
        once at the beginning; the result ends it. As the ledger's own, on a thread of its own.
        """
        return listen(self.news, listener, topics)

    @classmethod
    def of(cls, state_dir: Path, *, patience_s: float = PATIENCE_S) -> StateClient:
        """A client of whichever process owns this state directory, by the address it has left."""
        return cls(lambda: StateAddress.load(state_dir), patience_s=patience_s)


VERBS = verbs_of(StateClient)


def serve(ledger: Ledger, host: str = "127.0.0.1", desk: Desk | None = None) -> StateServer:
    """Answer other processes with the verbs of a ledger, and leave the address beside it.

    Args:
        ledger: the ledger.
        host: where to listen.
        desk: answers what is asked of the owner's process rather than of its ledger.
    """
    target = _Owner(ledger, desk or Desk())
    server = StateServer(target, VERBS, host=host, state_dir=ledger.state_dir)
    ledger.listen(server.tell)
    return server


class _Owner:
    """Whose methods the server calls: the desk's, else the ledger's."""

    def __init__(self, ledger: Ledger, desk: Desk) -> None:
        self._ledger = ledger
        self._desk = desk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desk if hasattr(Desk, name) else self._ledger, name)
