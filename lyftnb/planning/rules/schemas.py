"""Types: schemas flow from inputs along channels through actions, as far as they are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lyftnb.model import NULL, ActionSpec, ChannelSpec, Job, JobInput, Path, Schema, united
from lyftnb.planning.checker import Finding
from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.report import Report, choose
from lyftnb.planning.rules.channels import is_partition_column


def schemas(draft: Draft, setting: Setting, report: Report) -> None:
    """Unknown kinds, and everything that the checker finds in inputs, actions and outputs."""
    flow = _Flow(draft, setting, report)
    for name in draft.graph.order:
        if name in draft.jobs:
            flow.step(draft.jobs[name])


def written_schemas(draft: Draft, setting: Setting) -> dict[str, Schema]:
    """Channel → the schema of the rows that its step writes, as far as it is known."""
    known = flowing(draft, setting).channels
    return {channel: schema for channel, schema in known.items() if schema is not None}


@dataclass(frozen=True, slots=True)
class Flowing:
    """Which columns are where; None: not known."""

    steps: Mapping[str, tuple[Schema | None, ...]]
    """Step → before each of its actions, and after the last."""
    tables: Mapping[str, Mapping[str, Schema | None]]
    """Step → input → what it holds, for the inputs that its body reads by name."""
    channels: Mapping[str, Schema | None]


def flowing(draft: Draft, setting: Setting, seen: Mapping[str, Schema] | None = None) -> Flowing:
    """The columns everywhere in a document.

    Args:
        draft: with its jobs.
        setting: as for the rules.
        seen: step → the columns that its outside input was seen to have, where its parameters
            alone do not tell.
    """
    flow = _Flow(draft, setting, Report(), seen or {})
    for name in draft.graph.order:
        if name in draft.jobs:
            flow.step(draft.jobs[name])
    return Flowing(flow.steps, flow.tables, flow.channels)


class _Flow:
    """Walks the steps, producers first, and remembers what each channel carries."""

    def __init__(
        self,
        draft: Draft,
        setting: Setting,
        report: Report,
        seen: Mapping[str, Schema] | None = None,
    ) -> None:
        self.draft = draft
        self.seen = seen or {}
        self.checker = setting.checker
        self.setting = setting
        self.report = report
        self.action_kinds = frozenset(self.checker.action_kinds())
        self.input_kinds = frozenset(self.checker.input_kinds())
        self.output_kinds = frozenset(self.checker.output_kinds())
        self.channels: dict[str, Schema | None] = {}
        self.steps: dict[str, tuple[Schema | None, ...]] = {}
        self.tables: dict[str, dict[str, Schema | None]] = {}
        self.assumed: set[str] = set()
        """Channels of which the rows that are there tell the columns, and nothing tells those to
        come: they may have more of them."""
        self.assumes = False
        """Whether the present job reads such a channel."""

    def step(self, job: Job) -> None:
        """Check one job and note the schemas of the channels that it writes."""
        self.assumes = any(
            ref.deployment is None and ref.channel in self.assumed for ref in job.inputs
        )
        schema = self._outside(job) if job.input is not None else self._inside(job)
        tables = {
            ref.name: self._channel(ref) for ref in job.inputs if ref.table or job.named_inputs
        }
        before = [schema]
        for i, action in enumerate(job.actions):
            schema = self._action(job, i, action, schema, tables)
            before.append(schema)
        self.steps[job.step], self.tables[job.step] = tuple(before), tables
        self._dispatch(job, schema)
        self._emits(job, schema)
        self._output(job)
        for _, channel in job.ports:
            if self.draft.graph.producers[channel].step == job.step:
                self.channels[channel] = self._written(channel, schema)

    def _action(
        self,
        job: Job,
        index: int,
        action: ActionSpec,
        schema: Schema | None,
        tables: Mapping[str, Schema | None],
    ) -> Schema | None:
        path = ("steps", job.step, "actions", index)
        if action.kind not in self.action_kinds:
            self._unknown(path, "action", action.kind, self.action_kinds)
            return None
        after, found = self.checker.check_action(action, schema, tables)
        if self.assumes and found:
            _, certain = self.checker.check_action(action, None, dict.fromkeys(tables))
            found = tuple(f if f in certain else _doubted(f) for f in found)
        self.report.findings(path, found)
        return after

    def _unknown(self, path: Path, what: str, kind: str, kinds: frozenset[str]) -> None:
        hint = choose(kind, sorted(kinds))
        self.report.error((*path, kind), f"unknown_{what}", f"unknown {what} '{kind}'", hint)

    def _outside(self, job: Job) -> Schema | None:
        assert job.input is not None
        path = ("steps", job.step, "input")
        if job.input.kind not in self.input_kinds:
            self._unknown(path, "input", job.input.kind, self.input_kinds)
            return None
        schema, found = self.checker.check_input(job.input)
        self.report.findings(path, found)
        return self.seen.get(job.step) if schema is None else schema

    def _output(self, job: Job) -> None:
        if job.output is None:
            return
        path = ("steps", job.step, "output")
        if job.output.kind not in self.output_kinds:
            self._unknown(path, "output", job.output.kind, self.output_kinds)
            return
        self.report.findings(path, self.checker.check_output(job.output))

    def _channel(self, ref: JobInput) -> Schema | None:
        if ref.deployment is None and ref.channel in self.channels:
            return self.channels[ref.channel]
        return self.setting.present(ref.channel, ref.deployment)

    def _inside(self, job: Job) -> Schema | None:
        """The rows that reach the body: of the first stream, or of all of them united by name."""
        for ref in job.inputs:
            self._key(job, ref)
        streams = [ref for ref in job.inputs if not ref.table]
        if job.named_inputs:
            return self._channel(streams[0]) if streams else None
        merged: Schema | None = Schema()
        for i, ref in enumerate(streams):
            schema = self._channel(ref)
            if schema is None or merged is None:
                merged = None
                continue
            merged, clashes = united(merged, schema)
            for column, (a, b) in clashes.items():
                clash = Finding(
                    (),
                    "schema_clash",
                    f"column '{column}' is {b} in channel '{ref.channel}' and {a} before it",
                    "cast it to one type in the steps before",
                )
                self._found(("steps", job.step, "in", i), clash, self.assumes)
        return merged if streams else None

    def _key(self, job: Job, ref: JobInput) -> None:
        schema = self._channel(ref)
        for column in ref.key:
            if schema is not None and column not in schema.names:
                place = ("steps", job.step, "in", ref.name, "key")
                self._column(place, column, schema, self.assumes)

    def _column(self, path: Path, column: str, schema: Schema, assumes: bool) -> None:
        hint = choose(column, schema.names)
        self._found(
            path, Finding((), "unknown_column", f"unknown column '{column}'", hint), assumes
        )

    def _found(self, path: Path, finding: Finding, assumes: bool) -> None:
        """Something wrong, or doubtful where rows to come may have other columns."""
        self.report.findings(path, (_doubted(finding) if assumes else finding,))

    def _dispatch(self, job: Job, schema: Schema | None) -> None:
        if job.dispatch is None or job.dispatch.mode != "conditional":
            return
        path = ("steps", job.step, "dispatch")
        column = job.dispatch.field
        if schema is not None and column is not None and column not in schema.names:
            self._column((*path, "field"), column, schema, self.assumes)
        for i, entry in enumerate(job.dispatch.when or ()):
            for port, text in entry.items():
                found = self.checker.check_condition(text, schema)
                for finding in found:
                    self._found((*path, "when", i, port), finding, self.assumes)

    def _emits(self, job: Job, schema: Schema | None) -> None:
        if job.relay:
            return
        for i, emit in enumerate(job.emits):
            found = self.checker.check_emit(emit.fields, schema)
            for finding in found:
                self._found(("steps", job.step, "emit", i, "fields"), finding, self.assumes)
        for i, trigger in enumerate(job.triggers):
            if trigger.message is not None and trigger.message.when is not None:
                listed = isinstance(self.draft.spec.steps[job.step].trigger, tuple)
                place = ("trigger", i) if listed else ("trigger",)
                found = self.checker.check_condition(trigger.message.when, None)
                self.report.findings(("steps", job.step, *place, "message", "when"), found)

    def _written(self, channel: str, schema: Schema | None) -> Schema | None:
        """What readers of the channel will see: new rows beside those that it holds already."""
        spec = self.draft.spec.channels.get(channel, ChannelSpec())
        present = self.setting.present(channel)
        if spec.transport == "worker" or present is None:
            seen = schema
        elif schema is None or spec.schema_policy == "discard":
            seen = present
        else:
            seen = self._evolved(channel, spec, present, schema)
        if seen is None:
            return None
        fixed = present is not None and spec.schema_policy != "evolve"
        if not fixed and (self.assumes or schema is None):
            self.assumed.add(channel)
        self._declared(("channels", channel), spec, seen, channel in self.assumed)
        return seen

    def _evolved(self, channel: str, spec: ChannelSpec, present: Schema, schema: Schema) -> Schema:
        both, clashes = united(present, schema)
        strange = [f"'{c}' ({now}, was {was})" for c, (was, now) in clashes.items()]
        if spec.schema_policy == "freeze":
            old: Mapping[str, str] = present.to_mapping()
            strange += [f"'{c}' (new)" for c in schema.names if c not in old]
            strange += [
                f"'{c}' ({schema.to_mapping()[c]}, was {old[c]})"
                for c, kind in both.to_mapping().items()
                if c in old and c not in clashes and kind != old[c]
            ]
        if strange:
            self.report.warn(
                self._place(channel),
                "schema_clash",
                f"rows written to '{channel}' will be rejected: its schema "
                f"({spec.schema_policy}) does not take {', '.join(strange)}",
                "cast or remove the columns before, or change the channel's `schema`",
            )
        return present if spec.schema_policy == "freeze" else both

    def _place(self, channel: str) -> Path:
        if channel in self.draft.spec.channels:
            return ("channels", channel)
        return ("steps", self.draft.graph.producers[channel].step, "out")

    def _declared(self, path: Path, spec: ChannelSpec, schema: Schema, assumes: bool) -> None:
        columns = schema.to_mapping()
        if spec.event_time is not None:
            kind = columns.get(spec.event_time)
            if kind is None:
                self._column((*path, "event_time"), spec.event_time, schema, assumes)
            elif kind not in ("DATE", NULL) and not kind.startswith("TIMESTAMP"):
                what = f"column '{spec.event_time}' is {kind}, not a time"
                hint = "make it one first, with the `time` or `cast` action"
                self._found((*path, "event_time"), Finding((), "not_a_time", what, hint), assumes)
        column = spec.partition
        if column is not None and is_partition_column(column) and column not in columns:
            self._column((*path, "partition"), column, schema, assumes)


def _doubted(finding: Finding) -> Finding:
    """A finding that holds for the rows that are there."""
    return replace(finding, severity="warning") if finding.severity == "error" else finding
