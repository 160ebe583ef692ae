"""Verbs of the ledger: claims, the commit, and what follows it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from lyftnb.errors import CommitRefused
from lyftnb.model import (
    Answer,
    Claim,
    Commit,
    Position,
    Publication,
    Schema,
)
from lyftnb.store.claims import from_text, to_document
from lyftnb.store.commits import carry_out, committed_before
from lyftnb.store.forget import forget
from lyftnb.store.keybook import compact_if_due
from lyftnb.store.mirror import Fence, Standing, stage_of
from lyftnb.store.session import Session


class Batches(Session):
    """The life of a batch, from its claim to its publications."""

    def position(self, key: str) -> tuple[int, Position]:
        """Version and items of a position (`DEPLOYMENT/STEP/INPUT`); (0, {}) before the first."""
        with self.opened():
            standing = self.mirror.positions.get(key) or Standing()
            return standing.version, dict(standing.items)

    def floor(self, key: str) -> Schema | None:
        """What the outside input at that position has been seen to look like."""
        with self.opened():
            return self.mirror.floors.get(key) or None

    def next_batch(self, deployment: str, stage: str) -> int:
        """The number after the highest that was claimed or committed; the first is 1."""
        with self.opened():
            key = f"{deployment}/{stage}"
            claimed, committed = self.mirror.claimed, self.mirror.committed
            return max(claimed.get(key, 0), committed.get(key, 0)) + 1

    def claim(self, claim: Claim, durable: bool = True) -> None:
        """Make this attempt the newest of its batch: a commit of an older one will be refused.

        A durable claim is a row: `open_claims` gives it back after a restart. Without, it lasts as
        long as this owner, which is enough for a batch whose only effect is its commit.

        Raises:
            CommitRefused: the batch is committed or abandoned, or a newer attempt was claimed.
        """
        with self.opened() as database:
            self._require_open(claim)
            if durable:
                row = {
                    "batch": claim.batch,
                    "attempt": claim.attempt,
                    "deployment": claim.deployment,
                    "stage": claim.stage,
                    "document": to_document(claim),
                    "claimed_at": self.clock.now(),
                }
                fence = self.mirror.fences.get(claim.batch)
                with database.transaction():
                    if fence is not None and fence.durable:
                        database.run("forget_claims", batches=[claim.batch])
                    database.append("claims", [row])
            stage, number = stage_of(claim.batch)
            self.mirror.claimed[stage] = max(number, self.mirror.claimed.get(stage, 0))
            self.mirror.fences[claim.batch] = Fence(claim.attempt, durable=durable)

    def open_claims(self, deployment: str | None = None) -> tuple[Claim, ...]:
        """Durable claims that were neither committed nor abandoned, by stage and number."""
        with self.opened() as database:
            rows = database.rows("claims", deployment=deployment)
        claims = [from_text(row["document"]) for row in rows if not row["abandoned"]]
        return tuple(sorted(claims, key=lambda claim: stage_of(claim.batch)))

    def abandon(self, batch: str) -> None:
        """Give a batch up: no attempt of it can commit any more. Its durable claim is kept, marked.

        Raises:
            CommitRefused: the batch is committed already.
        """
        with self.opened() as database:
            if committed_before(database, self.mirror, batch) is not None:
                raise CommitRefused(
                    "the batch is committed, it cannot be abandoned",
                    where=f"batch {batch}",
                    requirement="claim",
                )
            database.run("abandon", batch=batch, instant=self.clock.now())
            fence = self.mirror.fences.get(batch) or Fence(0)
            self.mirror.fences[batch] = replace(fence, abandoned=True)

    def commit(self, commits: Sequence[Commit]) -> list[Answer]:
        """Make batches visible, all in one transaction, each as its own snapshot, in order.

        A commit whose requirement does not hold is refused and changes nothing; the others go
        through. A batch may start from the position that an earlier one of the same call leaves.
        The same attempt committed again gets its old snapshot.

        Raises:
            StorageError: the transaction failed; nothing was committed.
        """
        with self.opened() as database:
            now = self.clock.now()
            answers, news = carry_out(database, self.mirror, commits, self.root, now)
            self.tell(news)
            compact_if_due(database, self.mirror, now)
            return answers

    def pending_publications(self, deployment: str) -> tuple[Publication, ...]:
        """Publications of committed batches that are not recorded as done, in commit order."""
        with self.opened() as database:
            rows = database.rows("pending_publications", deployment=deployment)
        return _publications(rows)

    def published(self, ids: Sequence[str], now: datetime) -> None:
        """Record publications as done."""
        if ids:
            with self.opened() as database:
                database.run("published", ids=list(ids), instant=now)

    def skip_publications(self, ids: Sequence[str], why: str) -> None:
        """Give publications up: they are no longer pending, and their rows say why."""
        with self.opened() as database:
            now = self.clock.now()
            database.run("skip_publications", ids=list(ids), why=why, instant=now)

    def unswept_publications(self, before: datetime) -> tuple[Publication, ...]:
        """Publications of all deployments, also of those that are gone, that were given up before
        a time and may have left something staged.
        """
        with self.opened() as database:
            rows = database.rows("unswept_publications", before=before)
        return _publications(rows)

    def swept_publications(self, ids: Sequence[str]) -> None:
        """Record that nothing is staged any more for publications that were given up."""
        with self.opened() as database:
            database.run("swept_publications", ids=list(ids), instant=self.clock.now())

    def forget(self, deployment: str) -> tuple[str, ...]:
        """Start a deployment over: inputs from their beginning, spools empty, schemas unknown.

        One transaction, one snapshot; older snapshots can still be read. Open claims are abandoned,
        and so is what was not revealed yet. Gives the publications that are given up.
        """
        with self.opened() as database:
            return forget(database, self.mirror, deployment, self.clock.now())

    def _require_open(self, claim: Claim) -> None:
        mirror = self.mirror
        fence = mirror.fences.get(claim.batch) or Fence(0)
        if fence.abandoned:
            found = "the batch was abandoned"
        elif claim.attempt <= fence.attempt:
            found = f"attempt {fence.attempt} was claimed before"
        elif committed_before(self._database, mirror, claim.batch) is not None:
            found = "the batch is committed"
        else:
            return
        raise CommitRefused(
            f"attempt {claim.attempt} cannot be claimed: {found}",
            where=f"batch {claim.batch}",
            requirement="claim",
        )


def _publications(rows: Iterable[Mapping[str, Any]]) -> tuple[Publication, ...]:
    return tuple(
        Publication(
            row["publication"],
            row["step"],
            row["kind"],
            row["group_name"],
            json.loads(row["payload"]),
        )
        for row in rows
    )
