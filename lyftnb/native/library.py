"""The library itself: where it lies and whether it is there."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("_native.so")
SWITCH = "LYFTNB_NATIVE"
"""This variable of the environment names another build of the library; `0` leaves it alone."""
AGREEMENT = 2
"""Of columns.h: a library with another one was built of other sources, and would read our structs
as what they are not.
"""


def is_built() -> bool:
    """Whether there is a library that this machine can load."""
    return library() is not None


@cache
def library() -> ctypes.CDLL | None:
    """The library, or None where it was not built, or not of these sources, or does not fit this
    machine.
    """
    file = os.environ.get(SWITCH) or str(FILE)
    if file == "0" or not os.path.isfile(file):
        return None
    try:
        found = ctypes.CDLL(file)
        agreement = found.lyftnb_agreement
    except (OSError, AttributeError):  # which the libraries before the agreement lack
        return None
    agreement.restype = ctypes.c_int64
    if agreement() != AGREEMENT:
        return None
    found.lyftnb_count_lines.argtypes = [ctypes.c_void_p, ctypes.c_int64]
    found.lyftnb_count_lines.restype = ctypes.c_int64
    for decode in (found.lyftnb_decode_lines, found.lyftnb_decode_records):
        decode.argtypes = [ctypes.c_void_p]
        decode.restype = ctypes.c_int64
    return found
