"""Verbs of the ledger: keeping the files and the book in step."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace

from lyftnb.store.commits import committed_before
from lyftnb.store.keybook import compact
from lyftnb.store.marks import drop_expired_marks
from lyftnb.store.records import TidyReport
from lyftnb.store.session import Session
from lyftnb.store.spools import resolve
from lyftnb.store.sweep import StagedFile, SweepReport, remove_empty_folders, staged_files
from lyftnb.store.verify import Damage, examine

SWEEP_GRACE_S = 3600.0
_SWEEP_CHUNK = 1000
_SMALL_ROWS = 50_000
_USELESS_SHARE = 0.2


class Maintenance(Session):
    """Verify, sweep and tidy."""

    def tidy(self) -> TidyReport:
        """Remove keys, sets and marks that have expired, and what their changes have left behind.

        Keys are compacted only where that is worth a rewrite of their table.
        """
        with self.opened() as database:
            now = self.clock.now()
            marks = drop_expired_marks(database, now)
            (count,) = database.rows("expired_keys", now=now)
            mirror = self.mirror
            useless = mirror.key_rows - mirror.key_rows_kept + count["expired"]
            worth = useless and (
                mirror.key_rows < _SMALL_ROWS or useless > mirror.key_rows * _USELESS_SHARE
            )
            keys = compact(database, mirror, now) if worth else 0
            if marks and not worth:
                database.checkpoint()
        return TidyReport(keys, marks)

    def verify(self, spool: str | None = None, *, sizes_only: bool = False) -> list[Damage]:
        """Check the files of a spool, or of all, against what was committed, byte for byte; or only
        whether they are there and as long as they were.

        Segments that only old snapshots read are checked too.
        """
        with self.opened() as database:
            full = None if spool is None else resolve(spool, self.mirror.spools)
            rows = database.rows("named_segments", spool=full)
        found = (examine(row, self.root, sizes_only=sizes_only) for row in rows)
        return [damage for damage in found if damage is not None]

    def sweep(self, in_flight: Collection[str] = (), grace_s: float = SWEEP_GRACE_S) -> SweepReport:
        """Remove staged files that will never be committed, and empty folders.

        Args:
            in_flight: batches that are running, whatever the age of their files.
            grace_s: files of batches that may still commit stay until they are this old.
        """
        # The age of a file is told by the file system's clock, not by the ledger's.
        now_s = time.time()
        found = list(staged_files(self.root, now_s))
        report = SweepReport(foreign=sum(file.batch is None for file in found))
        for start in range(0, len(found), _SWEEP_CHUNK):
            chunk = found[start : start + _SWEEP_CHUNK]
            report = self._sweep_chunk(chunk, in_flight, grace_s, report)
        folders = remove_empty_folders(self.root, time.time(), grace_s)
        return replace(report, folders=folders)

    def _sweep_chunk(
        self,
        files: Sequence[StagedFile],
        in_flight: Collection[str],
        grace_s: float,
        report: SweepReport,
    ) -> SweepReport:
        # Under the lock, so that no commit can name a file between the look and the removal.
        with self.opened() as database:
            known = database.frame("named_paths", paths=[file.path for file in files])
            named = set(known["path"])
            for file in files:
                if file.batch is None or file.path in named:
                    continue
                may_commit = self._may_commit(file.batch)
                if may_commit and (file.batch in in_flight or file.age_s < grace_s):
                    report = replace(report, waiting=report.waiting + 1)
                    continue
                (self.root / file.path).unlink(missing_ok=True)
                report = replace(report, files=report.files + 1, bytes=report.bytes + file.bytes)
        return report

    def _may_commit(self, batch: str) -> bool:
        fence = self.mirror.fences.get(batch)
        if fence is not None:
            return not fence.abandoned
        return committed_before(self._database, self.mirror, batch) is None
