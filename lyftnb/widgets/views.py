"""The views: what each shows, and the picture that stands in its place in a saved notebook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lyftnb.errors import SetupError
from lyftnb.workspace.folders import root_of
from lyftnb.workspace.workflow import Workflow

if TYPE_CHECKING:
    from lyftnb.widgets.widget import Studio, View
    from lyftnb.workspace.entering import AnyWorkspace


def edit(workflow: Workflow, height: int = 0) -> Studio:
    """The canvas on a draft: what is changed there changes the draft."""
    return _of_draft("editor", workflow, height)


def show(workflow: Workflow, height: int = 0) -> Studio:
    """The canvas to look at."""
    return _of_draft("show", workflow, height)


def trace(workflow: Workflow, rows: int = 20, height: int = 0) -> Studio:
    """The canvas with a trace on a sample, to look into."""
    return _of_draft("trace", workflow, height, {"rows": rows})


def plan(
    workspace: AnyWorkspace,
    ref: str,
    context: str | None = None,
    name: str | None = None,
    height: int = 0,
) -> Studio:
    """What applying a published version would change, painted on its graph."""
    draft = Workflow.from_dict(workspace.version(ref).document)
    asked = {"ref": ref, "context": context, "name": name}
    subject = {key: value for key, value in asked.items() if value}
    return _of_draft("plan", draft, height, subject, root=workspace.path)


def monitor(
    workspace: AnyWorkspace,
    deployment: str | None = None,
    run: str | None = None,
    height: int = 0,
) -> Studio:
    """What runs, with its numbers as they change."""
    subject = {"deployment": deployment, "run": run}
    return _of_workspace("monitor", workspace, subject, height)


def spools(workspace: AnyWorkspace, spool: str | None = None, height: int = 0) -> Studio:
    """The spools of a workspace, with their history and rows."""
    subject = {"spool": spool}
    return _of_workspace("spools", workspace, subject, height)


def _of_draft(
    view: View,
    workflow: Workflow,
    height: int,
    more: dict[str, Any] | None = None,
    *,
    root: Path | None = None,
) -> Studio:
    subject: dict[str, Any] = {"draft": workflow.name or "draft", "text": workflow.text}
    if workflow.file is not None:
        subject["file"] = str(workflow.file)
    return _studio(
        view,
        {**subject, **(more or {})},
        root=root or root_of(workflow.file.parent if workflow.file is not None else "."),
        height=height,
        picture=workflow._repr_html_(),
        draft=workflow,
    )


def _of_workspace(
    view: View, workspace: AnyWorkspace, subject: dict[str, Any], height: int
) -> Studio:
    named = {key: value for key, value in subject.items() if value is not None}
    picture = ""
    if named.get("spool"):
        picture = workspace.spool(named["spool"])._repr_html_()
    return _studio(view, named, root=workspace.path, height=height, picture=picture)


def _studio(view: View, subject: dict[str, Any], **settings: Any) -> Studio:
    """The widget.

    Raises:
        SetupError: ipywidgets is not installed.
    """
    try:
        from lyftnb.widgets.widget import Studio
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("ipywidgets", "traitlets"):
            raise
        raise SetupError(
            "widgets need the package ipywidgets, which is not installed",
            hint='pip install "lyftnb[lab]"; without it, workflow.show() draws a picture',
        ) from None
    return Studio(view, subject, **settings)
