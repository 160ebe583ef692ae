"""What a step does: one body, fed by one input side, with somewhere for its rows to go."""

from __future__ import annotations

from lyftnb.model import Path, StepSpec
from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.report import Report


def bodies(draft: Draft, setting: Setting, report: Report) -> None:
    """Missing, conflicting and fruitless bodies; parts that are not there yet."""
    if not draft.spec.steps:
        report.warn(
            ("steps",),
            "no_steps",
            "the workflow has no steps, so that a run of it does nothing",
            "write a step: a name, and below it what it reads, does and writes",
        )
    for name, step in draft.spec.steps.items():
        path = ("steps", name)
        _whole(path, step, report)
        if step.uses is not None:
            _block(path, step, report)
        elif step.notebook is not None:
            _notebook(path, step, report)
        else:
            _inline(path, name, step, report)
        _names(path, name, step, draft, report)


def _whole(path: Path, step: StepSpec, report: Report) -> None:
    if step.with_ is not None and step.uses is None:
        report.error(
            (*path, "with"), "with_alone", "`with` gives parameters to a block", "add `uses`"
        )
    if step.input is not None and step.in_ is not None:
        report.error(
            (*path, "in"),
            "two_input_sides",
            "a step reads either an outside `input` or channels with `in`, not both",
            "read the outside input in a step of its own and give it an `out` channel",
        )


def _block(path: Path, step: StepSpec, report: Report) -> None:
    if step.notebook is not None or step.input or step.actions or step.output:
        report.error(path, "two_bodies", "`uses` stands in place of an inline body", "remove one")
    report.error(
        (*path, "uses"),
        "not_yet",
        "blocks cannot be used yet",
        "write the body here with `input`, `actions` and `output`",
    )


def _notebook(path: Path, step: StepSpec, report: Report) -> None:
    if step.input or step.actions or step.output:
        report.error(
            (*path, "notebook"),
            "two_bodies",
            "a notebook stands in place of `input`, `actions` and `output`",
            "move them to a step of their own",
        )
    if step.out is not None:
        report.error(
            (*path, "out"), "not_yet", "notebooks cannot feed channels yet", "remove `out`"
        )
    else:
        report.warn(
            (*path, "notebook"),
            "not_yet",
            "notebook steps do not run yet: this step is left out of the plan",
        )


def _inline(path: Path, name: str, step: StepSpec, report: Report) -> None:
    fed = step.input is not None or step.in_ is not None
    acts = bool(step.actions) or step.output is not None
    if not fed and not acts and step.out is None:
        report.error(
            path,
            "no_body",
            f"step '{name}' does nothing",
            "give it an `input` or `in`, and `actions`, an `output` or an `out` channel",
        )
    elif not fed:
        report.error(
            path,
            "no_input",
            f"step '{name}' has nothing to read",
            "give it an outside `input`, or a channel with `in`",
        )
    elif step.output is None and step.out is None and not step.emit:
        report.warn(
            path,
            "no_output",
            f"the rows of step '{name}' go nowhere",
            "give it an `out` channel or an `output`",
        )


def _names(path: Path, name: str, step: StepSpec, draft: Draft, report: Report) -> None:
    seen: set[str] = set()
    for i, action in enumerate(step.actions):
        if action.id is not None and action.id in seen:
            report.error(
                (*path, "actions", i, "id"),
                "duplicate_id",
                f"another action of step '{name}' has the id '{action.id}'",
                "give each action its own id",
            )
        seen.add(action.id or "")
    if step.renamed_from in draft.spec.steps:
        report.error(
            (*path, "renamed_from"),
            "not_renamed",
            f"step '{step.renamed_from}' still exists",
            "`renamed_from` names a step that is gone",
        )
