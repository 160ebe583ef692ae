"""The port of planning, answered by the two floors that know kinds and types."""

from __future__ import annotations

from functools import cache

from lyftnb.connectors import ConnectorChecker
from lyftnb.operators import ActionChecker


class WorkspaceChecker(ActionChecker, ConnectorChecker):
    """Actions and conditions as `operators` knows them, inputs and outputs as `connectors` does."""


@cache
def checker() -> WorkspaceChecker:
    """The one checker of this process."""
    return WorkspaceChecker()
