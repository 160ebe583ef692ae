"""How a value is laid out as YAML: short things on one line, long ones as a block."""

from __future__ import annotations

from typing import Any

from lyftnb.catalog.scalars import bare_key, written
from lyftnb.model import Path

_WIDTH = 100
_INDENT = 2
# Parts that are blocks even if they would fit on a line, so that files look alike.
_BLOCKS: tuple[tuple[str, ...], ...] = (
    (),
    ("channels",),
    ("steps",),
    ("steps", "*"),
    ("steps", "*", "actions"),
    ("messages",),
)


def lines(value: Any, path: Path, indent: int) -> list[str]:
    """A non-empty mapping or list as a block: its lines, each indented by `indent`."""
    pad = " " * indent
    if isinstance(value, dict):
        return [
            line
            for key, inner in value.items()
            for line in entry(f"{pad}{bare_key(key)}:", inner, (*path, key), indent)
        ]
    out: list[str] = []
    for i, inner in enumerate(value):
        out += item(inner, (*path, i), indent)
    return out


def entry(head: str, value: Any, path: Path, indent: int) -> list[str]:
    """The lines of `head` (a key with its colon, indented) and its value."""
    if _is_prose(value):
        return _literal(head, value, indent + _INDENT)
    one_line = f"{head} {flow(value)}"
    if not isinstance(value, dict | list) or not value or _fits(one_line, value, path):
        return [one_line]
    return [head, *lines(value, path, indent + _INDENT)]


def item(value: Any, path: Path, indent: int) -> list[str]:
    """The lines of one item of a list, its dash at `indent`."""
    head = " " * indent + "-"
    if _is_prose(value):
        return _literal(head, value, indent + _INDENT)
    if isinstance(value, dict) and value and (len(value) == 1 or not _flat(value, head, path)):
        first, *rest = lines(value, path, indent + _INDENT)
        return [f"{head} {first.lstrip()}", *rest]
    return entry(head, value, path, indent)


def flow(value: Any) -> str:
    """A value on one line.

    >>> flow({"by": ["a", "b"], "n": 1})
    '{by: [a, b], n: 1}'
    """
    if isinstance(value, dict):
        inner = ", ".join(f"{bare_key(key)}: {flow(inner)}" for key, inner in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    return written(value)


def _fits(line: str, value: Any, path: Path) -> bool:
    """Whether a value may stand on one line, where it makes `line`."""
    return len(line) <= _WIDTH and not _is_block(path) and not _holds_prose(value)


def _flat(value: Any, head: str, path: Path) -> bool:
    return _fits(f"{head} {flow(value)}", value, path)


def _is_block(path: Path) -> bool:
    return any(
        len(pattern) == len(path)
        and all(want in ("*", part) for want, part in zip(pattern, path, strict=True))
        for pattern in _BLOCKS
    )


def _holds_prose(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_prose, value.values()))
    return any(map(_holds_prose, value)) if isinstance(value, list) else _is_prose(value)


def _is_prose(value: Any) -> bool:
    """Text of several lines that a literal block holds exactly."""
    if not isinstance(value, str) or "\n" not in value.rstrip("\n"):
        return False
    plain = all(char == "\n" or char.isprintable() for char in value)
    return plain and value[0] not in " \n"


def _literal(head: str, text: str, indent: int) -> list[str]:
    body = text.rstrip("\n")
    ends = len(text) - len(body)
    keep = {0: "-", 1: ""}.get(ends, "+")
    pad = " " * indent
    shown = [f"{pad}{line}" if line else "" for line in body.split("\n")]
    return [f"{head} |{keep}", *shown, *[""] * (ends - 1)]
