"""Filling `{{name}}` in: from layers of a context, noting what was used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lyftnb.errors import near
from lyftnb.model import OWN_LAYER, ContextValue, Path, dotted, flattened, is_variable
from lyftnb.planning.contexts import ContextLayers, Layer, given, value_of
from lyftnb.planning.references import REFERENCE, as_text
from lyftnb.planning.report import Report


class Filling:
    """Fills in the references of steps of one worker group."""

    def __init__(self, layers: tuple[Layer, ...], group: str, report: Report) -> None:
        self._layers = layers
        self._group = group
        self._report = report
        self._values: dict[str, Any] = {}
        self._givers: dict[str, str] = {}
        self._places: dict[str, dict[str, None]] = {}
        self._open: tuple[str, ...] = ()
        self._at: Path = ()
        """Where in a step the reference stands that is being filled in."""

    @property
    def used(self) -> tuple[ContextValue, ...]:
        """The variables that were used, in the order of their first use."""
        return tuple(
            ContextValue(
                name, value, self._givers[name], self._group, tuple(self._places.get(name, ()))
            )
            for name, value in self._values.items()
        )

    def fill(self, value: Any, path: Path) -> Any:
        """`value` with its references filled in; the very same object where there are none."""
        if isinstance(value, str):
            return self._fill_text(value, path) if "{{" in value else value
        if isinstance(value, Mapping):
            filled = {k: self._fill_entry(v, (*path, k)) for k, v in value.items()}
            return filled if any(filled[k] is not value[k] for k in value) else value
        if isinstance(value, list | tuple):
            items = [self.fill(v, (*path, i)) for i, v in enumerate(value)]
            return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
        return value

    def _fill_entry(self, value: Any, path: Path) -> Any:
        return value if _is_verbatim(path, value) else self.fill(value, path)

    def _fill_text(self, text: str, path: Path) -> Any:
        if not self._open:
            self._at = path
        whole = REFERENCE.fullmatch(text)
        if whole and "}}" not in whole[1]:
            return self._lookup(whole[1], path, text)
        return REFERENCE.sub(lambda m: as_text(self._lookup(m[1], path, m[0])), text)

    def _lookup(self, name: str, path: Path, written: str) -> Any:
        """The variable's value; what was written, where there is none (and then a problem)."""
        if not is_variable(name):
            why = f"`{written}` names no variable, so it is left as it stands"
            hint = "a variable's name has letters, digits and _, with dots between names"
            self._report.warn(path, "bad_variable", why, hint)
            return written
        if name in self._open:
            ring = " -> ".join((*self._open[self._open.index(name) :], name))
            self._report.error(path, "context_cycle", f"context variables refer in a ring: {ring}")
            return written
        self._places.setdefault(name, {})[dotted(self._at)] = None
        if name in self._values:
            return self._values[name]
        found = given(name, self._layers)
        if not found:
            why = f"unknown context variable '{name}'"
            self._report.error(path, "unknown_variable", why, self._suggestion(name))
            return written
        layer = self._givers[name] = found[0].layer
        place = ("context", *name.split(".")) if layer == OWN_LAYER else path
        self._open = (*self._open, name)
        value = self.fill(value_of(found), place)
        self._open = self._open[:-1]
        self._values[name] = value
        return value

    def _suggestion(self, name: str) -> str:
        chosen = next((layer.name for layer in self._layers if ":" not in layer.name), OWN_LAYER)
        how = "set it under `context:`"
        if chosen != OWN_LAYER:
            how += f", or: lyftnb context set {chosen} {name} VALUE"
        else:
            how += ", or name a context that has it: --context NAME"
        guess = near(
            name, dict.fromkeys(p for layer in self._layers for p in flattened(layer.values))
        )
        return f"did you mean '{guess}'?" if guess else how


def values_now(
    used: tuple[ContextValue, ...], layers: ContextLayers, own: Mapping[str, Any]
) -> tuple[ContextValue, ...]:
    """What the variables of a plan would be if it were made now; those are missing that nothing
    gives any more, or not without going in a ring.
    """
    found: list[ContextValue] = []
    for item in used:
        report = Report()
        filling = Filling(layers.over(own, item.group), item.group, report)
        filling.fill(f"{{{{{item.name}}}}}", ())
        if not report.problems:
            found += [now for now in filling.used if now.name == item.name]
    return tuple(found)


def _is_verbatim(path: Path, value: Any) -> bool:
    """Words for people, and Python source, where `{{` has a meaning of its own (f-strings)."""
    if path[2:3] != ("actions",):
        return path[2:] == ("description",)
    match path[4:]:
        case ("description",) | ("python", "source"):
            return True
        case ("python",):
            return isinstance(value, str)
    return False
