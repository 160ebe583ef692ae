"""Requests: one reply each, also if it is an error; what comes too late is recorded only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from manager_kit import planned

from lyftnb.engine import Inquiry
from lyftnb.errors import BadData, LyftError, NotFound, SetupError, StepFailed, TimedOut
from lyftnb.manager import AtWork, Progress, Requests, StageProgress
from lyftnb.manager.questions import QUESTIONS
from lyftnb.model import IssueDraft, Message
from lyftnb.store import Ledger


@dataclass
class Workers:
    """Stands for workers: they answer with what the test says, when it says so."""

    answer: Callable[[], Any] = lambda: "here"
    heard: list[tuple[str, Inquiry]] = field(default_factory=list)

    def ask(self, whom: str, inquiry: Inquiry) -> Any:
        self.heard.append((whom, inquiry))
        return self.answer()


def requests(ledger: Ledger, workers: Workers | None = None, state: Any = "running") -> Requests:
    def progress() -> Progress:
        note = "no such column" if state == "blocked" else ""
        stages = tuple(
            StageProgress(name, state, 10, 9, 1, 2, 0, 5.0, 0, 0, note) for name in ("read", "work")
        )
        return Progress("d", 1.0, stages)

    engine: Any = workers or Workers()
    work = AtWork(planned(), progress)
    return Requests(ledger, lambda: engine, lambda: {"d": work}, "/folder")


def log(ledger: Ledger) -> list[Message]:
    return [m for m in ledger.messages() if m.type in ("request", "reply")]


def awaited(ledger: Ledger, count: int) -> list[Message]:
    """The log, once it has so many messages."""
    news = threading.Event()
    end = ledger.listen(lambda _topics: news.set())
    while len(found := log(ledger)) < count:
        assert news.wait(10)
        news.clear()
    end()
    return found


def test_request_and_reply_are_messages_of_one_correlation(ledger: Ledger) -> None:
    workers = Workers(lambda: {"files": []})
    asked = {"ask": "files", "glob": "*.csv"}
    assert requests(ledger, workers).ask("worker:etl", asked, 10) == {"files": []}
    request, reply = log(ledger)
    assert (request.type, request.source, request.payload["question"]) == (
        "request",
        "client",
        asked,
    )
    assert (reply.type, reply.source, reply.payload["late"]) == ("reply", "worker", False)
    assert request.correlation == reply.correlation is not None
    ((whom, inquiry),) = workers.heard
    assert (whom, inquiry.ask, inquiry.options, inquiry.base_path) == (
        "etl",
        "files",
        {"glob": "*.csv"},
        "/folder",
    )


def test_an_error_is_a_reply_too(ledger: Ledger) -> None:
    def fail() -> Any:
        raise StepFailed("the disk is gone", where="worker etl-0", hint="look for it")

    with pytest.raises(StepFailed, match="the disk is gone"):
        requests(ledger, Workers(fail)).ask("worker:etl", "health", 10)
    error = log(ledger)[1].payload["error"]
    assert (error["code"], error["hint"]) == ("step_failed", "look for it")


def test_a_late_reply_is_recorded_and_nobody_gets_it(ledger: Ledger) -> None:
    go = threading.Event()

    def slowly() -> str:
        assert go.wait(10)
        return "at last"

    with pytest.raises(TimedOut, match=r"gave no reply within 0\.01 s") as caught:
        requests(ledger, Workers(slowly)).ask("worker:etl", "state", 0.01)
    assert [m.type for m in log(ledger)] == ["request"]
    go.set()
    request, reply = awaited(ledger, 2)
    assert (reply.payload["answer"], reply.payload["late"]) == ("at last", True)
    assert request.correlation == reply.correlation == caught.value.facts["correlation"]


def test_an_answer_that_no_message_can_hold_becomes_an_error(ledger: Ledger) -> None:
    with pytest.raises(BadData, match="the answer cannot be sent"):
        requests(ledger, Workers(lambda: "x" * 10**6)).ask("worker:etl", "state", 10)
    assert log(ledger)[1].payload["error"]["hint"] == "ask for less"


def test_a_reply_after_the_end_of_the_workspace_ends_in_silence(ledger: Ledger) -> None:
    go, asked = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    def slowly() -> str:
        asked.set()
        assert go.wait(10)
        return "nobody listens"

    def ask() -> None:
        try:
            requests(ledger, Workers(slowly)).ask("worker:etl", "state", 10)
        except LyftError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert asked.wait(10)
    ledger.close()
    go.set()
    thread.join(10)
    assert [error.code for error in errors] == ["ledger"]


WRONG = [
    ("wroker:etl", "state", NotFound, "did you mean 'worker:etl'?"),
    ("etl", "state", NotFound, "`worker:GROUP`"),
    ("worker:", "state", SetupError, "names nobody"),
    ("job:work", "state", SetupError, "job:DEPLOYMENT/STEP"),
    ("manager:me", "state", SetupError, "names nobody"),
    ("manager", "stat", NotFound, "did you mean 'state'?"),
    ("manager", {"question": "state"}, SetupError, "an object with `ask`"),
    ("worker:etl", {"ask": "files", "blob": "*"}, NotFound, "did you mean 'glob'?"),
    ("job:e/work", "state", NotFound, "there is: d"),
    ("job:d/wrok", "state", NotFound, "did you mean 'work'?"),
]


@pytest.mark.parametrize(("target", "question", "error", "says"), WRONG)
def test_who_or_what_is_unknown_gets_a_clear_error(
    ledger: Ledger, target: str, question: Any, error: type[LyftError], says: str
) -> None:
    with pytest.raises(error) as caught:
        requests(ledger).ask(target, question, 10)
    assert says in str(caught.value)
    assert [m.type for m in log(ledger)] == ["request", "reply"]


def test_a_job_tells_of_its_stage(ledger: Ledger) -> None:
    ask = requests(ledger).ask
    state = ask("job:d/work", "state", 10)
    assert (state["stage"], state["state"], state["group"]) == ("d/work", "running", "default")
    assert ask("job:d/work", "progress", 10)["rows_in"] == 10
    assert ask("manager", "state", 10)["deployments"] == {
        "d": {"read": "running", "work": "running"}
    }


@pytest.mark.parametrize(
    ("state", "severity", "health"),
    [
        ("running", None, "healthy"),
        ("running", "warning", "healthy"),
        ("running", "error", "degraded"),
        ("blocked", None, "degraded"),
        ("paused", None, "paused"),
    ],
)
def test_health_has_its_reasons(ledger: Ledger, state: str, severity: Any, health: str) -> None:
    if severity:
        ledger.raise_issues([IssueDraft("input_problem", "d/work", "a bad file", severity)])
    answer = requests(ledger, state=state).ask("job:d/work", "health", 10)
    assert answer["health"] == health
    assert bool(answer["reasons"]) == (health == "degraded")
    assert bool(answer["warnings"]) == (severity == "warning")
    if state != "paused":
        assert requests(ledger, state=state).ask("manager", "health", 10)["health"] == health


def test_every_question_in_the_table_has_an_answer(ledger: Ledger) -> None:
    for kind, target in (("manager", "manager"), ("job", "job:d/work"), ("worker", "worker:etl")):
        for question in QUESTIONS[kind]:  # type: ignore[index]
            if (kind, question) != ("manager", "workers"):
                requests(ledger).ask(target, question, 10)
