"""Operators: what happens to rows within a step. Frame in, frame out, over Polars LazyFrames.

Actions (parameter models that bind to a schema), the SQL dialect of their expressions, the chain
that runs the actions of consecutive steps as one lazy plan and parts the rejects, and the routing
of rows over ports. May use Polars and an in-memory DuckDB; must not know Dask, ledgers, spools,
connectors, or where a frame comes from and goes to.
"""

from lyftnb.model import Params
from lyftnb.operators.base import (
    INPUT,
    Action,
    ActionError,
    Bound,
    EagerBound,
    Env,
    Example,
    Flags,
    Kept,
    Made,
    Problems,
    Reason,
    Remembered,
    StatefulBound,
)
from lyftnb.operators.chain import Chain, ChainResult
from lyftnb.operators.checker import ActionChecker
from lyftnb.operators.dispatch import NO_ROUTE, Routed, route
from lyftnb.operators.emitting import Emission, emission, matches
from lyftnb.operators.held import Held, Pile, Scratch
from lyftnb.operators.registry import ACTIONS, action, action_kinds, is_prompt
from lyftnb.operators.rejects import (
    REJECTS_SCHEMA,
    RejectedRow,
    no_rejects,
    rejected,
    rejects_frame,
)
from lyftnb.operators.state_changes import StateChanges
from lyftnb.operators.windows import PENDING

__all__ = [
    "ACTIONS",
    "INPUT",
    "NO_ROUTE",
    "PENDING",
    "REJECTS_SCHEMA",
    "Action",
    "ActionChecker",
    "ActionError",
    "Bound",
    "Chain",
    "ChainResult",
    "EagerBound",
    "Emission",
    "Env",
    "Example",
    "Flags",
    "Held",
    "Kept",
    "Made",
    "Params",
    "Pile",
    "Problems",
    "Reason",
    "RejectedRow",
    "Remembered",
    "Routed",
    "Scratch",
    "StateChanges",
    "StatefulBound",
    "action",
    "action_kinds",
    "emission",
    "is_prompt",
    "matches",
    "no_rejects",
    "rejected",
    "rejects_frame",
    "route",
]
