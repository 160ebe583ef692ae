"""The API is fed with what its own OpenAPI allows, and with what it does not: no 500, no hang."""

from __future__ import annotations

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error

from lyftnb.server.app import routed
from lyftnb.workspace.local import Workspace
from tests.dice import rounds
from tests.server.conftest import TOKEN

OPENAPI = routed().openapi()
SCHEMA = schemathesis.openapi.from_dict(OPENAPI).exclude(path="/api/v1/events")
"""But for the stream that never ends."""
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def outside(ws: Workspace) -> tuple[Path, set[Path]]:
    """The folder around the workspace, with what lies in it."""
    around = ws.path.parent
    return around, set(around.iterdir()) | set(ws.path.iterdir())


# With a parameter besides, operations have ids of their own: of one id xdist runs the first alone.
@pytest.mark.parametrize("answers_within_s", [30.0])
@SCHEMA.parametrize()
@settings(
    max_examples=rounds(12, 200),
    deadline=None,
    suppress_health_check=[*HealthCheck],
)
def test_no_request_breaks_the_manager(
    case: schemathesis.Case,
    answers_within_s: float,
    url: str,
    ws: Workspace,
    outside: tuple[Path, set[Path]],
) -> None:
    answer = case.call(base_url=url, headers=HEADERS, timeout=answers_within_s)
    case.validate_response(answer, checks=[not_a_server_error])
    around, there = outside
    assert {*around.iterdir(), *ws.path.iterdir()} <= there | {ws.path / "keys"}


def test_openapi_describes_errors_and_types() -> None:
    schemas = OPENAPI["components"]["schemas"]
    assert {"ProblemDetails", "Version", "Plan", "Run", "Issue", "Message"} <= set(schemas)
    for path, methods in OPENAPI["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"] and operation["description"], (method, path)
            assert operation["responses"]["default"]["content"], (method, path)
