"""Time formats: DuckDB's letters in Polars' (chrono's) spelling, and the names of zones."""

from __future__ import annotations

import zoneinfo
from functools import lru_cache
from typing import Final

import polars as pl

from lyftnb.errors import near
from lyftnb.operators.expressions.values import Refusal

# DuckDB's letter → chrono's. DuckDB: %f microseconds, %g milliseconds, %n nanoseconds.
_SAME: Final = "YmdHMSIpjabABUWyuwVG%z"
_CHRONO: Final = {
    **{letter: f"%{letter}" for letter in _SAME},
    "f": "%6f", "g": "%3f", "n": "%9f",
    "-d": "%-d", "-m": "%-m", "-H": "%-H", "-I": "%-I", "-M": "%-M", "-S": "%-S", "-j": "%-j",
    "-y": "%-y",
}  # fmt: skip
_CLOCK: Final = frozenset("HIMSfgn")


def written(time: pl.Expr, pattern: str) -> pl.Expr:
    """A time as text."""
    return time.dt.to_string("".join(piece for _, piece in _pieces(pattern)))


def read(text: pl.Expr, pattern: str) -> tuple[pl.Expr, bool]:
    """A text as a time in microseconds, null where it does not fit; and whether it has a zone."""
    pieces = _pieces(pattern)
    letters = {letter.lstrip("-") for letter, _ in pieces}
    form = "".join(_reading(letter, piece) for letter, piece in pieces)
    form = form.replace(".%f", "%.f")
    if "%f" in form:
        raise Refusal("a fraction of a second stands behind a point", hint="write %S.%f")
    # Chrono needs a whole date and a whole time: what the format does not name is added.
    for letter, filler, spelled in (("Y", "1900", "%Y"), ("m", "01", "%m"), ("d", "01", "%d")):
        if not letters & _SAYS[letter]:
            text, form = text + f" {filler}", f"{form} {spelled}"
    if not letters & {"H", "I"}:
        text, form = text + " 00", form + " %H"
    if "M" not in letters:
        text, form = text + " 00", form + " %M"
    zoned = "z" in letters
    if zoned:
        form = form.replace("%z", "%#z")
    return text.str.to_datetime(form, time_unit="us", strict=False, exact=True), zoned


_SAYS: Final = {
    "Y": frozenset("YyG"),
    "m": frozenset("mbBjUWV"),
    "d": frozenset("djuwaAUWV"),
}


@lru_cache(maxsize=256)
def known_zone(name: object) -> str:
    """The name, if it is a time zone of the database.

    Raises:
        Refusal: it is not; the message names the nearest.
    """
    zones = zoneinfo.available_timezones()
    if isinstance(name, str) and name in zones:
        return name
    guess = near(str(name), zones)
    raise Refusal(
        f"'{name}' is no time zone",
        hint=f"did you mean '{guess}'?" if guess else "zones are named as in 'Europe/Berlin'",
    )


def _reading(letter: str, piece: str) -> str:
    if letter in ("f", "g", "n"):
        return "%f"
    return piece.replace("%-", "%")


def _pieces(pattern: str) -> list[tuple[str, str]]:
    """(letter, chrono's spelling); plain text has no letter."""
    out: list[tuple[str, str]] = []
    at = 0
    while at < len(pattern):
        if pattern[at] != "%":
            out.append(("", pattern[at]))
            at += 1
            continue
        letter = (
            pattern[at + 1 : at + 3]
            if pattern[at + 1 : at + 2] == "-"
            else pattern[at + 1 : at + 2]
        )
        if letter not in _CHRONO:
            raise Refusal(
                f"'%{letter}' is no known letter of a time format",
                hint="the usual ones are %Y %m %d %H %M %S %f %z",
            )
        out.append((letter, _CHRONO[letter]))
        at += 1 + len(letter)
    return out
