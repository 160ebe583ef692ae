"""Values on the wire: JSON as the declared types say, Arrow as it is, errors of our own tree.

Arguments, and a result as a list of one, are a JSON list. The one Arrow table or array that may be
among them travels in the body; its place in the list holds null.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, from_json, to_json

from lyftnb import errors
from lyftnb.errors import InternalError, LyftError, SetupError

_EXPECTED = re.compile(r"Expected (.+?) - serialized")
_LOOSE = (Iterable, Collection)
"""Types of arguments that become lists on the way, because JSON has no other."""
_CONFIG = ConfigDict(ser_json_inf_nan="constants")


@dataclass(frozen=True, slots=True)
class Packed:
    """Values ready to be sent."""

    values: bytes
    body: bytes = b""
    arrow: tuple[int, str] | None = None
    """Which value the body is, and what it is: `table` or `array`."""

    @property
    def header(self) -> dict[str, Any]:
        """What the frame's header has to say of them."""
        return {} if self.arrow is None else {"arrow": self.arrow}


class Codec:
    """Packs and unpacks lists of values of given types."""

    def __init__(self, types: Sequence[Any]) -> None:
        self._loose = {place for place, kind in enumerate(types) if get_origin(kind) in _LOOSE}
        listed = (
            list.__class_getitem__(get_args(kind)) if get_origin(kind) in _LOOSE else kind
            for kind in types
        )
        whole: Any = tuple.__class_getitem__(tuple(listed))
        self._adapter: TypeAdapter[Any] = TypeAdapter(whole, config=_CONFIG)

    def pack(self, values: Sequence[Any]) -> Packed:
        """Make values ready to be sent.

        Raises:
            SetupError: a value is not of its declared type, or JSON cannot hold it.
        """
        plain = [list(v) if place in self._loose else v for place, v in enumerate(values)]
        arrow, body = None, b""
        for place, value in enumerate(values):
            kind = _arrow_kind(value)
            if kind is not None:
                arrow, body, plain[place] = (place, kind), _to_ipc(value), None
        try:
            return Packed(self._adapter.dump_json(tuple(plain), warnings="error"), body, arrow)
        except PydanticSerializationError as error:
            wrong = _EXPECTED.search(str(error))
            what = f"expected {wrong[1]}" if wrong else str(error).strip()
            raise SetupError(
                f"a value cannot be sent: {what}", hint="send text, numbers, lists and objects"
            ) from None

    def unpack(self, packed: Packed) -> list[Any]:
        """The values that were sent.

        Raises:
            SetupError: they are not of the declared types, or the Arrow stream cannot be read.
        """
        try:
            values = list(self._adapter.validate_json(packed.values))
            if packed.arrow is not None:
                place, kind = packed.arrow
                values[place] = _from_ipc(packed.body, kind)
        except (ValueError, TypeError, LookupError, RecursionError, OSError) as error:
            raise SetupError(f"values cannot be read: {_sentence(error)}") from None
        return values


def pack_error(error: BaseException) -> Packed:
    """An error ready to be sent; one that is not ours goes as `InternalError`."""
    if not isinstance(error, LyftError):
        error = InternalError(f"{type(error).__name__}: {error}", hint="see the owner's log")
    fields = {
        "kind": next(c.__name__ for c in type(error).__mro__ if c.__module__ == errors.__name__),
        "message": _utf8(error.message),
        "where": _utf8(error.where),
        "hint": _utf8(error.hint),
    }
    try:
        facts = to_json(error.facts, inf_nan_mode="constants", fallback=str)
    except ValueError:
        facts = b"{}"
    return Packed(to_json([fields, from_json(facts)], inf_nan_mode="constants"))


def unpack_error(packed: Packed) -> LyftError:
    """The error that was sent, of its class or the nearest one that all sides know."""
    fields, facts = from_json(packed.values)
    kind = getattr(errors, fields["kind"], LyftError)
    return kind(fields["message"], where=fields["where"], hint=fields["hint"], **facts)


def _utf8(text: str | None) -> str | None:
    """The text without what UTF-8 cannot hold (half of a character in a file's name, say)."""
    return None if text is None else text.encode(errors="replace").decode()


def _sentence(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error) or type(error).__name__
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{first['msg']} (at {'.'.join(map(str, first['loc']))})"


def _arrow_kind(value: Any) -> str | None:
    # By its module first: values are many, and few of them are Arrow.
    if type(value).__module__.partition(".")[0] != "pyarrow":
        return None
    import pyarrow as pa

    if isinstance(value, pa.Table):
        return "table"
    return "array" if isinstance(value, pa.Array | pa.ChunkedArray) else None


def _to_ipc(value: Any) -> bytes:
    import pyarrow as pa

    table = value if isinstance(value, pa.Table) else pa.table([value], names=["values"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def _from_ipc(body: bytes, kind: str) -> Any:
    import pyarrow as pa

    table = pa.ipc.open_stream(body).read_all()
    table.validate(full=True)
    return table if kind == "table" else table.column(0).combine_chunks()
