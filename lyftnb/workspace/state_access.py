"""The state of a workspace, as people use it: by whoever owns the workspace, and from any other
process while somebody else does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lyftnb.errors import NotFound, Temporary, WorkspaceBusy
from lyftnb.model import Json, Run
from lyftnb.workspace.bus import Bus
from lyftnb.workspace.folders import STATE_DIR, root_of
from lyftnb.workspace.nouns import LOCKS
from lyftnb.workspace.state_history import Issues, RunLog, found_run
from lyftnb.workspace.state_kv import Kv
from lyftnb.workspace.state_leader import Leader
from lyftnb.workspace.state_lock import TTL_S, Lock
from lyftnb.workspace.state_queue import Queue, Queues
from lyftnb.workspace.tabular import Table

if TYPE_CHECKING:
    from lyftnb.store import Lock as LockRecord
    from lyftnb.store.remote import StateClient
    from lyftnb.workspace.waiting import Verbs

_PATIENCE_S = 60.0
HASTE_S = 3.0
"""So long a short command waits for an owner that does not answer."""
_LOOK_S = 0.05
_OPEN_S = 20.0
"""So long it waits for one that is at work and cannot be reached: another short command, say."""


class State:
    """Keys, queues, locks, messages, issues and runs of one workspace."""

    @property
    def _state(self) -> Verbs:
        """The verbs that everything here is made of."""
        raise NotImplementedError

    @property
    def bus(self) -> Bus:
        """The message bus: publish, subscribe, look back, and ask workers, jobs or the manager."""
        raise NotImplementedError

    def kv(self, namespace: str) -> Kv:
        """Keys and sets of a namespace: `ws.kv("prices").get("usd")`."""
        return Kv(self._state, namespace)

    def kv_namespaces(self) -> dict[str, int]:
        """Namespaces with keys in them, and how many."""
        return self._state.kv_namespaces()

    def queue(self, name: str) -> Queue:
        """A work queue: `ws.queue("work").enqueue([{"page": 1}])`."""
        return Queue(self._state, name)

    def queues(self) -> Queues:
        """The queues that were put to use, by name."""
        return Queues(self.queue(depth.queue) for depth in self._state.queues())

    def lock(
        self,
        name: str,
        ttl: float = TTL_S,
        *,
        wait: float | None = None,
        holder: str | None = None,
        on_lost: Callable[[], None] | None = None,
    ) -> Lock:
        """A named lock: `with ws.lock("nightly", ttl=30) as lock: …`; renewed while it is held.

        Args:
            name: its name, the same for all who are to exclude one another.
            ttl: seconds after which it is free again if its holder is gone.
            wait: seconds for which a `with` block waits for it; None: for ever.
            holder: who holds it, for people to read; default: this process.
            on_lost: called when it is lost, on another thread.
        """
        return Lock(self._state, name, ttl, wait=wait, holder=holder, on_lost=on_lost)

    def locks(self) -> Table[LockRecord]:
        """The locks that are held, by name."""
        return Table(self._state.locks(), LOCKS)

    def leader(self, name: str, ttl: float = TTL_S, *, holder: str | None = None) -> Leader:
        """A candidate for leadership: `with ws.leader("ingest") as candidate: …`."""
        return Leader(self._state, name, ttl, holder=holder)

    @property
    def issues(self) -> Issues:
        """Problems that a person should see: list and close them."""
        return Issues(self._state)

    def runs(
        self, deployment: str | None = None, *, stage: str | None = None, limit: int = 100
    ) -> RunLog:
        """Runs, newest first; of a deployment, or of one of its stages."""
        return RunLog(self._state.runs(deployment, limit, stage))

    def run_of(self, id: str) -> Run:
        """A run by its id, `DEPLOYMENT-NUMBER`.

        Raises:
            NotFound: there is none.
        """
        return found_run(self._state.runs(id.rpartition("-")[0], 1_000_000), id)

    def listen(
        self,
        listener: Callable[[frozenset[str]], None],
        topics: Collection[str] = ("messages", "issues"),
    ) -> Callable[[], None]:
        """Call `listener` when there is news of one of the topics (also `queue:NAME`, `lock:NAME`),
        and with `closed` at the end, on another thread; it must return at once. The result ends it.
        """
        return self._state.listen(listener, topics)

    def fire(self, deployment: str, step: str, payload: Mapping[str, Any] | None = None) -> Run:
        """Fire a step of a running deployment by hand; `payload` becomes its `${msg}`.

        Raises:
            NotFound: the deployment does not run, or the step is not the first of a stage.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Let it go."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Connection(State):
    """The state of a workspace that another process has open. Use it as a context manager."""

    def __init__(self, path: Path, client: StateClient) -> None:
        self.path = path
        self._connected = client

    @property
    def _client(self) -> StateClient:
        return self._connected

    @property
    def _state(self) -> Verbs:
        return self._client

    @property
    def bus(self) -> Bus:
        """The message bus: publish, subscribe, look back, and ask workers, jobs or the manager."""
        return Bus(self._client, lambda: _Asking(self._client))

    def fire(self, deployment: str, step: str, payload: Mapping[str, Any] | None = None) -> Run:
        """Fire a step of a deployment that runs in the owner's process; see `State.fire`."""
        return self._client.fire_step(deployment, step, payload)

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def __repr__(self) -> str:
        return f"Connection({str(self.path)!r}, {self._client!r})"

    def _repr_html_(self) -> str:
        from lyftnb.workspace.reprs import connection_html

        return connection_html(self)


