"""A verb that can be called from afar: its name, its types, and what calling it twice would do."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, get_type_hints

from lyftnb.store.remote.codec import Codec, Packed

P = ParamSpec("P")
R = TypeVar("R")

Effect = Literal["read", "wait", "repeatable", "once"]
"""`read` changes nothing; `wait` neither, but takes its time. `repeatable` changes something, and
twice is as good as once. `once` must not happen twice.
"""


@dataclass(frozen=True)
class Verb:
    """One verb of the protocol. Arguments and result are encoded as the method's types say."""

    method: Callable[..., Any]
    effect: Effect

    @property
    def name(self) -> str:
        """Its name, here and there."""
        return self.method.__name__

    def pack_call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Packed:
        """The arguments of a call (without the object that is called).

        Raises:
            TypeError: the method takes no such arguments.
            SetupError: an argument is not of its declared type.
        """
        bound = self._signature.bind(None, *args, **kwargs)
        bound.apply_defaults()
        return self._arguments.pack(list(bound.arguments.values())[1:])

    def carry_out(self, target: object, call: Packed) -> Packed:
        """Call the method of `target` and give its result."""
        return self._result.pack([getattr(target, self.name)(**self._unpack_call(call))])

    async def wait_out(self, target: object, call: Packed) -> Packed:
        """Call the method of `target`, a coroutine, and give its result."""
        return self._result.pack([await getattr(target, self.name)(**self._unpack_call(call))])

    def unpack_result(self, result: Packed) -> Any:
        """The result of a call."""
        return self._result.unpack(result)[0]

    def _unpack_call(self, call: Packed) -> dict[str, Any]:
        names = list(self._signature.parameters)[1:]
        return dict(zip(names, self._arguments.unpack(call), strict=True))

    @cached_property
    def _signature(self) -> inspect.Signature:
        return inspect.signature(self.method)

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return get_type_hints(self.method, localns={"pa": _Arrow()})

    @cached_property
    def _arguments(self) -> Codec:
        return Codec([self._hints[name] for name in list(self._signature.parameters)[1:]])

    @cached_property
    def _result(self) -> Codec:
        return Codec([self._hints["return"]])


class _Arrow:
    """Stands for pyarrow in hints, which modules import for its types alone: a table or an array
    travels as it is, so its type says nothing about JSON.
    """

    def __getattr__(self, name: str) -> Any:
        return Any


Method = Callable[Concatenate[Any, P], R]


def read(method: Method[P, R]) -> Method[P, R]:
    """The same verb from afar: it changes nothing."""
    return _remote(Verb(method, "read"))


def wait(method: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]) -> Method[P, R]:
    """The same coroutine from afar, to be waited for."""
    return _remote(Verb(method, "wait"))


def repeatable(method: Method[P, R]) -> Method[P, R]:
    """The same verb from afar: it is asked again whenever its answer was lost."""
    return _remote(Verb(method, "repeatable"))


def once(method: Method[P, R]) -> Method[P, R]:
    """The same verb from afar: it is asked again only of an owner that would know it again."""
    return _remote(Verb(method, "once"))


def _remote(verb: Verb) -> Callable[..., Any]:
    @wraps(verb.method)
    def ask(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self.ask(verb, args, kwargs)

    ask.verb = verb  # type: ignore[attr-defined]
    return ask


def verbs_of(kind: type) -> dict[str, Verb]:
    """The verbs that a class declares, by name: all that its server will carry out."""
    found = ((name, getattr(kind, name)) for name in dir(kind))
    return {name: method.verb for name, method in found if hasattr(method, "verb")}
