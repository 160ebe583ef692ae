"""What tests of workflows on a real cluster share."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import polars as pl

from lyftnb.model import WorkflowSpec

Rows = Callable[[str], pl.DataFrame]
"""Spool → its rows, in order."""
SPOOL = {"transport": "spool"}
QUICK = {"attempts": 3, "delay": "10ms", "max_delay": "20ms"}
"""How steps try again."""


def flow(name: str, steps: dict[str, Any], **rest: Any) -> WorkflowSpec:
    """A workflow of these steps."""
    return WorkflowSpec.model_validate({"workflow": name, "steps": steps, **rest})


def until(condition: Callable[[], bool], what: Callable[[], Any]) -> None:
    """Wait for a condition, for as long as a loaded machine may take."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.05)
