"""The ledger: the one book of a workspace. What is not in it has not happened."""

from __future__ import annotations

from pathlib import Path

from lyftnb.clock import Clock
from lyftnb.errors import StorageError
from lyftnb.store.audit import Audit
from lyftnb.store.batches import Batches
from lyftnb.store.contexts import Contexts
from lyftnb.store.database import Database
from lyftnb.store.deployments import Deployments
from lyftnb.store.issues import Issues
from lyftnb.store.keys import Keys
from lyftnb.store.locks import Locks
from lyftnb.store.maintenance import Maintenance
from lyftnb.store.marks import Marks
from lyftnb.store.master_keys import MasterKeys
from lyftnb.store.messages import Messages
from lyftnb.store.owner import Ownership
from lyftnb.store.queues import Queues
from lyftnb.store.runbooks import Runbooks
from lyftnb.store.runs import Runs
from lyftnb.store.secrets import Secrets
from lyftnb.store.spools import Spools
from lyftnb.store.versions import Versions

SPOOLS = "spools"


class Ledger(
    Versions,
    Contexts,
    Secrets,
    Spools,
    Batches,
    Runs,
    Keys,
    Marks,
    Locks,
    Queues,
    Messages,
    Issues,
    Runbooks,
    Deployments,
    Audit,
    Maintenance,
):
    """Owns the DuckDB file of a workspace: the only one to open it, and its only writer.

    Verbs may be called from any thread; one lock orders them. Each verb that writes is one
    transaction: it is done when it returns, and nothing has changed when it raises.
    """

    @classmethod
    def open(
        cls,
        state_dir: Path,
        clock: Clock,
        command: str = "",
        storage_root: Path | None = None,
        keys: MasterKeys | None = None,
    ) -> Ledger:
        """Take ownership of a state directory, made if need be, and open its ledger.

        Args:
            state_dir: the workspace's `.lyftnb`.
            clock: tells the time of snapshots.
            command: what this process is, for those who find the workspace busy.
            storage_root: where segments' files stand; default `spools` in the state directory.
            keys: where the master keys of secrets are; default: where the user keeps them.

        Raises:
            WorkspaceBusy: another process, or another ledger of this one, is the owner.
            LedgerError: the ledger was written by a newer lyftnb.
            StorageError: the ledger is damaged, or the folders cannot be written.
        """
        root = storage_root or state_dir / SPOOLS
        try:
            state_dir.mkdir(parents=True, exist_ok=True)
            root.mkdir(parents=True, exist_ok=True)
            ownership = Ownership(state_dir, command, clock.now())
        except OSError as error:
            raise StorageError(
                f"the state directory cannot be made or written: {error.strerror or error}",
                where=str(error.filename or state_dir),
                hint="check its permissions and the free space, or choose another folder",
            ) from error
        try:
            database = Database(state_dir, clock.now())
            try:
                database.run("lose_runs", instant=clock.now())
                database.run("lose_invocations", instant=clock.now())
                return cls(root, clock, ownership, database, keys=keys)
            except BaseException:
                database.close()
                raise
        except BaseException:
            ownership.release()
            raise

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"snapshot {self.mirror.snapshot}"
        return f"Ledger({str(self.state_dir)!r}, {state})"
