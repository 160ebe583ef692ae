"""What a bare word in a workflow file means, in both directions.

The rules are YAML 1.2's core schema, with two exceptions that keep data from being changed without
a word: digits after a leading zero (`00501`) and numbers that JSON cannot hold (`.inf`, `.nan`) are
text. So `on`, `no`, `12:30` and `2026-01-01` are text, as people expect.
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any

from lyftnb.errors import WorkflowError

_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_MAX_DIGITS = 300
# A bare word that is safe to write: nothing that YAML gives a meaning, in a flow or a block.
_CHAR = r"A-Za-z0-9_./*+$%^~()<>=;@\-"
_BARE = re.compile(rf"[{_CHAR}](?:[{_CHAR} ']*[{_CHAR}'])?")
_LEADING = "-*@%>=<~"


def meaning(word: str) -> Any:
    """The value of a bare word.

    >>> meaning("12"), meaning("no"), meaning("00501"), meaning("1e3"), meaning("")
    (12, 'no', '00501', 1000.0, None)
    """
    if word in _WORDS:
        return _WORDS[word]
    if word[0] not in "+-.0123456789" or len(word) > _MAX_DIGITS:
        return word
    if _INTEGER.fullmatch(word):
        return int(word, 0) if word[:2] in ("0x", "0o") else int(word)
    if _FLOAT.fullmatch(word):
        number = float(word)
        return number if abs(number) != float("inf") else word
    return word


def written(value: Any) -> str:
    """A scalar as it stands in a file: bare where that is safe, else in double quotes.

    Raises:
        WorkflowError: a number that no file can hold (an infinity, or no number at all).

    >>> written("flights"), written("00501"), written("12"), written(True), written("a: b")
    ('flights', '00501', '"12"', 'true', '"a: b"')
    """
    if isinstance(value, str):
        return value if _is_bare(value) and meaning(value) == value else quoted(value)
    if isinstance(value, float) and not isfinite(value):
        raise WorkflowError(f"a workflow file cannot hold the number {value}")
    return json.dumps(value)


def bare_key(key: str) -> str:
    """A key as it stands in a file. Keys are always text, so `on` or `2026` need no quotes."""
    return key if _is_bare(key) else quoted(key)


def _is_bare(text: str) -> bool:
    return _BARE.fullmatch(text) is not None and text[0] not in _LEADING


def quoted(text: str) -> str:
    """Text in double quotes; JSON's escapes are YAML's too, but for the pairs beyond 16 bits."""
    out = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else _escape(c) for c in out)


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
