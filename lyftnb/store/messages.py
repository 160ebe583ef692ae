"""Verbs of the ledger: the message bus; and the messages that batches bring along."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from lyftnb.errors import BadData, NotFound
from lyftnb.model import (
    MESSAGE_DEPTH,
    Claim,
    Commit,
    IssueDraft,
    Message,
    MessageDraft,
    Refused,
    StagedState,
)
from lyftnb.store.engines import pl
from lyftnb.store.families import Setting
from lyftnb.store.issues import raise_issues
from lyftnb.store.payloads import check_text
from lyftnb.store.posting import check_draft, columns, frame_of, insert, post
from lyftnb.store.session import Session
from lyftnb.store.staged_state import read_state
from lyftnb.store.tail import Tail

MESSAGE_CHAIN = "message_chain"
"""Code of the issue that ends a chain of messages."""
HELD_S = 30 * 86400.0
"""Messages that a subscription has yet to read outlive their retention by so much."""
_BUS = "bus"


class Messages(Session):
    """The message bus. Ids count 1, 2, 3, … in the order in which messages became visible."""

    def publish(self, drafts: Sequence[MessageDraft]) -> list[Message | None]:
        """Put messages on the bus, in order.

        None stands for a message that more than 100 others led to: it is not published, and an
        issue (`message_chain`) tells.

        Raises:
            BadData: a payload is not JSON or too large, or a type or tag is not a text; nothing was
                published.
        """
        if not drafts:
            return []
        with self.changing() as setting:
            return publish(setting, drafts)

    def messages(
        self,
        after: int = 0,
        until: int | None = None,
        limit: int = 10_000,
        *,
        kind: str | None = None,
        tag: str | None = None,
        type: str | None = None,
        source: str | None = None,
        job: str | None = None,
    ) -> list[Message]:
        """Messages with ids in (after, until], in order; the others narrow the choice."""
        wanted: dict[str, Any] = {
            "kind": kind,
            "tag": tag,
            "type": type,
            "source": source,
            "job": job,
        }
        with self.opened() as database:
            last = self.mirror.message if until is None else until
            found = self.mirror.tail.between(after, last, limit, wanted)
            if found is None:
                found = database.rows("messages", after=after, until=last, limit=limit, **wanted)
        return [_message(row) for row in found]

    def recent_messages(
        self,
        limit: int = 100,
        *,
        kind: str | None = None,
        tag: str | None = None,
        type: str | None = None,
        source: str | None = None,
        job: str | None = None,
    ) -> list[Message]:
        """The newest messages, newest first."""
        with self.opened() as database:
            rows = database.rows(
                "recent_messages",
                limit=limit,
                kind=kind,
                tag=tag,
                type=type,
                source=source,
                job=job,
            )
        return [_message(row) for row in rows]

    def newest_message(self) -> int:
        """The id of the newest message; 0 if there was none. From memory."""
        with self.opened():
            return self.mirror.message

    def subscription(self, name: str, after: int | None = None) -> int:
        """The id up to which a named reader has read; a new reader is remembered.

        Args:
            name: the reader's, over restarts.
            after: where a new one begins; default after the newest message, 0 for all there are.

        Raises:
            BadData: the name is no text.
        """
        check_text(name, "subscription's name", "subscription")
        with self.opened() as database:
            rows = database.rows("subscription", reader=name)
            if rows:
                return int(rows[0]["position"])
            position = self.mirror.message if after is None else after
            now = self.clock.now()
            row = {"name": name, "position": position, "created_at": now, "moved_at": now}
            database.append("subscriptions", [row])
            return position

    def advance(self, name: str, id: int) -> None:
        """Note that a named reader has read up to a message; it never goes back.

        Raises:
            NotFound: there is no such subscription.
        """
        with self.opened() as database:
            rows = database.rows("advance_subscription", reader=name, id=id, now=self.clock.now())
        if not rows:
            raise NotFound(
                f"there is no subscription '{name}'", hint="begin it with `subscription(name)`"
            )

    def end_subscription(self, name: str) -> bool:
        """Forget a named reader; False if there was none."""
        with self.opened() as database:
            return bool(database.rows("end_subscription", reader=name))

    def expire_messages(self, before: datetime, held_s: float = HELD_S) -> int:
        """Remove messages from before an instant; how many.

        What a subscription has yet to read stays for another `held_s`; so does, for ever, the
        newest message.
        """
        held = before - timedelta(seconds=held_s)
        with self.changing() as setting:
            found = setting.database.rows("expire_messages", before=before, held=held)
            setting.state.tail = Tail(setting.state.message)
            return len(found)


def publish(setting: Setting, drafts: Sequence[MessageDraft]) -> list[Message | None]:
    """Put messages on the bus within a transaction; see `Messages.publish`."""
    for draft in drafts:
        check_draft(draft)
    shallow = [draft for draft in drafts if draft.depth <= MESSAGE_DEPTH]
    posted = iter(post(setting, shallow))
    _end_chains(setting, [draft.job for draft in drafts if draft.depth > MESSAGE_DEPTH])
    return [next(posted) if draft.depth <= MESSAGE_DEPTH else None for draft in drafts]


class StagedMessages:
    """The family: messages become visible with their batch."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._commits: list[tuple[Claim, list[StagedState], tuple[MessageDraft, ...]]] = []

    def refused(self, commit: Commit) -> Refused | None:
        """A draft cannot become a message."""
        for draft in commit.messages:
            try:
                check_draft(draft)
            except BadData as error:
                expected = f"a message {draft.tag or draft.type} that the bus can take"
                return Refused(commit.claim.batch, "message", expected, error.message)
        return None

    def take(self, commit: Commit, _snapshot: int) -> None:
        """Remember the messages; of a batch that is given up, only those of its commit."""
        staged = [s for s in commit.state if s.family == "messages" and commit.skipped is None]
        staged.sort(key=lambda state: state.order)
        if staged or commit.messages:
            self._commits.append((commit.claim, staged, commit.messages))

    def write(self) -> None:
        """Put the messages on the bus, commit by commit, and end chains."""
        setting = self._setting
        frames = [
            frame
            for claim, staged, drafts in self._commits
            for frame in (
                *(_staged_frame(read_state(state, setting.root), claim) for state in staged),
                frame_of([_drafted(draft, claim) for draft in drafts]),
            )
        ]
        if not frames:
            return
        messages = pl.concat(frames)
        deep = messages.filter(pl.col("depth") > MESSAGE_DEPTH)
        insert(setting, messages.filter(pl.col("depth") <= MESSAGE_DEPTH))
        _end_chains(setting, deep["job"].to_list())