class _Asking:
    """Requests that the owner's process answers."""

    def __init__(self, client: StateClient) -> None:
        self._client = client

    def ask(self, target: str, payload: Json, timeout_s: float) -> Json:
        """Ask, and wait for the reply."""
        return self._client.request(target, payload, timeout_s)


def state(path: str | Path = ".", *, patience: float = _PATIENCE_S) -> Connection:
    """The state of the workspace that `path` lies in, from any process, while another one has the
    workspace open: keys, queues, locks, messages.

    Args:
        path: a folder in the workspace.
        patience: seconds for which calls wait for an owner that is away.

    Raises:
        NotFound: no process has the workspace open.
        Temporary: the owner cannot be reached.

    >>> with ln.state("shop") as state:  # doctest: +SKIP
    ...     state.kv("prices").get("usd")
    """
    from lyftnb.store import owner_of
    from lyftnb.store.remote import StateClient

    root = root_of(path)
    if owner_of(root / STATE_DIR) is None:
        raise NotFound(
            "no process has the workspace open",
            where=str(root),
            hint="open it (`lyftnb.open`), or keep a workflow running: `lyftnb run FILE --follow`",
        )
    connection = Connection(root, StateClient.of(root / STATE_DIR, patience_s=patience))
    try:
        connection._client.snapshot()  # now, rather than with the first use
    except BaseException:
        connection.close()
        raise
    return connection


def reach(path: str | Path = ".", *, serve: bool = False) -> State:
    """The state of a workspace, whoever owns it: opened if nobody does, else reached through the
    owner. To be closed by the caller.

    Args:
        path: a folder in the workspace.
        serve: let others reach it through us, should we be the owner: for what takes longer.

    Raises:
        WorkspaceBusy: the owner could not be reached, and did not end.
        ConfigError: `lyftnb.toml` has errors, and nobody owns the workspace.
    """
    from lyftnb.store import owner_of
    from lyftnb.store.remote import StateAddress

    deadline = time.monotonic() + _OPEN_S
    state_dir = root_of(path) / STATE_DIR
    while True:
        # Without an address an owner is on its way up or down, or it serves nobody and soon ends.
        # One that is up goes on with the settings that it has, whatever the file says.
        if owner_of(state_dir) is not None and StateAddress.load(state_dir) is not None:
            with suppress(NotFound, Temporary):
                return state(path, patience=HASTE_S)
        from lyftnb.workspace.local import open

        try:
            return open(path, serve=serve)
        except WorkspaceBusy:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_LOOK_S)
