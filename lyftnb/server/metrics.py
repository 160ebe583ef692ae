"""What Prometheus scrapes: numbers of the workspace, made when they are asked for."""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from lyftnb.errors import LyftError
from lyftnb.workspace.local import Workspace


class Metrics(Collector):
    """The registry of one manager."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._registry = CollectorRegistry()
        self._answers = Counter(
            "lyftnb_http_requests",
            "Requests answered.",
            ("route", "status"),
            registry=self._registry,
        )
        ProcessCollector(registry=self._registry)
        self._registry.register(self)

    def answered(self, route: str, status: int) -> None:
        """Count an answer; unknown paths are one route."""
        self._answers.labels(route or "unknown", str(status)).inc()

    def text(self) -> bytes:
        """All of it, in the text format."""
        return generate_latest(self._registry)

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: what there is shows when it is asked for."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The numbers of the workspace."""
        yield from self._spools()
        yield from self._queues()
        issues = GaugeMetricFamily("lyftnb_open_issues", "Open issues.", labels=["severity"])
        counts = Count(issue.severity for issue in self._workspace.issues.list())
        for severity in ("error", "warning", "note"):
            issues.add_metric([severity], counts[severity])
        yield issues
        yield from self._stages()
        yield from self._lags()

    def _spools(self) -> Iterator[GaugeMetricFamily]:
        spools = self._workspace.spools()
        for name in ("rows", "bytes", "segments"):
            family = GaugeMetricFamily(f"lyftnb_spool_{name}", f"Live {name}.", labels=["spool"])
            for spool in spools:
                family.add_metric([spool.spool], getattr(spool, name))
            yield family

    def _queues(self) -> Iterator[GaugeMetricFamily]:
        items = GaugeMetricFamily("lyftnb_queue_items", "Items.", labels=["queue", "state"])
        for queue in self._workspace.queues():
            depth = queue.depth()
            for state in ("ready", "delayed", "leased", "dead"):
                items.add_metric([queue.name, state], getattr(depth, state))
        yield items

    def _stages(self) -> Iterator[GaugeMetricFamily]:
        labels = ["deployment", "stage"]
        families = {
            name: GaugeMetricFamily(f"lyftnb_stage_{name}", text, labels=labels)
            for name, text in _STAGE.items()
        }
        running = self._workspace.running
        for deployment in running:
            try:
                progress = self._workspace.numbers(deployment)
            except LyftError:
                continue  # it has ended meanwhile
            for stage in progress.stages:
                for name, family in families.items():
                    family.add_metric([deployment, stage.stage], getattr(stage, name))
        total = GaugeMetricFamily("lyftnb_running_deployments", "Deployments at work.")
        total.add_metric([], len(running))
        yield total
        yield from families.values()

    def _lags(self) -> Iterator[GaugeMetricFamily]:
        lags = self._workspace.lags()
        for name, (field, text) in _LAG.items():
            labels = ["deployment", "stage", "channel"]
            family = GaugeMetricFamily(f"lyftnb_lag_{name}", text, labels=labels)
            for lag in lags:
                family.add_metric([lag.deployment, lag.step, lag.channel], getattr(lag, field))
            yield family


_LAG = {
    "rows": ("rows", "Rows of a spool that a stage has yet to read."),
    "bytes": ("bytes", "Bytes of the segments that hold them."),
    "seconds": ("age_s", "For how long the first of them has been there."),
}
_STAGE = {
    "rows_in": "Rows read and committed since it began.",
    "rows_out": "Rows written and committed since it began.",
    "rejects": "Rows rejected since it began.",
    "batches": "Batches committed since it began.",
}
