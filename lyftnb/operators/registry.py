"""The actions there are: those that ship, and those of installed packages.

A package adds an action through an entry point of the group `lyftnb.actions`, whose name is the
action's kind and whose object is an `Action` subclass. It is imported when the kind is first asked
for, so a broken package harms only the workflows that use it.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from lyftnb.errors import ConfigError, LyftError, unknown
from lyftnb.model import is_name
from lyftnb.operators.actions import BUILTIN
from lyftnb.operators.base import Action

GROUP = "lyftnb.actions"

ACTIONS: dict[str, Action[Any]] = {kind.name: kind() for kind in BUILTIN}
"""The actions that ship, by kind."""


_AT_LENGTH = frozenset({"python", "sql", "lookup", "join"})
"""Built-in actions that run what users write, or read more than the rows that they are given."""


def is_prompt(kind: str) -> bool:
    """Whether an action of that kind takes time by its rows alone."""
    return kind in ACTIONS and kind not in _AT_LENGTH


def action_kinds() -> tuple[str, ...]:
    """Every kind, sorted; nothing is imported for it."""
    return tuple(sorted({*ACTIONS, *_installed()}))


def action(kind: str) -> Action[Any]:
    """The action of that kind.

    Raises:
        NotFound: there is none; the hint names the nearest.
        ConfigError: an installed package offers it, and cannot be imported, is no action, or takes
            a name that is taken.
    """
    offers = _installed().get(kind, ())
    owners = ", ".join(_owner(offer) for offer in offers)
    if kind in ACTIONS:
        if offers:
            raise ConfigError(
                f"{owners} offers an action '{kind}', which is a built-in one",
                hint="uninstall the package, or have it choose another name",
            )
        return ACTIONS[kind]
    if not offers:
        raise unknown("action", kind, action_kinds())
    if len(offers) > 1:
        raise ConfigError(
            f"several packages offer an action '{kind}': {owners}", hint="uninstall all but one"
        )
    return _loaded(offers[0])


def usable_actions() -> tuple[dict[str, Action[Any]], tuple[str, ...]]:
    """The actions that can be used, by kind, and what is wrong with those of installed packages
    that cannot. A built-in one stays, whoever offers another of its name.
    """
    usable, troubles = dict(ACTIONS), []
    for kind in _installed():
        try:
            usable[kind] = action(kind)
        except ConfigError as error:
            troubles.append(f"{error.message}; {error.hint}")
    return dict(sorted(usable.items())), tuple(troubles)


@cache
def _installed() -> dict[str, tuple[EntryPoint, ...]]:
    offers: dict[str, tuple[EntryPoint, ...]] = {}
    for offer in entry_points(group=GROUP):
        offers[offer.name] = (*offers.get(offer.name, ()), offer)
    return offers


@cache
def _loaded(offer: EntryPoint) -> Action[Any]:
    problem = "the package is broken"
    try:
        kind = offer.load()
        if not (isinstance(kind, type) and issubclass(kind, Action)):
            problem = f"{offer.value} is not a subclass of lyftnb.operators.Action"
        elif not is_name(offer.name) or kind.name != offer.name:
            problem = f"its class calls itself '{kind.name}'; both must be one lower-case name"
        else:
            return kind()
    except LyftError:
        raise
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    raise ConfigError(
        f"the action '{offer.name}' of {_owner(offer)} cannot be used: {problem}",
        hint="repair or uninstall the package",
    )


def _owner(offer: EntryPoint) -> str:
    return f"the package '{offer.dist.name}'" if offer.dist else f"'{offer.value}'"
