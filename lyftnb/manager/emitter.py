"""Messages of a stage's steps: built from what their batches leave, sent with a commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lyftnb.manager.programs import variables_of, variables_of_run
from lyftnb.model import Claim, EmitPart, EmitSpec, Job, MessageDraft, Run, Stage, TaskReport
from lyftnb.operators import Env, emission


@dataclass(frozen=True, slots=True)
class Emitter:
    """Knows which messages the steps of a stage send, and when."""

    deployment: str
    stage: Stage

    @property
    def steps(self) -> tuple[str, ...]:
        """Steps that send something at the end of a run, as `DEPLOYMENT/STEP`."""
        return tuple(
            f"{self.deployment}/{job.step}"
            for job in self.stage.jobs
            if any(spec.per == "run" for spec in job.emits)
        )

    def of_batch(
        self, run: Run, claim: Claim, reports: Iterable[TaskReport]
    ) -> tuple[tuple[MessageDraft, ...], tuple[EmitPart, ...]]:
        """What goes out with a batch, and what it leaves for the end of its run.

        Raises:
            ActionError: a field cannot be computed from what the rows gave.
        """
        parts = [part for report in reports for part in report.emits]
        drafts: list[MessageDraft] = []
        for job, index, spec in self._specs("batch"):
            found = _of(parts, job.step, index)
            if found or spec.empty:
                payload = self._payload(spec, found, variables_of(claim))
                drafts.append(self._draft(run, job, spec, payload, claim.batch))
        kept = {(job.step, index) for job, index, _ in self._specs("run")}
        return tuple(drafts), tuple(p for p in parts if (p.step, p.index) in kept)

    def of_run(self, run: Run, kept: Sequence[EmitPart]) -> tuple[MessageDraft, ...]:
        """What goes out at the end of a run.

        Raises:
            ActionError: as for `of_batch`.
        """
        variables = variables_of_run(run)
        drafts: list[MessageDraft] = []
        for job, index, spec in self._specs("run"):
            found = _of(kept, job.step, index)
            if found or spec.empty:
                drafts.append(
                    self._draft(run, job, spec, self._payload(spec, found, variables), None)
                )
        return tuple(drafts)

    def _specs(self, per: str) -> list[tuple[Job, int, EmitSpec]]:
        return [
            (job, index, spec)
            for job in self.stage.jobs
            for index, spec in enumerate(job.emits)
            if spec.per == per
        ]

    def _payload(
        self, spec: EmitSpec, parts: Sequence[EmitPart], variables: dict[str, Any]
    ) -> dict[str, Any]:
        partials = [part.partial for part in parts]
        return emission(spec.fields).payload(partials, Env(variables=variables))

    def _draft(
        self, run: Run, job: Job, spec: EmitSpec, payload: Any, batch: str | None
    ) -> MessageDraft:
        return MessageDraft(
            tag=spec.tag,
            payload=payload,
            source="job",
            type="emit",
            job=f"{self.deployment}/{job.step}",
            batch=batch,
            run=run.run,
            correlation=run.correlation or run.run,
            depth=run.depth,
        )


def _of(parts: Iterable[EmitPart], step: str, index: int) -> list[EmitPart]:
    return [part for part in parts if (part.step, part.index) == (step, index)]
