"""Why a stage may not begin a batch now: it waits for those before it, or for those behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lyftnb.manager.stage_run import StageRun
from lyftnb.model import ChannelSpec, JobInput, Plan, size_bytes
from lyftnb.store import Ledger


@dataclass(slots=True)
class Gates:
    """Looks at all stages of a plan together."""

    plan: Plan
    ledger: Ledger
    stages: Mapping[str, StageRun]
    _limited: dict[str, ChannelSpec] = field(init=False)
    """The channels that have a `max_lag`."""

    def __post_init__(self) -> None:
        channels = {channel.name: channel.spec for channel in self.plan.channels}
        self._limited = {name: spec for name, spec in channels.items() if spec.max_lag is not None}

    def waits_for(self, run: StageRun) -> list[str]:
        """Stages before this one that have not come to their end."""
        return [up for up in run.stage.upstream if not self.stages[up].over]

    def reason(self, run: StageRun) -> str:
        """Why no batch may begin here now; empty if one may."""
        upstream = self._unfinished(run)
        if upstream:
            return f"waits for {', '.join(upstream)}"
        return self._held_back(run)

    def _unfinished(self, run: StageRun) -> list[str]:
        """Frames other than `batch`, and stages with tables, wait for those before them."""
        at_once = run.stage.frame == "batch" and not run.stage.tables
        return [] if at_once else self.waits_for(run)

    def _held_back(self, run: StageRun) -> str:
        """A channel with `max_lag` holds its producer back while a consumer lags more.

        Only consumers that take batches as they come count: one that waits for the producer's end,
        is paused or is blocked would hold it back for ever.
        """
        for channel in run.stage.spools:
            spec = self._limited.get(channel)
            if spec is None:
                continue
            for consumer in self.stages.values():
                if consumer.closed or consumer.stage.frame != "batch" or self._unfinished(consumer):
                    continue
                for stream in consumer.stage.streams:
                    if stream.channel == channel and stream.deployment is None:
                        lag = self._lag(consumer, stream, spec)
                        if lag:
                            return f"held back: {consumer.stage.id} lags {lag} on {channel}"
        return ""

    def _lag(self, consumer: StageRun, stream: JobInput, spec: ChannelSpec) -> str:
        """How far a consumer's commits are behind, if that is too far."""
        assert spec.max_lag is not None
        spool = stream.spool(self.plan.deployment)
        _version, items = self.ledger.position(consumer.feed.places[stream.name].key)
        seq = items.get("seq", 0)
        rows = self.ledger.next_seq(spool) - seq
        if spec.max_lag.rows is not None and rows > spec.max_lag.rows:
            return f"{rows:,} rows"
        if spec.max_lag.bytes is None or not rows:
            return ""
        size = sum(s.bytes for s in self.ledger.segments(spool, since=seq))
        return f"{size:,} bytes" if size > size_bytes(spec.max_lag.bytes) else ""
