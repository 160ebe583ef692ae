"""Secrets that this process has seen, so that no text which leaves it shows one.

Where a secret's value stood, its reference stands: `${secret.db/password}`, or, for a form that it
was written in, `${secret.db/password|url}`. So a redacted text says what was there, and where the
text is ours (a publication's payload, a split) the value can be put back on a worker: `restored`.

Errors redact themselves (`errors.LyftError`), log records as they are made; everything else is
redacted where it leaves a worker or is shown.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MIN_LENGTH = 4
"""A shorter secret would stand in every other text by chance."""

_MARK = re.compile(r"\$\{secret\.([a-z0-9_]+/[a-z0-9_]+)(?:\|([a-z0-9_]+))?\}")
_PART = 12
"""Lines of a secret, and what stands between its slashes, are looked for on their own if they have
so many characters: code that takes a path or an address apart shows parts of it.
"""

_FORMS: Mapping[str, Callable[[str], str]] = {
    "": lambda value: value,
    "url": lambda value: quote(value, safe=""),
    "form": quote_plus,
    "path": quote,
    "json": lambda value: json.dumps(value)[1:-1],
    "text": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "repr": lambda value: repr(value)[1:-1],
    "html": html.escape,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
}
"""How a value may be written, by the word that tells it in a reference."""

_lock = threading.Lock()
_references: dict[str, str] = {}
"""Text → the reference that stands for it."""
_pattern: re.Pattern[str] | None = None


def guard(name: str, value: str) -> None:
    """From now on this value, in whatever form, leaves this process as `${secret.NAME}` only."""
    global _pattern
    with _lock:
        if _references.get(value) is not None:
            return
        for form, write in _FORMS.items():
            mark = f"|{form}" if form else ""
            _references.setdefault(write(value), f"${{secret.{name}{mark}}}")
        for part in (*_shifted(value), *_parts(value)):
            if len(part) >= MIN_LENGTH:
                _references.setdefault(part, f"${{secret.{name}|part}}")
        longest = sorted(_references, key=len, reverse=True)
        if _pattern is None:
            _watch_logs()
        # A reference stays one, even if it holds a secret's value by chance.
        _pattern = re.compile("|".join((_MARK.pattern, *map(re.escape, longest))))


def references() -> dict[str, str]:
    """Text → the reference that stands for it; the longest texts first."""
    with _lock:
        return dict(sorted(_references.items(), key=lambda item: -len(item[0])))


def redact(text: str) -> str:
    """The text with each secret's value replaced by its reference."""
    if _pattern is None:
        return text
    return _pattern.sub(lambda match: _references.get(match[0], match[0]), text)


def redacted(value: Any) -> Any:
    """JSON-like data with all its texts redacted, keys too."""
    if _pattern is None:
        return value
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, bytes):
        return redact(value.decode(errors="surrogateescape")).encode(errors="surrogateescape")
    if isinstance(value, Mapping):
        return {redacted(k): redacted(v) for k, v in value.items()}
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(redacted(item) for item in value)
    return value


def marked(value: Any) -> frozenset[str]:
    """The names of the secrets that stand as references in JSON-like data."""
    if isinstance(value, str):
        return frozenset(match[1] for match in _MARK.finditer(value))
    if isinstance(value, Mapping):
        return marked([*value.keys(), *value.values()])
    if isinstance(value, list | tuple):
        return frozenset[str]().union(*map(marked, value))
    return frozenset()


def restored(value: Any, secrets: Mapping[str, str]) -> Any:
    """Redacted data with the values put back, in the forms in which they stood.

    Raises:
        ValueError: one stood in a form from which it cannot be told.
    """
    if isinstance(value, str):
        return _MARK.sub(lambda match: _written(match, secrets), value)
    if isinstance(value, Mapping):
        return {restored(k, secrets): restored(v, secrets) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(restored(item, secrets) for item in value)
    return value


def _written(match: re.Match[str], secrets: Mapping[str, str]) -> str:
    name, form = match[1], match[2] or ""
    if form not in _FORMS:
        raise ValueError(f"of the secret {name} only a part was kept")
    return _FORMS[form](secrets[name])


def _shifted(value: str) -> list[str]:
    """What the value looks like in the base64 of a longer text (`user:password`), at each offset,
    without the ends that depend on what stands beside it.
    """
    raw = value.encode()
    parts = []
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        first = (8 * offset + 5) // 6
        last = 8 * (offset + len(raw)) // 6
        parts.append(text[first:last])
    return parts


def _parts(value: str) -> list[str]:
    """Longer parts of the value, but for the words around a key in PEM."""
    parts = {*value.splitlines(), *value.split("/"), *value.split("@")} - {value}
    return [part for part in parts if len(part) >= _PART and "-----" not in part]


def _watch_logs() -> None:
    """Have every log record redacted as it is made, whoever's it is."""
    make = logging.getLogRecordFactory()

    def made(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        try:
            text = record.getMessage()
        except Exception:
            # The record's own mistake: logging tells of it, and the arguments must not show.
            record.args = redacted(record.args) if isinstance(record.args, tuple) else record.args
            text = str(record.msg)
        clean = redact(text)
        if clean != text:
            record.msg, record.args = clean, None
        if record.exc_info and record.exc_info[1] is not None:
            trail = "".join(traceback.format_exception(record.exc_info[1]))
            shown = redact(trail)
            if shown != trail:
                record.exc_info, record.exc_text = None, shown.rstrip()
        return record

    logging.setLogRecordFactory(made)
