"""Plans as pictures show them, and which columns are where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lyftnb import planning
from lyftnb.model import Field, Plan, Schema, Stage, draft_name
from lyftnb.planning import Checker, Flowing
from lyftnb.workspace.studio.drafts import Draft
from lyftnb.workspace.studio.home import Surroundings
from lyftnb.workspace.studio.protocol.drafts import Schemas, StepSchemas
from lyftnb.workspace.studio.protocol.shapes import ChannelShape, Shape, StageShape
from lyftnb.workspace.studio.protocol.tables import Column


def plan_of(draft: Draft, around: Surroundings, checker: Checker) -> Plan:
    """What a draft compiles to, without anybody being asked.

    Raises:
        InvalidWorkflow: it has errors.
    """
    spec = draft.spec
    return planning.plan(
        spec,
        deployment=draft_name(spec.workflow),
        version=None,
        checker=checker,
        context=around.layers(spec.workflow),
        known=around.known,
        secrets=around.secrets,
    )


def shape_of(plan: Plan, revision: int) -> Shape:
    """A plan, as far as a picture shows it."""
    jobs = [job for stage in plan.stages for job in stage.jobs]
    channels = tuple(
        ChannelShape(
            name=channel.name,
            transport=channel.transport,
            reason=channel.reason,
            producer=channel.producer,
            port=channel.port,
            consumers=channel.consumers,
            rejects=channel.rejects,
            replaced=channel.replaced,
        )
        for channel in plan.channels
    )
    return Shape(
        revision=revision,
        stages=tuple(_stage(stage) for stage in plan.stages),
        channels=channels,
        groups={job.step: job.group for job in jobs},
        relays=tuple(job.step for job in jobs if job.relay),
        text=planning.describe(plan),
    )


def _stage(stage: Stage) -> StageShape:
    fires = (f"fires {planning.describe_trigger(trigger)}" for trigger in stage.triggers)
    return StageShape(
        id=stage.id,
        steps=tuple(job.step for job in stage.jobs),
        traits=(*planning.traits(stage), *fires),
    )


def schemas_of(flowing: Flowing, revision: int) -> Schemas:
    """Which columns are where, as they travel."""
    return Schemas(
        revision=revision,
        steps={
            step: StepSchemas(
                before=tuple(columns(schema) for schema in before),
                tables=_columns_by_name(flowing.tables.get(step, {})),
            )
            for step, before in flowing.steps.items()
        },
        channels=_columns_by_name(flowing.channels),
    )


def _columns_by_name(
    schemas: Mapping[str, Schema | None],
) -> dict[str, tuple[Column, ...] | None]:
    return {name: columns(schema) for name, schema in schemas.items()}


def columns(schema: Schema | None) -> tuple[Column, ...] | None:
    """A schema's columns; None where it is not known."""
    return None if schema is None else listed(schema.fields)


def listed(fields: Sequence[Field]) -> tuple[Column, ...]:
    """Columns as they travel."""
    return tuple(Column(name=field.name, type=field.type) for field in fields)