def _drafted(draft: MessageDraft, claim: Claim) -> MessageDraft:
    return replace(
        draft,
        batch=draft.batch or claim.batch,
        run=draft.run or claim.run,
        job=draft.job or f"{claim.deployment}/{claim.stage}",
        depth=max(draft.depth, claim.depth),
    )


def _staged_frame(staged: pl.DataFrame, claim: Claim) -> pl.DataFrame:
    return staged.with_columns(
        pl.col("kind").fill_null("user"),
        pl.col("type").fill_null("message"),
        pl.col("payload").fill_null("null"),
        pl.col("job").fill_null(f"{claim.deployment}/{claim.stage}"),
        source=pl.lit("job"),
        batch=pl.lit(claim.batch),
        run=pl.lit(claim.run),
        depth=pl.lit(claim.depth, pl.Int32),
    ).select(columns().keys())


def _end_chains(setting: Setting, jobs: Sequence[str | None]) -> None:
    if jobs:
        cause = f"more than {MESSAGE_DEPTH} messages led to one another; the last was not published"
        hint = "look for steps whose messages start one another in a circle"
        raise_issues(
            setting, [IssueDraft(MESSAGE_CHAIN, job or _BUS, cause, hint=hint) for job in jobs]
        )


def _message(row: Mapping[str, Any]) -> Message:
    own = {name: value for name, value in row.items() if name != "published_at"}
    return Message(**own | {"at": row["published_at"], "payload": json.loads(row["payload"])})
