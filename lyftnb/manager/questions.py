"""What can be asked, of whom: the table behind requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lyftnb.errors import NotFound, SetupError, near, unknown

TargetKind = Literal["manager", "worker", "job"]


@dataclass(frozen=True, slots=True)
class Question:
    """One question: what the answer tells, and what may be said with it."""

    about: str
    options: Mapping[str, str] = field(default_factory=dict)
    """Option → its meaning."""


QUESTIONS: Mapping[TargetKind, Mapping[str, Question]] = {
    "manager": {
        "state": Question(
            "its process, the ledger's newest snapshot, what runs and in which state"
        ),
        "progress": Question("the numbers of every stage that runs"),
        "health": Question("whether all that runs is well; if not, why"),
        "issues": Question("the open issues"),
        "workers": Question("the workers that are there, with their groups"),
        "versions": Question("the versions of lyftnb, Python and the engines"),
    },
    "worker": {
        "state": Question("its name, groups, process and memory, and what it is running"),
        "health": Question("whether it reads the workspace, writes the storage, and has room"),
        "files": Question(
            "files that it sees below the workspace's folder",
            {"glob": "a pattern from that folder on, such as `data/**/*.csv`; default `*`"},
        ),
        "versions": Question("the versions of lyftnb, Python and the engines there"),
    },
    "job": {
        "state": Question("its stage, group, replicas and triggers, and what it is doing"),
        "progress": Question("the numbers of its stage"),
        "health": Question("whether its stage is well; if not, why"),
        "issues": Question("the open issues of its stage"),
    },
}
"""Kind of target → what it can be asked."""

_FORMS = "`manager`, `worker:GROUP`, `worker:NAME` or `job:DEPLOYMENT/STEP`"


@dataclass(frozen=True, slots=True)
class Target:
    """Who is asked."""

    kind: TargetKind
    name: str = ""
    """Of a worker: its name or group; of a job: `DEPLOYMENT/STEP`."""

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read a target as people write it.

        Raises:
            NotFound: it is of no kind that can be asked.
            SetupError: the name behind the kind is missing.

        >>> Target.parse("job:flights/clean")
        Target(kind='job', name='flights/clean')
        """
        word, _, name = text.partition(":")
        kind = next((kind for kind in QUESTIONS if kind == word), None)
        if kind is None:
            guess = near(word, QUESTIONS)
            meant = "" if guess is None else guess + (f":{name}" if name else "")
            hint = f"did you mean '{meant}'?" if meant else f"write {_FORMS}"
            raise NotFound(f"nobody can be asked under '{text}'", hint=hint)
        slashed = name.count("/") == 1 and all(name.split("/"))
        if (kind == "manager") == bool(name) or (kind == "job" and not slashed):
            raise SetupError(f"'{text}' names nobody who can be asked", hint=f"write {_FORMS}")
        return cls(kind, name)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was put."""

    ask: str
    options: Mapping[str, Any]

    @classmethod
    def of(cls, payload: Any, kind: TargetKind) -> Asked:
        """Read a request's payload: `{"ask": NAME, …options}`, or the name alone.

        Raises:
            NotFound: this kind of target knows no such question, or the question no such option.
            SetupError: the payload is no question at all.
        """
        spoken = {"ask": payload} if isinstance(payload, str) else payload
        if not isinstance(spoken, Mapping) or not isinstance(spoken.get("ask"), str):
            raise SetupError(
                "a request is a question's name, or an object with `ask`",
                hint='such as "state" or {"ask": "state"}; there is: ' + ", ".join(QUESTIONS[kind]),
            )
        ask = spoken["ask"]
        if ask not in QUESTIONS[kind]:
            raise unknown(f"question to a {kind}", ask, QUESTIONS[kind])
        options = {name: value for name, value in spoken.items() if name != "ask"}
        for name in options:
            if name not in QUESTIONS[kind][ask].options:
                raise unknown(f"option of the question '{ask}'", name, QUESTIONS[kind][ask].options)
        return cls(ask, options)


def reference() -> str:
    """The table of questions for the docs."""
    lines = ["| asked of | question | tells | options |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {kind} | `{ask}` | {question.about} | "
        + "; ".join(f"`{name}`: {meaning}" for name, meaning in question.options.items())
        + " |"
        for kind, questions in QUESTIONS.items()
        for ask, question in questions.items()
    ]
    return "\n".join(lines) + "\n"
