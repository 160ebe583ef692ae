"""The port of planning, answered by the two floors that know kinds and types."""

from __future__ import annotations

from functools import cache

from lyftnb.catalog import document_schema
from lyftnb.connectors import ConnectorChecker
from lyftnb.model import JsonSchema
from lyftnb.operators import ActionChecker


class WorkspaceChecker(ActionChecker, ConnectorChecker):
    """Actions and conditions as `operators` knows them, inputs and outputs as `connectors` does."""

    def document_schema(self) -> JsonSchema:
        """The JSON Schema of workflow files, with the kinds of installed packages."""
        return document_schema(self.action_schemas(), self.input_schemas(), self.output_schemas())

    def troubles(self) -> tuple[str, ...]:
        """What installed packages offer that cannot be used, and why."""
        return self.action_troubles() + self.connector_troubles()


@cache
def checker() -> WorkspaceChecker:
    """The one checker of this process."""
    return WorkspaceChecker()
