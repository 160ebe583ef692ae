"""Requests and their replies: each request gets exactly one, and both are messages on the bus.

The answer is worked out on a thread of its own, so that whoever asks can stop waiting. A reply that
comes after that is recorded, and nobody gets it.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lyftnb.engine import Engine, Inquiry
from lyftnb.errors import BadData, InternalError, LedgerError, LyftError, TimedOut, unknown
from lyftnb.installed import versions
from lyftnb.manager.progress import AtWork, StageProgress
from lyftnb.manager.questions import Asked, Target
from lyftnb.model import Issue, Job, Json, MessageDraft, Plan, Stage
from lyftnb.planning.due import describe_trigger
from lyftnb.store import Ledger

REQUEST, REPLY = "request", "reply"
"""Types of the two messages; they share a correlation id."""
_ILL = ("blocked", "retrying")


@dataclass(frozen=True, slots=True)
class Requests:
    """Puts requests and answers them. Thread-safe."""

    ledger: Ledger
    engine: Callable[[], Engine]
    """The engine, started if need be."""
    at_work: Callable[[], Mapping[str, AtWork]]
    """Deployments that run now."""
    base_path: str

    def ask(self, target: str, payload: Json, timeout_s: float) -> Json:
        """Ask, and wait for the reply.

        Raises:
            TimedOut: there was none in time.
            NotFound: there is no such target or question.
            BadData: the payload is not JSON, or too large.
            LyftError: whatever kept the target from answering.
        """
        correlation = f"request-{secrets.token_hex(6)}"
        self.ledger.publish(
            [
                MessageDraft(
                    payload={"to": target, "question": payload, "timeout_s": timeout_s},
                    type=REQUEST,
                    correlation=correlation,
                )
            ]
        )
        reply: Future[Json] = Future()
        threading.Thread(
            target=self._reply,
            args=(target, payload, correlation, reply),
            name="lyftnb-request",
            daemon=True,
        ).start()
        try:
            return reply.result(timeout_s)
        except TimeoutError:
            if reply.cancel():
                raise _late(target, timeout_s, correlation) from None
            # It came just now.
            return reply.result()

    def _reply(self, target: str, payload: Json, correlation: str, reply: Future[Json]) -> None:
        began = time.monotonic()
        try:
            outcome: Any = self._answer(target, payload)
        except LyftError as error:
            outcome = error
        except Exception as error:
            outcome = InternalError(
                f"{type(error).__name__}: {error}", where=f"request to {target}"
            )
        awaited = reply.set_running_or_notify_cancel()
        try:
            outcome = self._record(target, outcome, correlation, time.monotonic() - began, awaited)
        except LedgerError as error:
            # The workspace was closed meanwhile.
            outcome = error
        if not awaited:
            return
        if isinstance(outcome, BaseException):
            reply.set_exception(outcome)
        else:
            reply.set_result(outcome)

    def _record(
        self, target: str, outcome: Any, correlation: str, took_s: float, awaited: bool
    ) -> Any:
        """Put the reply on the bus; what becomes of an answer that the bus cannot take."""
        said = {"error": _error(outcome)} if isinstance(outcome, LyftError) else {"answer": outcome}
        draft = MessageDraft(
            payload={"from": target, **said, "seconds": round(took_s, 6), "late": not awaited},
            kind="system",
            source=_source(target),
            type=REPLY,
            job=_job_of(target),
            correlation=correlation,
        )
        try:
            self.ledger.publish([draft])
        except BadData as error:
            refused = BadData(f"the answer cannot be sent: {error.message}", hint="ask for less")
            return self._record(target, refused, correlation, took_s, awaited)
        return outcome

    # -- answers

    def _answer(self, text: str, payload: Json) -> Json:
        target = Target.parse(text)
        asked = Asked.of(payload, target.kind)
        if target.kind == "worker":
            root = str(self.ledger.root)
            inquiry = Inquiry(asked.ask, dict(asked.options), self.base_path, root)
            return self.engine().ask(target.name, inquiry)
        if target.kind == "manager":
            return self._of_manager(asked.ask)
        return self._of_job(asked.ask, *target.name.split("/"))

    def _of_manager(self, ask: str) -> Json:
        if ask == "versions":
            return versions()
        if ask == "workers":
            members = sorted(self.engine().members(), key=lambda member: member.name)
            return [{"name": m.name, "groups": dict(m.groups)} for m in members]
        if ask == "issues":
            return _issues(self.ledger.issues())
        running = {name: work.progress() for name, work in self.at_work().items()}
        stages = [(name, stage) for name, p in running.items() for stage in p.stages]
        if ask == "progress":
            return {name: asdict(progress) for name, progress in running.items()}
        if ask == "health":
            ill = [f"{name}/{s.stage}: {_reason(s)}" for name, s in stages if s.state in _ILL]
            return _health(self.ledger.issues(), ill)
        return {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "snapshot": self.ledger.snapshot(),
            "deployments": {
                name: {stage.stage: stage.state for stage in progress.stages}
                for name, progress in running.items()
            },
        }

    def _of_job(self, ask: str, deployment: str, step: str) -> Json:
        running = self.at_work()
        if deployment not in running:
            raise unknown("running deployment", deployment, running)
        work = running[deployment]
        stage, job = _job(work.plan, step)
        place = f"{deployment}/{stage.id}"
        issues = self.ledger.issues(place_prefix=place)
        if ask == "issues":
            return _issues(issues)
        now = next(s for s in work.progress().stages if s.stage == stage.id)
        if ask == "progress":
            return asdict(now)
        if ask == "health":
            ill = [_reason(now)] if now.state in _ILL else []
            return _health(issues, ill, paused=now.state == "paused")
        return {
            "job": f"{deployment}/{step}",
            "stage": place,
            "version": work.plan.version,
            "group": job.group,
            "replicas": job.replicas,
            "triggers": [describe_trigger(trigger) for trigger in stage.triggers],
            "state": now.state,
            "note": now.note,
        }


def _job(plan: Plan, step: str) -> tuple[Stage, Job]:
    jobs = {job.step: (stage, job) for stage in plan.stages for job in stage.jobs}
    if step not in jobs:
        raise unknown(f"job of deployment '{plan.deployment}'", step, jobs)
    return jobs[step]


def _reason(stage: StageProgress) -> str:
    return f"{stage.state}: {stage.note}" if stage.note else stage.state


def _health(issues: Iterable[Issue], ill: Iterable[str], *, paused: bool = False) -> Json:
    """Health with its reasons: errors degrade, warnings are only told."""
    found = list(issues)
    reasons = [f"{i.place}: {i.cause}" for i in found if i.severity == "error"] or list(ill)
    health = "degraded" if reasons else "paused" if paused else "healthy"
    warnings = [f"{i.place}: {i.cause}" for i in found if i.severity != "error"]
    return {"health": health, "reasons": reasons, "warnings": warnings}


def _issues(issues: Iterable[Issue]) -> Json:
    return [
        {
            "code": issue.code,
            "place": issue.place,
            "severity": issue.severity,
            "cause": issue.cause,
            "hint": issue.hint,
            "count": issue.count,
            "since": issue.first_at.isoformat(),
        }
        for issue in issues
    ]


def _error(error: LyftError) -> Json:
    return {
        "code": error.code,
        "message": error.message,
        "where": error.where,
        "hint": error.hint,
    }


def _late(target: str, timeout_s: float, correlation: str) -> TimedOut:
    return TimedOut(
        f"{target} gave no reply within {timeout_s:g} s",
        hint="it may be starting, frozen or gone; a reply that comes later is in the message log "
        f"under the correlation {correlation}",
        correlation=correlation,
    )


def _source(target: str) -> Literal["manager", "worker", "job"]:
    kind = target.partition(":")[0]
    return "worker" if kind == "worker" else "job" if kind == "job" else "manager"


def _job_of(target: str) -> str | None:
    return target.removeprefix("job:") if target.startswith("job:") else None
