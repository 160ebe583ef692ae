"""The actions that ship, one module per family.

Each is a parameter model and a way to bind it; they know frames and expressions, and nothing of
steps, batches or each other.
"""

from __future__ import annotations

from typing import Any

from lyftnb.operators.actions.aggregating import Aggregate
from lyftnb.operators.actions.columns import Derive, Remove, Rename, Select
from lyftnb.operators.actions.dedupe import Dedupe
from lyftnb.operators.actions.json_text import Json
from lyftnb.operators.actions.kv import Kv
from lyftnb.operators.actions.nested import Explode, Flatten, Unnest
from lyftnb.operators.actions.notify import Notify
from lyftnb.operators.actions.ordering import Distinct, Limit, Sample, Sort
from lyftnb.operators.actions.python import Python
from lyftnb.operators.actions.rows import Assert, Filter
from lyftnb.operators.actions.sql import SqlQuery
from lyftnb.operators.actions.tables import Join, Lookup
from lyftnb.operators.actions.text import AccessLog, Csv, KeyValue, Regex
from lyftnb.operators.actions.times import Time
from lyftnb.operators.actions.values import Cast, Fill, Hash, Mask
from lyftnb.operators.actions.window import Window
from lyftnb.operators.base import Action

BUILTIN: tuple[type[Action[Any]], ...] = (
    Filter,
    Derive,
    Select,
    Rename,
    Remove,
    Cast,
    Fill,
    Assert,
    Json,
    Csv,
    KeyValue,
    Regex,
    AccessLog,
    Time,
    Explode,
    Unnest,
    Flatten,
    Lookup,
    Join,
    Aggregate,
    Window,
    Sort,
    Limit,
    Sample,
    Distinct,
    Dedupe,
    Kv,
    Notify,
    Hash,
    Mask,
    SqlQuery,
    Python,
)
"""In the order in which people meet them: docs and palettes keep it."""
