"""Putting messages on the bus, within a transaction: ids follow one another without a gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from lyftnb.model import Message, MessageDraft
from lyftnb.store.engines import pl
from lyftnb.store.families import Setting
from lyftnb.store.payloads import check_text, to_text
from lyftnb.store.tail import Tail

_FEW = 64
"""So many messages at a time are kept in memory, and handled as rows."""


@cache
def columns() -> Mapping[str, Any]:
    """The columns of messages that have no id and no time yet."""
    texts = ("kind", "source", "type", "tag", "payload", "job", "batch", "run", "correlation")
    return {**dict.fromkeys(texts, pl.String), "depth": pl.Int32}


def check_draft(draft: MessageDraft) -> None:
    """Refuse what cannot become a message.

    Raises:
        BadData: the payload is not JSON or too large, or the type or tag is not a text.
    """
    where = f"message {draft.tag}" if draft.tag else f"message of type {draft.type}"
    check_text(draft.type, "type", where)
    if draft.tag is not None:
        check_text(draft.tag, "tag", where)
    to_text(draft.payload, where)


def frame_of(drafts: Sequence[MessageDraft]) -> pl.DataFrame:
    """Checked drafts in `columns()`."""
    return pl.DataFrame(_rows(drafts), schema=columns())


def insert(setting: Setting, messages: pl.DataFrame) -> range:
    """Put messages, given in `columns()`, on the bus in their order; their ids."""
    if messages.height <= _FEW:
        return _append(setting, messages.to_dicts())
    ids = _ids(setting, messages.height)
    numbered = messages.with_columns(
        id=pl.Series(ids, dtype=pl.Int64),
        published_at=pl.lit(setting.now).cast(pl.Datetime("us", "UTC")),
    )
    setting.database.insert("messages", numbered)
    setting.state.tail = Tail(ids[-1])
    return ids


def post(setting: Setting, drafts: Sequence[MessageDraft]) -> list[Message]:
    """Put checked drafts on the bus."""
    few = len(drafts) <= _FEW
    # Most come alone, and a frame of one row takes longer than all the rest.
    ids = _append(setting, _rows(drafts)) if few else insert(setting, frame_of(drafts))
    return [
        Message(id=number, at=setting.now, **{name: getattr(draft, name) for name in columns()})
        for number, draft in zip(ids, drafts, strict=True)
    ]


def _rows(drafts: Sequence[MessageDraft]) -> list[dict[str, Any]]:
    return [
        {name: getattr(draft, name) for name in columns()}
        | {"payload": to_text(draft.payload, f"message {draft.tag or draft.type}")}
        for draft in drafts
    ]


def _append(setting: Setting, rows: list[dict[str, Any]]) -> range:
    ids = _ids(setting, len(rows))
    numbered = [
        {"id": number, "published_at": setting.now, **row}
        for number, row in zip(ids, rows, strict=True)
    ]
    setting.database.append("messages", numbered)
    setting.state.tail = setting.state.tail.with_more(numbered)
    return ids


def _ids(setting: Setting, count: int) -> range:
    """The ids of the next messages; they are taken, and listeners will be told."""
    first = setting.state.message + 1
    setting.state.message += count
    if count:
        setting.news.add("messages")
    return range(first, first + count)
