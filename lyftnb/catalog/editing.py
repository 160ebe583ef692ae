"""Change the text of a workflow as little as possible to make it say something else.

Only the spans of values that differ are touched: everything else, comments, quoting, alignment and
blank lines included, stays byte for byte because nobody writes it anew.
"""

from __future__ import annotations

from typing import Any

from lyftnb.catalog.layout import entry, flow, item, lines
from lyftnb.catalog.scalars import quoted
from lyftnb.catalog.tree import Node, parse
from lyftnb.catalog.writing import text_of
from lyftnb.errors import InvalidWorkflow
from lyftnb.model import Path

_ORDER_COUNTS_FROM = 3
"""Depth from which the order of keys has a meaning (ports, derived columns); above, it is style."""


def edit(text: str, document: dict[str, Any]) -> str:
    """The text changed to say `document`.

    Comments, key order and layout of all that stays the same are kept; a document that says the
    same gives the very same text. Where the text shares parts by anchors and a change would reach
    too far, it is written anew.

    Raises:
        InvalidWorkflow: the text is no YAML, or says a thing twice; fix it by hand first.
    """
    tree = parse(text)
    if tree.problems:
        found = "".join(f"\n  {problem}" for problem in tree.problems)
        raise InvalidWorkflow(f"the text cannot be edited:{found}", problems=tree.problems)
    wanted = _plain(document)
    if tree.root is None:
        return text.rstrip("\n") + ("\n" if text.strip() else "") + text_of(wanted)
    if same(tree.root.value, wanted, ()):
        return text
    editor = _Editor(text)
    editor.change(tree.root, wanted, (), indent=0)
    changed = editor.result()
    again = parse(changed)
    if again.problems or again.root is None or not same(again.root.value, wanted, ()):
        return text_of(wanted)
    return changed


def same(old: Any, new: Any, path: Path) -> bool:
    """Whether two values say the same; 1, 1.0 and true are three things."""
    if isinstance(old, dict) and isinstance(new, dict):
        alike = (
            list(old) == list(new) if len(path) >= _ORDER_COUNTS_FROM else old.keys() == new.keys()
        )
        return alike and all(same(old[key], new[key], (*path, key)) for key in old)
    if isinstance(old, list) and isinstance(new, list):
        pairs = zip(old, new, strict=False)
        return len(old) == len(new) and all(same(a, b, (*path, 0)) for a, b in pairs)
    return type(old) is type(new) and bool(old == new)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


class _Unfit(Exception):
    """A place where a part cannot be cut out or put in by whole lines."""


