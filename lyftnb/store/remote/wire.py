"""Frames of the state protocol: what goes over the connection, and in what bounds.

A frame is three lengths (big-endian, 32 bits each) and three parts:

    header   a small JSON object, all that is looked at before the work is handed on
    values   JSON: arguments of a request, a result, or an error
    body     an Arrow IPC stream: the one Arrow table or array among the values, if there is one

The first frame of a connection is the client's hello, the second the owner's welcome; from then on
requests go one way and answers the other, in any order, matched by `id`.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

VERSION = 1

_LENGTHS = struct.Struct(">III")
_REST_S = 60.0
"""Once a frame has begun, the rest of it must arrive within this time."""
_SMALL = 2**14
"""What is smaller arrives whole: it is one record of TLS."""


class BadFrame(Exception):
    """What came is no frame of this protocol, or a larger one than may be sent."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large the parts of a frame may be."""

    header: int
    values: int
    body: int


HELLO = Bounds(header=4096, values=0, body=0)
"""Until the token has been shown."""
CALL = Bounds(header=4096, values=64 * 2**20, body=256 * 2**20)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it came."""

    header: Mapping[str, Any]
    values: bytes = b""
    body: bytes = b""

    def to_bytes(self) -> bytes:
        """As it is sent.

        Raises:
            BadFrame: it is larger than a frame may be.
        """
        parts = (json.dumps(self.header).encode(), self.values, self.body)
        _check([len(part) for part in parts], CALL)
        return b"".join((_LENGTHS.pack(*map(len, parts)), *parts))


async def read_frame(reader: asyncio.StreamReader, bounds: Bounds = CALL) -> Frame:
    """The next frame.

    Raises:
        BadFrame: the bytes are no frame within the bounds.
        EOFError: the connection ended.
        TimeoutError: the frame has begun and its rest does not come.
    """
    lengths = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
    _check(lengths, bounds)
    total = sum(lengths)
    # A timer for each small frame would cost as much as reading it.
    async with asyncio.timeout(_REST_S if total > _SMALL else None):
        rest = await reader.readexactly(total)
    header, values, _body = lengths
    parts = rest[:header], rest[header : header + values], rest[header + values :]
    try:
        found = json.loads(parts[0])
    except (ValueError, RecursionError):
        raise BadFrame("a header is not JSON") from None
    if not isinstance(found, dict):
        raise BadFrame("a header is not a JSON object")
    return Frame(found, parts[1], parts[2])


def _check(lengths: Sequence[int], bounds: Bounds) -> None:
    most = (bounds.header, bounds.values, bounds.body)
    for part, length, bound in zip(("header", "values", "body"), lengths, most, strict=True):
        if length > bound:
            raise BadFrame(f"the {part} of a frame has {length:,} bytes; {bound:,} are allowed")


def check_size(values: bytes, body: bytes) -> None:
    """See that a frame may hold these.

    Raises:
        BadFrame: it may not.
    """
    _check((0, len(values), len(body)), CALL)


def arrow_of(header: Mapping[str, Any]) -> tuple[int, str] | None:
    """Which of the values is in the body, and what it is (`codec.Packed.arrow`)."""
    match header.get("arrow"):
        case [int(place), str(kind)]:
            return place, kind
    return None
