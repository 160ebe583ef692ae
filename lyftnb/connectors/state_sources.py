"""`messages`, `kv` and `queue`: inputs from the ledger itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar

import polars as pl
from pydantic import Field, model_validator

from lyftnb.connectors.base import (
    Discovery,
    ReadResult,
    Source,
    SourceEnv,
    SourceSplit,
)
from lyftnb.dtypes import to_schema
from lyftnb.model import (
    KV_READ,
    KV_SCAN,
    Duration,
    Item,
    KvEntry,
    Lease,
    Message,
    Params,
    Position,
    Schema,
    StateReader,
    full_name,
)

_PAGE = 10_000
_TIME = pl.Datetime("us", "UTC")


class MessagesParams(Params):
    """Messages of the bus; all that are given must match."""

    tag: str | None = None
    type: str | None = None
    source: str | None = None
    job: str | None = Field(None, description="`DEPLOYMENT/STEP` that sent it")


class Messages(Source[MessagesParams]):
    """Messages as rows, as they come; `_raw` is the payload as JSON text (the `json` action makes
    columns of it).
    """

    name: ClassVar[str] = "messages"
    Params: ClassVar[type[MessagesParams]] = MessagesParams
    local: ClassVar[bool] = True
    news: ClassVar[str | None] = "messages"
    _COLUMNS: ClassVar[pl.Schema] = pl.Schema(
        {
            "_raw": pl.String(),
            "id": pl.Int64(),
            "at": _TIME,
            "kind": pl.String(),
            "source": pl.String(),
            "type": pl.String(),
            "tag": pl.String(),
            "job": pl.String(),
            "batch": pl.String(),
            "run": pl.String(),
            "correlation": pl.String(),
        }
    )

    def schema(self, params: MessagesParams) -> Schema | None:
        """Fixed."""
        return to_schema(self._COLUMNS)

    def discover(self, params: MessagesParams, position: Position, env: SourceEnv) -> Discovery:
        """The messages after the last one that was read, if any of them matches."""
        after, newest = int(position.get("after", 0)), env.reach().newest_message()
        if newest <= after:
            return Discovery(settled=True)
        head = list(islice(_matching(env.reach(), params, after, newest), _PAGE))
        if not head:
            return Discovery(settled=True)
        depth = max(message.depth for message in head) + 1
        payload = {"after": after, "until": newest, "depth": depth}
        return Discovery((SourceSplit(payload, rows=newest - head[0].id + 1),), settled=True)

    def advance(
        self, params: MessagesParams, position: Position, splits: Sequence[Any]
    ) -> Position:
        """Up to the newest that was there."""
        return {"after": splits[-1]["until"]} if splits else {}

    def read(
        self, params: MessagesParams, payload: Any, floor: Schema | None, env: SourceEnv
    ) -> ReadResult:
        """The messages of the range that match."""
        found = _matching(env.reach(), params, payload["after"], payload["until"])
        names = [name for name in self._COLUMNS if name != "_raw"]
        rows = [
            {name: getattr(m, name) for name in names} | {"_raw": json.dumps(m.payload)}
            for m in found
        ]
        return ReadResult(pl.DataFrame(rows, schema=self._COLUMNS).lazy())


class KvParams(Params):
    """Keys of a namespace: some by name, or all that begin alike."""

    short = {str: "namespace"}

    namespace: str = Field(
        min_length=1, description="of the keys; `./name` is the deployment's own"
    )
    keys: tuple[str, ...] | None = Field(None, description="these keys, where they are there")
    prefix: str = Field("", description="all keys that begin so")

    @model_validator(mode="after")
    def _one_form(self) -> KvParams:
        if self.keys is not None and self.prefix:
            raise ValueError("give either `keys` or `prefix`")
        return self


class Kv(Source[KvParams]):
    """Keys as rows, read whole each time the step runs and something has changed; `_raw` is the
    value as JSON text. What was read is checked at the commit.
    """

    name: ClassVar[str] = "kv"
    Params: ClassVar[type[KvParams]] = KvParams
    local: ClassVar[bool] = True
    _COLUMNS: ClassVar[pl.Schema] = pl.Schema(
        {
            "key": pl.String(),
            "_raw": pl.String(),
            "version": pl.Int64(),
            "expires_at": _TIME,
        }
    )

    def schema(self, params: KvParams) -> Schema | None:
        """Fixed."""
        return to_schema(self._COLUMNS)

    def discover(self, params: KvParams, position: Position, env: SourceEnv) -> Discovery:
        """One split, if the namespace has changed since it was read."""
        namespace = full_name(params.namespace, env.deployment)
        version = env.reach().kv_version(namespace)
        if version == position.get("version", 0):
            return Discovery(settled=True)
        return Discovery((SourceSplit({"version": version}),), settled=True)

    def advance(self, params: KvParams, position: Position, splits: Sequence[Any]) -> Position:
        """The version that was read."""
        return {"version": splits[-1]["version"]} if splits else {}

    def read(
        self, params: KvParams, payload: Any, floor: Schema | None, env: SourceEnv
    ) -> ReadResult:
        """The entries as they are now, with what the commit must find unchanged."""
        namespace = full_name(params.namespace, env.deployment)
        if params.keys is not None:
            entries = env.reach().kv_get(namespace, params.keys)
            versions = [entry.version if entry else 0 for entry in entries]
            reads = pl.DataFrame({"key": list(params.keys), "version": versions})
            reads = reads.with_columns(op=pl.lit(KV_READ))
            found = [entry for entry in entries if entry is not None]
        else:
            version = env.reach().kv_version(namespace)
            reads = pl.DataFrame({"op": [KV_SCAN], "key": [""], "version": [version]})
            found = list(_scanned(env.reach(), namespace, params.prefix))
        rows = [
            {
                "key": entry.key,
                "_raw": json.dumps(entry.value),
                "version": entry.version,
                "expires_at": entry.expires_at,
            }
            for entry in found
        ]
        frame = pl.DataFrame(rows, schema=self._COLUMNS)
        return ReadResult(frame.lazy(), reads=reads.with_columns(namespace=pl.lit(namespace)))


class QueueParams(Params):
    """Work items of a queue."""

    short = {str: "queue"}

    queue: str = Field(min_length=1, description="the queue; `./name` is the deployment's own")
    lease: Duration = Field(
        "1m", description="how long a batch may take before its lease is renewed"
    )
    batch_items: int = Field(1000, ge=1, le=100_000, description="most items of one batch")


class Queue(Source[QueueParams]):
    """Work items as rows, each taken by one batch, whose commit takes it out of the queue; `_raw`
    is the payload as JSON text.

    A batch that fails gives its items back in halves, until the one that is to blame stands alone;
    that one is a dead letter after the queue's `max_attempts`.
    """

    name: ClassVar[str] = "queue"
    Params: ClassVar[type[QueueParams]] = QueueParams
    local: ClassVar[bool] = True
    _COLUMNS: ClassVar[pl.Schema] = pl.Schema(
        {
            "_raw": pl.String(),
            "item": pl.Int64(),
            "id": pl.String(),
            "attempts": pl.Int64(),
            "enqueued_at": _TIME,
        }
    )

    def schema(self, params: QueueParams) -> Schema | None:
        """Fixed."""
        return to_schema(self._COLUMNS)

    def discover(self, params: QueueParams, position: Position, env: SourceEnv) -> Discovery:
        """Nothing: items are leased by the manager when a batch begins."""
        return Discovery(settled=True)

    def advance(self, params: QueueParams, position: Position, splits: Sequence[Any]) -> Position:
        """A queue has no position: what is acked is gone."""
        return {}

    def read(
        self, params: QueueParams, payload: Any, floor: Schema | None, env: SourceEnv
    ) -> ReadResult:
        """The items of the batch's leases; one whose lease was lost is left out, and the commit
        will say so.
        """
        queue = full_name(params.queue, env.deployment)
        leases = [Lease(queue, item, token) for item, token in payload]
        rows = [_row(item) for item in env.reach().items(leases) if item is not None]
        return ReadResult(pl.DataFrame(rows, schema=self._COLUMNS).lazy())


def _row(item: Item) -> dict[str, Any]:
    return {
        "_raw": json.dumps(item.payload),
        "item": item.lease.item,
        "id": item.id,
        "attempts": item.attempts,
        "enqueued_at": item.enqueued_at,
    }


def _matching(
    state: StateReader, params: MessagesParams, after: int, until: int
) -> Iterator[Message]:
    wanted = params.model_dump(exclude_none=True)
    while page := state.messages(after, until, _PAGE, **wanted):
        yield from page
        after = page[-1].id


def _scanned(state: StateReader, namespace: str, prefix: str) -> Iterator[KvEntry]:
    after: str | None = None
    while page := state.kv_scan(namespace, prefix, after, _PAGE):
        yield from page
        after = page[-1].key
