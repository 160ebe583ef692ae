"""The workflow document (SPEC 3) as frozen typed models.

The models keep the surface form that the author chose (`in: a` or `in: [a]`), so that a document
round-trips with nothing lost; the properties give the one normalised form that the rest reads.
Bodies of actions, inputs and outputs are open here: their parameter models belong to the operators
and connectors, which check them through the `Checker` port.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from lyftnb.model.names import Duration, Name, Size
from lyftnb.model.trigger import EmitSpec, MessageEdge, TriggerSpec

Json = Any
Frame = Literal["batch", "run", "partition", "all"]
OnError = Literal["reject", "drop", "fail"]


class Model(BaseModel):
    """Frozen, strict about unknown keys; dumps what was set, under the document's names."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        ser_json_inf_nan="constants",  # else an infinity would become null without a word
    )

    def to_document(self) -> dict[str, Json]:
        """The JSON form, with only what the author set."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class _OneKey(Model):
    """A single-key mapping `{kind: params}` in the document."""

    kind: str
    params: Json = None

    @model_validator(mode="wrap")
    @classmethod
    def _from_mapping(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(value, cls) or not isinstance(value, dict) or "kind" in value:
            return handler(value)
        own = {name for name in cls.model_fields if name not in ("kind", "params")}
        kinds = [key for key in value if key not in own]
        if len(kinds) != 1:
            found = ", ".join(f"'{k}'" for k in kinds) or "none"
            raise ValueError(f"expected exactly one kind as the key, found {found}")
        rest = {key: value[key] for key in value if key in own}
        return handler({"kind": kinds[0], "params": value[kinds[0]], **rest})

    @model_serializer(mode="plain")
    def _to_mapping(self) -> dict[str, Json]:
        rest = {
            name: getattr(self, name)
            for name in type(self).model_fields
            if name in self.model_fields_set and name not in ("kind", "params")
        }
        return {self.kind: self.params, **rest}


class ActionSpec(_OneKey):
    """One action: `{filter: "x > 1"}`, with an optional stable `id` and its own `on_error`."""

    id: Name | None = None
    description: str | None = None
    on_error: OnError | None = None


class InputSpec(_OneKey):
    """An outside input: `{files: {path: …}}`."""


class OutputSpec(_OneKey):
    """An output to outsiders: `{parquet: {path: …}}`."""


class StreamIn(Model):
    """One input of a step from a channel."""

    channel: Name
    as_: Literal["stream", "table"] = Field("stream", alias="as")
    key: tuple[str, ...] | str | None = None


Condition = Annotated[str, Field(json_schema_extra={"format": "expression"})]
"""SQL that is true or false for a row; the model does not read it."""


class DispatchSpec(Model):
    """How events are routed over the ports of a step."""

    mode: Literal["clone", "round_robin", "conditional"]
    field: str | None = Field(
        None,
        description="the column whose value chooses the port",
        json_schema_extra={"format": "column"},
    )
    cases: dict[str, Name] | None = None
    when: tuple[dict[str, Condition], ...] | None = Field(
        None, description="ordered list of {port: SQL condition}; the first that is true wins"
    )
    default: Name | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"mode": value} if isinstance(value, str) else value

    @field_validator("cases", mode="before")
    @classmethod
    def _text_keys(cls, value: Any) -> Any:
        return {str(k): v for k, v in value.items()} if isinstance(value, dict) else value


class RetrySpec(Model):
    """How often a failing batch is tried, and the pauses between (exponential, with jitter)."""

    attempts: int = Field(5, ge=1, le=1000)
    delay: Duration = "1s"
    max_delay: Duration = "1m"


class RetentionSpec(Model):
    """How long a spool keeps its segments, counted from their commit."""

    days: int | float | None = Field(None, gt=0)
    bytes: Size | None = None


class MaxLagSpec(Model):
    """How far consumers may fall behind before the producer is held back."""

    rows: int | None = Field(None, gt=0)
    bytes: Size | None = None


class ChannelSpec(Model):
    """A declared channel."""

    transport: Literal["worker", "spool"] | None = None
    description: str | None = None
    event_time: str | None = Field(
        None,
        description="the column that holds the time of the event",
        json_schema_extra={"format": "column"},
    )
    partition: str | None = Field(
        None,
        description="a duration over `event_time` (1h, 1d) or the name of a column",
        json_schema_extra={"format": "column"},
    )
    schema_policy: Literal["evolve", "freeze", "discard"] = Field("evolve", alias="schema")
    retention: RetentionSpec | None = None
    max_lag: MaxLagSpec | None = None


class NotebookSpec(Model):
    """A notebook as a step's body."""

    path: str
    parameters: dict[str, Json] = Field(default_factory=dict)


class StepSpec(Model):
    """One node of the graph. Its stable id is its key in `steps`."""

    description: str | None = None
    uses: str | None = None
    with_: dict[str, Json] | None = Field(None, alias="with")
    input: InputSpec | None = None
    actions: tuple[ActionSpec, ...] = ()
    output: OutputSpec | None = None
    notebook: NotebookSpec | None = None
    in_: Name | tuple[Name, ...] | dict[Name, Name | StreamIn] | None = Field(None, alias="in")
    out: Name | dict[Name, Name] | None = None
    dispatch: DispatchSpec | None = None
    trigger: TriggerSpec | tuple[TriggerSpec, ...] | None = None
    emit: tuple[EmitSpec, ...] = ()
    frame: Frame | None = None
    group: Name | None = None
    replicas: int | None = Field(None, ge=1, le=10_000)
    retry: RetrySpec | None = None
    on_error: OnError = "reject"
    on_fail: Literal["block", "skip"] = "block"
    paused: bool = False
    renamed_from: Name | None = None

    @property
    def inputs(self) -> dict[str, StreamIn]:
        """Channel inputs by name, in order; a single or listed channel goes by its own name."""
        if self.in_ is None:
            return {}
        if isinstance(self.in_, str):
            return {self.in_: StreamIn(channel=self.in_)}
        if isinstance(self.in_, tuple):
            return {name: StreamIn(channel=name) for name in self.in_}
        return {
            name: StreamIn(channel=ref) if isinstance(ref, str) else ref
            for name, ref in self.in_.items()
        }

    @property
    def triggers(self) -> tuple[TriggerSpec, ...]:
        """Its triggers, in order, one or listed."""
        if isinstance(self.trigger, TriggerSpec):
            return (self.trigger,)
        return self.trigger or ()

    @property
    def named_inputs(self) -> bool:
        """Whether the body tells its inputs apart (`in` is a map) rather than merging them."""
        return isinstance(self.in_, dict)

    @property
    def ports(self) -> dict[str, str]:
        """Port → channel, in order. A single `out` is the port named `out`."""
        if self.out is None:
            return {}
        return {"out": self.out} if isinstance(self.out, str) else dict(self.out)


class WorkflowSpec(Model):
    """A whole workflow document."""

    workflow: Name
    description: str | None = None
    context: dict[Name, Json] = Field(default_factory=dict)
    channels: dict[Name, ChannelSpec] = Field(default_factory=dict)
    steps: dict[Name, StepSpec] = Field(default_factory=dict)
    messages: tuple[MessageEdge, ...] = ()
    ui: dict[str, Json] = Field(default_factory=dict)

    @property
    def name(self) -> str:
        """The workflow's name."""
        return self.workflow
