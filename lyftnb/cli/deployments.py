"""Deployments: plan, apply, look at them and at their history, pause, roll back, destroy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lyftnb.cli.authoring import Context, Workflow
from lyftnb.cli.screen import Json, console, opened, print_json, print_table
from lyftnb.errors import SetupError

if TYPE_CHECKING:
    from lyftnb.model import Deployment, DeploymentPlan, Revision

CHANGES = 2
"""The exit code of `plan` where there is something to change."""
_COLOURS = {"+": "green", "~": "yellow", "-": "red", "!": "bold red"}
Accept = Annotated[
    list[str] | None,
    typer.Option(
        help="What may be lost or held up, as the plan names it (drop:STEP/INPUT), by kind (drop, "
        "reset, drain), or all; repeatable."
    ),
]
Group = Annotated[
    list[str] | None,
    typer.Option(help="STEP=GROUP: the worker group of a step, from now on; repeatable."),
]
Replicas = Annotated[
    list[str] | None,
    typer.Option(help="STEP=N: at most N tasks of a step at a time, from now on; repeatable."),
]
FromNow = Annotated[
    list[str] | None,
    typer.Option(
        help="STEP: it reads a spool that is new to it from now on, and leaves out the rows that "
        "are there; repeatable."
    ),
]
Name = Annotated[str, typer.Argument(help="A deployment.")]
NewName = Annotated[
    str | None,
    typer.Option(
        "--name",
        help="What the deployment is called, in place of WORKFLOW or WORKFLOW_CONTEXT: so one "
        "workflow can be deployed several times.",
    ),
]
Step = Annotated[
    str | None, typer.Argument(help="The first step of a stage. Default: all of the deployment.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    commands = (plan, apply, deployments, history, rollback, pause, resume, destroy, audit)
    for command in commands:
        app.command()(command)


def plan(
    ctx: typer.Context,
    workflow: Workflow,
    context: Context = None,
    name: NewName = None,
    group: Group = None,
    replicas: Replicas = None,
    from_now: FromNow = None,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Write it to this file as a page: painted on the graph, and field by field."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what applying a workflow would change, and what it compiles to.

    Exits with 0 if there is nothing to change, with 2 if there is, with 1 on errors. A file is
    planned as deployment NAME_draft.
    """
    from lyftnb.planning import describe

    with opened(ctx, workflow) as workspace:
        found = workspace.plan(
            workflow,
            context=context,
            name=name,
            groups=_pairs(group),
            replicas=_numbers(replicas),
            from_now=from_now or (),
        )
    if html is not None:
        from lyftnb.workspace.plan_page import plan_page

        html.write_text(plan_page(found), encoding="utf-8")
    if as_json:
        print_json(found.to_document() | {"compiled": _compiled(found)})
    else:
        typer.echo(describe(replace(found.compiled, problems=())))
        show_plan(found)
    raise typer.Exit(1 if found.blocked else 0 if found.empty else CHANGES)


