"""From what is deployed to what is asked for: the changes, as one list.

Pure: the compiled plan, the revision that is deployed and the facts about positions, state, spools
and worker groups come in, a `DeploymentPlan` comes out. One module for each kind of thing that
changes; `explain` tells it in words. It must not know the ledger nor the manager.
"""

from lyftnb.planning.deploying.deployment_plan import deploy
from lyftnb.planning.deploying.explaining import (
    Section,
    explain_plan,
    full_sentence_of,
    kept_context,
    mark_of,
    sections_of,
    sentence_of,
    title_of,
    verdict_of,
)
from lyftnb.planning.deploying.gating import Verdict, judge
from lyftnb.planning.deploying.observing import Observed, ObservedSpool
from lyftnb.planning.deploying.settings import with_settings

__all__ = [
    "Observed",
    "ObservedSpool",
    "Section",
    "Verdict",
    "deploy",
    "explain_plan",
    "full_sentence_of",
    "judge",
    "kept_context",
    "mark_of",
    "sections_of",
    "sentence_of",
    "title_of",
    "verdict_of",
    "with_settings",
]
