"""The health gate: whether a revision does worse than the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lyftnb.model import BatchOutcome


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says."""

    settled: bool
    """Whether it has seen enough."""
    worse: str = ""
    """In what the new revision does worse; empty: in nothing."""


def judge(
    before: Sequence[BatchOutcome],
    after: Sequence[BatchOutcome],
    batches: int,
    blocked: Sequence[str] = (),
) -> Verdict:
    """Hold the first batches of a revision against the last ones of its predecessor.

    Args:
        before: the predecessor's; where it has none, only what is blocked counts.
        after: the revision's, oldest first.
        batches: so many of them settle it.
        blocked: stages that were blocked since; one is enough.
    """
    if blocked:
        return Verdict(True, f"stage {', '.join(blocked)} is blocked")
    if len(after) < batches:
        return Verdict(False)
    if not before:
        return Verdict(True)
    shares = [_share(side) for side in (before, after)]
    if shares[1] > shares[0]:
        return Verdict(
            True, f"it rejects {shares[1]:.1%} of its rows, the one before {shares[0]:.1%}"
        )
    failures = [sum(outcome.failures for outcome in side) for side in (before, after)]
    if failures[1] > failures[0]:
        told = f"its batches failed {failures[1]} times, those of the one before {failures[0]}"
        return Verdict(True, told)
    return Verdict(True)


def _share(outcomes: Sequence[BatchOutcome]) -> float:
    rows = sum(outcome.rows for outcome in outcomes)
    return sum(outcome.rejects for outcome in outcomes) / rows if rows else 0.0
