"""Names that people give: to what a workflow is made of, and to state."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, StringConstraints

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
STATE_NAME_PATTERN = r"([a-z][a-z0-9_]*/)?[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}"
"""A whole name of a namespace, a queue or a lock."""
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
DRAFT = "draft"
"""No context is called so, and nobody gives a deployment a name that ends so: drafts run as
`WORKFLOW_draft`."""

_NAME = re.compile(NAME_PATTERN)
_STATE_NAME = re.compile(STATE_NAME_PATTERN)
_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*$")
_SIZE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)?\s*$", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES = {
    "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip


def is_name(text: str) -> bool:
    """Whether `text` may serve as a name (and so, unquoted, as a SQL name)."""
    return _NAME.fullmatch(text) is not None


def deployment_name(workflow: str, context: str | None = None) -> str:
    """What a published version is deployed as where nobody says otherwise: in the default context
    (None), or in another.

    >>> deployment_name("flights"), deployment_name("flights", "prod")
    ('flights', 'flights_prod')
    """
    return workflow if context is None else f"{workflow}_{context}"


def draft_name(workflow: str) -> str:
    """The deployment that a workflow's draft runs as, in every context."""
    return deployment_name(workflow, DRAFT)


def is_state_name(text: str) -> bool:
    """Whether `text` may name a namespace, a queue or a lock; `DEPLOYMENT/NAME` is a deployment's
    own.

    >>> [is_state_name(name) for name in ("etl.counters", "flights/seen", "no spaces")]
    [True, True, False]
    """
    return _STATE_NAME.fullmatch(text) is not None


def seconds(text: str | int | float) -> float:
    """A duration in seconds: a number, or text such as `5s`, `250ms`, `1.5h`, `1d`.

    Raises:
        ValueError: the text is not a duration.

    >>> seconds("5m")
    300.0
    """
    if isinstance(text, int | float):
        return float(text)
    match = _DURATION.match(text)
    if match is None:
        raise ValueError(
            f"'{text}' is not a duration; write a number and a unit: 500ms, 5s, 2m, 1h, 1d, 1w"
        )
    return float(match[1]) * _SECONDS[match[2]]


def size_bytes(text: str | int) -> int:
    """A size in bytes: a number, or text such as `16MiB`, `2GB`.

    Raises:
        ValueError: the text is not a size.

    >>> size_bytes("16MiB")
    16777216
    """
    if isinstance(text, int):
        return text
    match = _SIZE.match(text)
    if match is None:
        raise ValueError(f"'{text}' is not a size; write a number and a unit: 64KiB, 16MiB, 2GB")
    return int(float(match[1]) * _BYTES[(match[2] or "B").lower()])


def _duration(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("expected a duration such as 5s or 1h, found true or false")
    if isinstance(value, str | int | float):
        seconds(value)
    return value


def _size(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("expected a size such as 16MiB, found true or false")
    if isinstance(value, str | int):
        size_bytes(value)
    return value


Duration = Annotated[str | int | float, BeforeValidator(_duration)]
"""A duration as the author wrote it; `seconds` gives its length."""
Size = Annotated[str | int, BeforeValidator(_size)]
"""A size as the author wrote it; `size_bytes` gives the number."""


def full_name(name: str, deployment: str) -> str:
    """The full name of a namespace, queue or lock: `./x` is the deployment's own.

    >>> full_name("./seen", "flights")
    'flights/seen'
    """
    return f"{deployment}/{name[2:]}" if name.startswith("./") else name
