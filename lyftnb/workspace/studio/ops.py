"""Carry out changes of a document, and bring two changes of one document together.

Documents are values: a change gives a new one that shares what stays the same with the old.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lyftnb.errors import SetupError
from lyftnb.model import Path, dotted
from lyftnb.workspace.studio.protocol.drafts import Op

_ABSENT: Any = object()


def applied(document: dict[str, Any], ops: Iterable[Op]) -> dict[str, Any]:
    """The document after these changes, one after the other.

    Raises:
        SetupError: one does not fit; nothing is changed.
    """
    for op in ops:
        changed = _changed(document, op.path, op, ())
        if not isinstance(changed, dict):
            raise _unfit(op, "a document is a mapping")
        document = changed
    return document


def _changed(holder: Any, path: Path, op: Op, above: Path) -> Any:
    """`holder` with the change made at `path` below it; `above` leads to it."""
    if not path:
        if op.op == "order":
            return _ordered(holder, op)
        if op.op != "put":
            raise _unfit(op, "it needs a place within the document")
        return op.value
    part, rest = path[0], path[1:]
    if rest or op.op == "order":
        return _with(
            holder, part, _changed(_inner(holder, part, rest, op), rest, op, (*above, part)), op
        )
    if op.op == "put":
        return _with(holder, part, op.value, op)
    if op.op == "insert":
        return _inserted(holder, part, op)
    return _removed(holder, part, op) if op.op == "remove" else _renamed(holder, part, op)


def _inner(holder: Any, part: str | int, rest: Path, op: Op) -> Any:
    """What lies at `part`; for what is put, the mappings and lists on the way are made."""
    found = _at(holder, part)
    if found is not _ABSENT and found is not None:
        return found
    if op.op not in ("put", "insert") or not rest:
        raise _unfit(op, f"there is no {_shown(part)}")
    return [] if isinstance(rest[0], int) else {}


def _at(holder: Any, part: str | int) -> Any:
    if isinstance(holder, dict) and isinstance(part, str):
        return holder.get(part, _ABSENT)
    if isinstance(holder, list) and isinstance(part, int) and 0 <= part < len(holder):
        return holder[part]
    return _ABSENT


def _with(holder: Any, part: str | int, value: Any, op: Op) -> Any:
    if isinstance(holder, dict) and isinstance(part, str):
        return {**holder, part: value}
    if isinstance(holder, list) and isinstance(part, int) and 0 <= part < len(holder):
        return [*holder[:part], value, *holder[part + 1 :]]
    raise _unfit(op, f"there is no {_shown(part)}")


def _inserted(holder: Any, part: str | int, op: Op) -> Any:
    if isinstance(holder, list) and isinstance(part, int) and 0 <= part <= len(holder):
        return [*holder[:part], op.value, *holder[part:]]
    raise _unfit(op, "only a list takes an item, at an index that it has or its end")


def _removed(holder: Any, part: str | int, op: Op) -> Any:
    if _at(holder, part) is _ABSENT:
        raise _unfit(op, f"there is no {_shown(part)}")
    if isinstance(holder, dict):
        return {key: value for key, value in holder.items() if key != part}
    return [item for index, item in enumerate(holder) if index != part]


def _renamed(holder: Any, part: str | int, op: Op) -> Any:
    name = op.value
    if not isinstance(holder, dict) or part not in holder or not isinstance(name, str):
        raise _unfit(op, "only a key that is there can be renamed, to a text")
    if name != part and name in holder:
        raise _unfit(op, f"there is a {_shown(name)} already")
    return {name if key == part else key: value for key, value in holder.items()}


def _ordered(holder: Any, op: Op) -> Any:
    keys = op.value
    if not isinstance(holder, dict) or not isinstance(keys, list | tuple):
        raise _unfit(op, "only the keys of a mapping are ordered, by a list")
    if len(keys) != len(holder) or set(map(str, keys)) != holder.keys():
        raise _unfit(op, "the list must name each key once")
    return {key: holder[key] for key in keys}


def _shown(part: str | int) -> str:
    return f"item {part}" if isinstance(part, int) else f"'{part}'"


def _unfit(op: Op, why: str) -> SetupError:
    return SetupError(
        f"the change '{op.op}' does not fit: {why}",
        where=dotted(op.path) or None,
        hint="open the draft again: it may be another than was thought",
    )


def merged(base: Any, ours: Any, theirs: Any) -> tuple[Any, tuple[Path, ...]]:
    """Both changes of `base` in one value, and where they clash: there, ours stands.

    Mappings are merged key by key, lists of one length item by item, all else as a whole.

    >>> merged({"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "b": 3})
    ({'a': 2, 'b': 3}, ())
    """
    conflicts: list[Path] = []
    return _merged(base, ours, theirs, (), conflicts), tuple(conflicts)


def _merged(base: Any, ours: Any, theirs: Any, path: Path, conflicts: list[Path]) -> Any:
    if alike(ours, theirs) or alike(base, theirs):
        return ours
    if alike(base, ours):
        return theirs
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return _merged_mapping(
            base if isinstance(base, dict) else {}, ours, theirs, path, conflicts
        )
    lists = all(isinstance(value, list) for value in (base, ours, theirs))
    if lists and len(base) == len(ours) == len(theirs):
        triples = enumerate(zip(base, ours, theirs, strict=True))
        return [_merged(b, o, t, (*path, i), conflicts) for i, (b, o, t) in triples]
    conflicts.append(path)
    return ours


def _merged_mapping(
    base: dict[str, Any],
    ours: dict[str, Any],
    theirs: dict[str, Any],
    path: Path,
    conflicts: list[Path],
) -> dict[str, Any]:
    """Ours in its order, with their new keys behind the one that they follow there."""
    out: dict[str, Any] = {}
    for key in _together(list(ours), list(theirs)):
        values = (base.get(key, _ABSENT), ours.get(key, _ABSENT), theirs.get(key, _ABSENT))
        value = _merged(*values, (*path, key), conflicts)
        if value is not _ABSENT:
            out[key] = value
    return out


def _together(ours: list[str], theirs: list[str]) -> list[str]:
    out = list(ours)
    before: str | None = None
    for key in theirs:
        if key not in ours:
            out.insert(0 if before is None else out.index(before) + 1, key)
        before = key
    return out


def alike(a: Any, b: Any) -> bool:
    """Whether two values say the same, the order of keys included; 1 and true are two things."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a is b or (list(a) == list(b) and all(alike(a[key], b[key]) for key in a))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(alike(x, y) for x, y in zip(a, b, strict=True))
    return a is b or (type(a) is type(b) and bool(a == b))
