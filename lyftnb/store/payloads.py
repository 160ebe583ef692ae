"""Payloads of work items and messages: JSON text of a bounded size."""

from __future__ import annotations

import json
import math

from lyftnb.errors import BadData
from lyftnb.model import PAYLOAD_BYTES, Json

_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_SECONDS = 10 * 366 * 86400.0
_NAME_CHARACTERS = 200


def to_text(payload: Json, where: str) -> str:
    """A payload as JSON text.

    Raises:
        BadData: it is not JSON, or too large.
    """
    try:
        text = _JSON.encode(payload)
        size = len(text) if text.isascii() else len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise BadData(
            f"the payload is not JSON: {error}",
            where=where,
            hint="use texts, finite numbers, booleans, None, lists, and dicts with text keys",
        ) from error
    if size > PAYLOAD_BYTES:
        raise BadData(
            f"the payload has {size:,} bytes as JSON; at most {PAYLOAD_BYTES:,} are allowed",
            where=where,
            hint="put the bulk into a spool or a file and name it in the payload",
        )
    return text


def check_text(text: object, what: str, where: str) -> None:
    """Refuse what cannot serve as a name or an id of something.

    Raises:
        BadData: it is no text, empty, too long, or cannot be written as UTF-8.
    """
    if not isinstance(text, str) or not 0 < len(text) <= _NAME_CHARACTERS or not _encodes(text):
        raise BadData(
            f"the {what} must be a text of 1 to {_NAME_CHARACTERS} characters, not {text!r:.60}",
            where=where,
        )


def check_seconds(value: float, what: str, where: str, least: float = 0.0) -> None:
    """Refuse what is no duration.

    Raises:
        BadData: it is not finite, below `least`, or more than ten years.
    """
    if not math.isfinite(value) or not least <= value <= _SECONDS:
        raise BadData(
            f"the {what} must be a number of seconds from {least:g} to ten years, not {value!r}",
            where=where,
        )


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