class _Editor:
    """Collects replacements of spans; `result` carries them out."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._break = "\r\n" if "\r\n" in text else "\n"
        self._patches: list[tuple[int, int, str]] = []

    def result(self) -> str:
        """The text with all replacements made; insertions at one place in the order given."""
        out, at = "", 0
        for start, end, new in sorted(self._patches, key=lambda patch: patch[:2]):
            out += self._text[at:start] + new.replace("\n", self._break)
            at = end
        return out + self._text[at:]

    def change(self, node: Node, new: Any, path: Path, indent: int) -> None:
        """Make the root, or a value within brackets, say `new`."""
        if same(node.value, new, path):
            return
        if not self._inside(node, new, path):
            shown = flow(new) if node.flow else "\n".join(lines(new, path, indent)).lstrip()
            self._patch(node.start, node.end, self._requoted(node, new) or shown)

    def _inside(self, node: Node, new: Any, path: Path) -> bool:
        """Change only parts of a collection, if that is possible."""
        mark = len(self._patches)
        try:
            if isinstance(new, dict) and node.pairs:
                self._mapping(node, new, path)
            elif isinstance(new, list) and node.items:
                self._sequence(node, new, path)
            else:
                return False
        except _Unfit:
            del self._patches[mark:]
            return False
        return True

    def _mapping(self, node: Node, new: dict[str, Any], path: Path) -> None:
        kept = [key for key in node.pairs if key in new]
        if not kept or (
            len(path) >= _ORDER_COUNTS_FROM and kept != [key for key in new if key in node.pairs]
        ):
            raise _Unfit
        if node.flow and (len(kept) < len(node.pairs) or len(kept) < len(new)):
            raise _Unfit
        for key, (key_node, value) in node.pairs.items():
            if key not in new:
                self._patch(*self._entry_lines(key_node, value), "")
            elif node.flow:
                self.change(value, new[key], (*path, key), 0)
            else:
                self._entry(key_node, value, new[key], (*path, key))
        column = self._column(next(iter(node.pairs.values()))[0].start)
        before: str | None = None
        for key, inner in new.items():
            if key in node.pairs:
                before = key
                continue
            shown = lines({key: inner}, path, column)
            self._insert(node, before, shown)

    def _insert(self, node: Node, before: str | None, shown: list[str]) -> None:
        if before is None:
            at, _ = self._entry_lines(*next(iter(node.pairs.values())))
        else:
            _, at = self._entry_lines(*node.pairs[before])
        self._add(at, shown)

    def _entry(self, key: Node, value: Node, new: Any, path: Path) -> None:
        """Make one entry of a block mapping say `new`."""
        if same(value.value, new, path) or self._inside(value, new, path):
            return
        if requoted := self._requoted(value, new):
            self._patch(value.start, value.end, requoted)
            return
        after_colon = self._text.index(":", key.end) + 1
        column = self._column(key.start)
        head = " " * column + self._text[key.start : after_colon]
        shown = "\n".join(entry(head, new, path, column)).removeprefix(head)
        self._patch(after_colon, max(after_colon, value.end), shown)

    def _sequence(self, node: Node, new: list[Any], path: Path) -> None:
        old = node.items
        if not new or (node.flow and len(old) != len(new)):
            raise _Unfit
        head = _common(old, new, path)
        tail = _common(old[head:][::-1], new[head:][::-1], path)
        changed, wanted = old[head : len(old) - tail], new[head : len(new) - tail]
        for i, (was, now) in enumerate(zip(changed, wanted, strict=False)):
            if node.flow:
                self.change(was, now, (*path, head + i), 0)
            else:
                self._item(was, now, (*path, head + i))
        for gone in changed[len(wanted) :]:
            self._patch(*self._item_lines(gone), "")
        extra = wanted[len(changed) :]
        if extra:
            last = head + len(changed) - 1
            start, end = self._item_lines(old[max(last, 0)])
            column = self._column(self._dash(old[0]))
            shown = [line for inner in extra for line in item(inner, (*path, 0), column)]
            self._add(start if last < 0 else end, shown)

    def _item(self, node: Node, new: Any, path: Path) -> None:
        """Make one item of a block sequence say `new`."""
        if same(node.value, new, path) or self._inside(node, new, path):
            return
        if requoted := self._requoted(node, new):
            self._patch(node.start, node.end, requoted)
            return
        dash = self._dash(node)
        shown = "\n".join(item(new, path, self._column(dash))).lstrip()
        self._patch(dash, max(dash + 1, node.end), shown)

    def _requoted(self, node: Node, new: Any) -> str | None:
        """New text in the quotes of the old, where it had some."""
        old = self._text[node.start : node.start + 1]
        if not isinstance(new, str) or old not in ("'", '"') or not new.isprintable():
            return None
        return quoted(new) if old == '"' else "'" + new.replace("'", "''") + "'"

    def _patch(self, start: int, end: int, new: str) -> None:
        # A literal block ends behind its line break.
        if end > start and self._text[end - 1] == "\n" and new and not new.endswith("\n"):
            new += "\n"
        self._patches.append((start, end, new))

    def _add(self, at: int, shown: list[str]) -> None:
        begun = at == 0 or self._text[at - 1] == "\n" or any(p[0] == at for p in self._patches)
        missing = "" if begun else "\n"
        self._patches.append((at, at, missing + "\n".join(shown) + "\n"))

    def _column(self, at: int) -> int:
        return at - (self._text.rfind("\n", 0, at) + 1)

    def _dash(self, node: Node) -> int:
        at = self._text.rfind("-", 0, node.start)
        if at < 0 or self._text[at + 1 : node.start].strip():
            raise _Unfit
        return at

    def _item_lines(self, node: Node) -> tuple[int, int]:
        return self._whole_lines(self._dash(node), node.end)

    def _entry_lines(self, key: Node, value: Node) -> tuple[int, int]:
        return self._whole_lines(key.start, max(value.end, self._text.index(":", key.end) + 1))

    def _whole_lines(self, start: int, end: int) -> tuple[int, int]:
        """The lines from `start` to `end`, if nothing else stands on them before `start`."""
        first = start - self._column(start)
        if self._text[first:start].strip(" "):
            raise _Unfit
        if self._text[end - 1] == "\n":
            return first, end
        stop = self._text.find("\n", end)
        return first, len(self._text) if stop < 0 else stop + 1


def _common(old: list[Node], new: list[Any], path: Path) -> int:
    """How many items at the beginning say the same."""
    count = 0
    for was, now in zip(old, new, strict=False):
        if not same(was.value, now, (*path, 0)):
            break
        count += 1
    return count
