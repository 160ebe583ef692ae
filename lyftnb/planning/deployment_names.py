"""The names of deployments: what they may be, and whose they are.

Spools, positions and state go by the deployment's name, so that two workflows never share one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from lyftnb.errors import SetupError
from lyftnb.model import DRAFT, deployment_name, is_name

NAME_TAKEN = "name_taken"
"""The problem of a plan whose deployment is another workflow's."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Who may want a name, beside whoever asks for it."""

    workflows: Collection[str]
    """The published ones."""
    contexts: Collection[str]
    """All but the default one."""
    owner: str | None = None
    """The workflow that the name belongs to: it is deployed so, or was and has left data."""
    used: bool = False
    """Whether there is data under the name, or something runs as it."""


def check_name(name: str) -> None:
    """See that a name may be given to a deployment.

    Raises:
        SetupError: it is no name, or is kept for drafts.
    """
    if not is_name(name):
        raise SetupError(
            f"'{name}' cannot be the name of a deployment",
            hint="names have a-z, 0-9 and _, begin with a letter, and are at most 63 characters",
        )
    if name.endswith(f"_{DRAFT}"):
        raise SetupError(
            f"'{name}' cannot be the name of a deployment: drafts run as WORKFLOW_{DRAFT}",
            hint="choose a name with another ending",
        )


def require_free(name: str, workflow: str, context: str | None, claims: Claims) -> None:
    """See that a name which nobody has yet may become a workflow's. One that a deployment has
    already is for the plan to judge (`NAME_TAKEN`).

    Args:
        name: the deployment's.
        workflow: what is to be deployed so.
        context: what it is deployed in; None: the default one.
        claims: who else may want it.

    Raises:
        SetupError: another workflow comes to it by itself, or there is data of something else.
    """
    if claims.owner is not None:
        return
    for other, other_context in _by_themselves(name, claims):
        if other != workflow:
            within = f" in context '{other_context}'" if other_context else ""
            raise SetupError(
                f"deployment '{name}' is also the name of workflow '{other}'{within}",
                hint="choose another: --name NAME",
            )
    if claims.used and name != deployment_name(workflow, context):
        raise SetupError(
            f"there are runs or data of '{name}' already, which are not of workflow '{workflow}'",
            hint="choose another: --name NAME",
        )


def taken(name: str, owner: str) -> tuple[str, str]:
    """What to say of a name that is another workflow's, and how to make it free."""
    return (
        f"'{name}' and its data belong to workflow '{owner}'",
        f"let them go first: lyftnb destroy {name} --data",
    )


def _by_themselves(name: str, claims: Claims) -> Iterator[tuple[str, str | None]]:
    """Workflow and context of all that is called so where nobody says otherwise."""
    for workflow in claims.workflows:
        for context in (None, *claims.contexts):
            if deployment_name(workflow, context) == name:
                yield workflow, context
