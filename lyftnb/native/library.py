"""The library itself: where it lies and whether it is there."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("_native.so")
SWITCH = "LYFTNB_NATIVE"
"""This variable of the environment names another build of the library; `0` leaves it alone."""


def is_built() -> bool:
    """Whether there is a library that this machine can load."""
    return library() is not None


@cache
def library() -> ctypes.CDLL | None:
    """The library, or None where it was not built or does not fit this machine."""
    file = os.environ.get(SWITCH) or str(FILE)
    if file == "0" or not os.path.isfile(file):
        return None
    try:
        found = ctypes.CDLL(file)
    except OSError:
        return None
    found.lyftnb_count_lines.argtypes = [ctypes.c_void_p, ctypes.c_int64]
    found.lyftnb_count_lines.restype = ctypes.c_int64
    for decode in (found.lyftnb_decode_lines, found.lyftnb_decode_records):
        decode.argtypes = [ctypes.c_void_p]
        decode.restype = ctypes.c_int64
    return found
