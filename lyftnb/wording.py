"""Counts and times as people say them."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """A number of things, in the singular where it is one.

    >>> [counted(1, "segment"), counted(1204, "segment"), counted(2, "batch")]
    ['1 segment', '1,204 segments', '2 batches']
    """
    ending = "" if count == 1 else "es" if noun.endswith("ch") else "s"
    return f"{count:,} {noun}{ending}"


def ago(seconds: float) -> str:
    """How long ago: in the largest unit.

    >>> [ago(42), ago(600), ago(90_000)]
    ['42s ago', '10m ago', '25h ago']
    """
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= 2 * length or (unit == "m" and seconds >= length):
            return f"{int(seconds // length)}{unit} ago"
    return f"{max(0, int(seconds))}s ago"