def apply(
    ctx: typer.Context,
    ref: Annotated[
        str, typer.Argument(metavar="REF|PLAN", help="NAME, NAME@3, or the id of a plan.")
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    accept: Accept = None,
    context: Context = None,
    name: NewName = None,
    group: Group = None,
    replicas: Replicas = None,
    from_now: FromNow = None,
    gate: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Go back by itself if over its first so many batches it rejects or fails more "
            "than the revision before.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a published version what is to run, all or nothing.

    A REF is planned, shown, and applied once you say yes; a PLAN is applied as it was shown. What
    runs now goes on if anything fails.
    """
    from lyftnb.model import is_plan_id

    with opened(ctx, up=True) as workspace:
        target: str | DeploymentPlan = ref
        if not is_plan_id(ref):
            target = workspace.plan(
                ref,
                context=context,
                name=name,
                groups=_pairs(group),
                replicas=_numbers(replicas),
                from_now=from_now or (),
            )
            if not as_json:
                show_plan(target, next_step=False)
            if not (target.empty or target.blocked or yes or target.unaccepted(accept or ())):
                typer.confirm("apply it?", abort=True)
        elif context or name or group or replicas or from_now:
            raise SetupError(
                "a plan has its context, name and settings already",
                hint="give them with a reference",
            )
        made = workspace.apply(target, accept=accept or (), gate=gate)
    unchanged = not isinstance(target, str) and target.empty
    _show(made, "nothing to change" if unchanged else "applied", as_json)
    if not (as_json or unchanged):
        typer.echo("see it run: lyftnb status")


def deployments(ctx: typer.Context, as_json: Json = False) -> None:
    """List what is applied."""
    with opened(ctx) as workspace:
        found = workspace.deployments
    if as_json:
        print_json([_document(d) for d in found])
        return
    print_table(
        ("deployment", "version", "context", "revision", "paused", "applied", "by"),
        [
            (
                d.name,
                d.ref,
                d.context,
                d.revision,
                d.paused,
                f"{d.applied_at:%Y-%m-%d %H:%M} UTC",
                d.applied_by,
            )
            for d in found
        ],
    )


def history(ctx: typer.Context, deployment: Name, as_json: Json = False) -> None:
    """List every apply of a deployment: who, when, what it changed."""
    with opened(ctx) as workspace:
        found = workspace.history(deployment)
    if as_json:
        print_json(
            [
                {
                    "revision": r.number,
                    "version": r.ref,
                    "context": r.context,
                    "settings": r.settings.to_document(),
                    "cause": r.cause,
                    "plan": r.plan_id,
                    "changes": list(r.changes),
                    "applied_at": r.applied_at,
                    "applied_by": r.applied_by,
                }
                for r in found
            ]
        )
        return
    for revision in found:
        cause = "" if revision.cause == "apply" else f" ({revision.cause})"
        typer.secho(
            f"revision {revision.number}: {revision.ref}{cause}, "
            f"{revision.applied_at:%Y-%m-%d %H:%M} UTC by {revision.applied_by}",
            bold=True,
        )
        for change in revision.changes:
            typer.echo(f"  {change}")


def rollback(
    ctx: typer.Context,
    deployment: Name,
    revision: Annotated[
        int | None, typer.Option(help="The revision to go back to. Default: the one before.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    accept: Accept = None,
    as_json: Json = False,
) -> None:
    """Apply the version and settings of an older revision. Positions and data stay as they are."""
    with opened(ctx, up=True) as workspace:
        found = workspace.plan_rollback(deployment, revision)
        if not as_json:
            show_plan(found, next_step=False)
            if found.empty:
                _say_why(workspace.history(deployment), revision, found)
        if not (found.empty or found.blocked or yes or found.unaccepted(accept or ())):
            typer.confirm("roll back?", abort=True)
        made = workspace.rollback(deployment, revision, accept=accept or ())
    _show(made, "nothing to change" if found.empty else "rolled back", as_json)


def _say_why(past: Sequence[Revision], number: int | None, plan: DeploymentPlan) -> None:
    """Why going back changes nothing, if there is more to say than that."""
    from lyftnb.planning.deploying import kept_context

    wanted = past[0].number - 1 if number is None else number
    old = next(revision for revision in past if revision.number == wanted)
    if why := kept_context(old.plan, plan):
        typer.echo(why)


def pause(ctx: typer.Context, deployment: Name, step: Step = None, as_json: Json = False) -> None:
    """Hold a deployment, or one stage of it, at its next batch boundary."""
    with opened(ctx) as workspace:
        made = workspace.pause(deployment, step)
    _show(made, "paused", as_json)


def resume(ctx: typer.Context, deployment: Name, step: Step = None, as_json: Json = False) -> None:
    """Let a deployment, or one stage of it, go on from where it was held."""
    with opened(ctx, up=True) as workspace:
        made = workspace.resume(deployment, step)
    _show(made, "resumed", as_json)


def destroy(
    ctx: typer.Context,
    deployment: Name,
    data: Annotated[
        bool, typer.Option("--data", help="Empty its spools too, and forget positions and state.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Let a deployment run no more. Its data, positions and history stay, unless --data says so."""
    with opened(ctx) as workspace:
        if data:
            workspace.history(deployment)  # one that is gone may have left data
        else:
            workspace.deployment(deployment)
        if not yes:
            what = "with all its data" if data else "its data stay"
            typer.confirm(f"destroy deployment '{deployment}' ({what})?", abort=True)
        workspace.destroy(deployment, data=data)
    typer.echo(f"destroyed {deployment}" + ("" if data else "; its data stay"))


def audit(
    ctx: typer.Context,
    ref: Annotated[
        str | None,
        typer.Argument(help="Only of this deployment, workflow, context or secret."),
    ] = None,
    who: Annotated[str | None, typer.Option(help="Only by this user.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    as_json: Json = False,
) -> None:
    """List changes of what is desired, newest first: who made them, when, and of what."""
    with opened(ctx) as workspace:
        found = workspace.audit(ref, who, limit)
    if as_json:
        print_json([asdict(entry) for entry in found])
        return
    print_table(
        ("when", "who", "what", "of", "detail"),
        [
            (
                f"{e.changed_at:%Y-%m-%d %H:%M:%S} UTC",
                e.who,
                e.what,
                e.ref,
                ", ".join(f"{name} {value}" for name, value in e.detail.items()),
            )
            for e in found
        ],
    )


def show_plan(plan: DeploymentPlan, *, next_step: bool = True) -> None:
    """Print a plan; on a terminal in colours, by what each line does."""
    from rich.text import Text

    from lyftnb.planning.deploying import explain_plan

    text = Text()
    for line in explain_plan(plan, next_step=next_step).splitlines(keepends=True):
        mark = line[2:3] if line.startswith("  ") else ""
        heading = bool(line.strip()) and not line.startswith(" ")
        text.append(line, style=_COLOURS.get(mark, "bold" if heading else ""))
    console().print(text, end="")


def _show(deployment: Deployment, done: str, as_json: bool) -> None:
    if as_json:
        print_json(_document(deployment))
        return
    paused = f", paused: {deployment.paused}" if deployment.paused else ""
    typer.echo(
        f"{done}: {deployment.name} is {deployment.ref}, revision {deployment.revision}{paused}"
    )


def _document(deployment: Deployment) -> dict[str, Any]:
    return {**asdict(deployment), "ref": deployment.ref, "paused": deployment.paused}


def _compiled(plan: DeploymentPlan) -> Any:
    from lyftnb.model import plan_document

    return plan_document(plan.compiled)


def _pairs(given: Sequence[str] | None) -> dict[str, str]:
    """`STEP=VALUE` words as a mapping."""
    pairs: dict[str, str] = {}
    for word in given or ():
        step, equals, value = word.partition("=")
        if not (step and equals and value):
            raise SetupError(f"'{word}' is no setting of a step", hint="write STEP=VALUE")
        pairs[step] = value
    return pairs


def _numbers(given: Sequence[str] | None) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for step, value in _pairs(given).items():
        if not value.isdigit() or int(value) < 1:
            raise SetupError(
                f"replicas are a number from 1 on, found '{value}'", where=f"step {step}"
            )
        numbers[step] = int(value)
    return numbers
