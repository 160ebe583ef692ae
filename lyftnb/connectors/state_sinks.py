"""`queue` and `message`: outputs into the ledger itself, committed with the batch."""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from lyftnb.connectors.base import SinkEnv, StateSink
from lyftnb.errors import BadData, near
from lyftnb.model import Family, Params

_DELIVERY = "exactly once: it becomes true in the one commit of the batch"


class QueueParams(Params):
    """Rows as work items."""

    short = {str: "queue"}

    queue: str = Field(min_length=1, description="the queue; `./name` is the deployment's own")
    payload: str | None = Field(None, description="the column that is the payload; else the row")
    id: str | None = Field(None, description="the column that names an item: it is queued once")
    priority: str | None = Field(None, description="a column of whole numbers; the highest first")


class Queue(StateSink[QueueParams]):
    """Puts each row into a queue, as a work item."""

    name: ClassVar[str] = "queue"
    Params: ClassVar[type[QueueParams]] = QueueParams
    delivery: ClassVar[str] = _DELIVERY
    family: ClassVar[Family] = "items"

    def changes(self, params: QueueParams, frame: pl.DataFrame, env: SinkEnv) -> pl.DataFrame:
        """One item a row."""
        columns = [
            pl.lit(env.full_name(params.queue)).alias("queue"),
            _payload(frame, params.payload, self.name).alias("payload"),
        ]
        if params.id is not None:
            columns.append(_column(frame, params.id, self.name).cast(pl.String).alias("id"))
        if params.priority is not None:
            priority = _column(frame, params.priority, self.name)
            columns.append(priority.cast(pl.Int32).alias("priority"))
        return frame.select(columns)


class MessageParams(Params):
    """Rows as messages."""

    short = {str: "tag"}

    tag: str = Field(min_length=1, description="what steps and subscribers listen for")
    type: str = Field("message", min_length=1, description="a word for what kind of message it is")
    payload: str | None = Field(None, description="the column that is the payload; else the row")
    per: Literal["row", "batch"] = Field(
        "row", description="a message for each row, or one for each batch with its `rows`"
    )


class Message(StateSink[MessageParams]):
    """Sends each row as a message, or one message for each batch."""

    name: ClassVar[str] = "message"
    Params: ClassVar[type[MessageParams]] = MessageParams
    delivery: ClassVar[str] = _DELIVERY
    family: ClassVar[Family] = "messages"

    def changes(self, params: MessageParams, frame: pl.DataFrame, env: SinkEnv) -> pl.DataFrame:
        """One message a row; those of a batch as a whole are not made here (the planner makes an
        `emit` of them).
        """
        return frame.select(
            pl.lit("user").alias("kind"),
            pl.lit(params.type).alias("type"),
            pl.lit(params.tag).alias("tag"),
            _payload(frame, params.payload, self.name).alias("payload"),
            pl.lit(f"{env.deployment}/{env.step}").alias("job"),
        )


def _payload(frame: pl.DataFrame, column: str | None, kind: str) -> pl.Expr:
    """The row, or one column of it, as JSON text."""
    if column is None:
        return pl.struct(pl.all()).struct.json_encode()
    wrapped = pl.struct(_column(frame, column, kind).alias("v")).struct.json_encode()
    return wrapped.str.slice(len('{"v":'), wrapped.str.len_chars() - len('{"v":}'))


def _column(frame: pl.DataFrame, name: str, kind: str) -> pl.Expr:
    if name in frame.columns:
        return pl.col(name)
    guess = near(name, frame.columns)
    hint = f"did you mean '{guess}'?" if guess else f"columns here: {', '.join(frame.columns)}"
    raise BadData(f"the rows have no column '{name}'", where=f"output {kind}", hint=hint)
