"""Errors as a canvas gets them, and questions as they arrive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from lyftnb.errors import SetupError, unknown
from lyftnb.model import Problem
from lyftnb.model.objections import objection
from lyftnb.workspace.studio.protocol.questions import QUESTIONS
from lyftnb.workspace.studio.protocol.wire import Trouble, Wire
from lyftnb.workspace.wire import problem_of


class UnknownDraft(SetupError):
    """No draft of that name is open."""

    code = "unknown_draft"


class StaleDraft(SetupError):
    """A change was made for another revision of the draft."""

    code = "stale_draft"


class UnreadableDraft(SetupError):
    """A draft's text holds no document that could be changed."""

    code = "unreadable"


class UnknownTrace(SetupError):
    """A trace that was looked into is not kept any more."""

    code = "unknown_trace"


class TraceCancelled(SetupError):
    """A trace was stopped by whoever asked for it."""

    code = "cancelled"


def trouble_of(error: BaseException) -> Trouble:
    """An error as it travels: without secrets, and never with a traceback."""
    told = problem_of(error)
    problems = getattr(error, "problems", ())
    facts = {name: value for name, value in told.facts.items() if name != "problems"}
    return Trouble(
        code=told.code,
        message=told.detail,
        where=told.where,
        hint=told.hint,
        facts=facts,
        problems=tuple(p for p in problems if isinstance(p, Problem)),
    )


def asked(op: str, params: Any) -> Wire:
    """The question that a name and its parameters spell.

    Raises:
        SetupError: there is no such question, or the parameters do not fit it.
    """
    if op not in QUESTIONS:
        raise unknown("question", op, QUESTIONS)
    kind, _ = QUESTIONS[op]
    try:
        return kind.model_validate(params if isinstance(params, Mapping) else {})
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or op}: {objection(item)}" for item in error.errors()
        )
        fields = ", ".join(kind.model_fields) or "nothing"
        raise SetupError(
            f"the question {op} is not well put: {wrong}", hint=f"{op} takes: {fields}"
        ) from None
