"""Time formats: DuckDB's letters in Polars' (chrono's) spelling, and the names of zones."""

from __future__ import annotations

import zoneinfo
from functools import lru_cache
from typing import Final

import polars as pl

from lyftnb.dtypes import TIMESTAMP, in_calendar
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
_INSTEAD: Final = {
    "F": "write %Y-%m-%d", "T": "write %H:%M:%S", "R": "write %H:%M", "D": "write %m/%d/%y",
    "e": "write %d", "k": "write %H", "l": "write %I", "h": "write %b", "P": "write %p",
    "s": "seconds since 1970 are read by to_timestamp(), and by the action time as `unix`",
    "+": "ISO 8601 is read by CAST, and by the action time as `iso`",
    ".": "write %S.%f", "Z": "names of zones are not read; write %z for an offset",
}  # fmt: skip


def written(time: pl.Expr, pattern: str) -> pl.Expr:
    """A time as text; with %z it must have a zone."""
    parts: list[pl.Expr] = []
    form = ""
    for letter, piece in _pieces(pattern):
        if letter == "z":
            offset = time.dt.to_string("%:z").str.strip_suffix(":00")
            parts += [time.dt.to_string(form), offset] if form else [offset]
            form = ""
        else:
            form += piece
    if form or not parts:
        parts.append(time.dt.to_string(form))
    return parts[0] if len(parts) == 1 else pl.concat_str(parts)


def read(text: pl.Expr, pattern: str) -> tuple[pl.Expr, bool]:
    """A text as a time in microseconds, null where it does not fit; and whether it has a zone.

    Raises:
        Refusal: a letter is unknown, or what the letters say is no time.
    """
    pieces = _pieces(pattern)
    letters = {letter.lstrip("-") for letter, _ in pieces}
    _refuse_halves(letters)
    form = "".join(_reading(letter, piece) for letter, piece in pieces)
    form = form.replace(".%f", "%.f")
    if "%f" in form:
        raise Refusal("a fraction of a second stands behind a point", hint="write %S.%f")
    # Chrono needs a whole date and a whole time: what the format does not name is put in front,
    # for behind it might be taken for the rest of an offset.
    text = text.str.strip_chars()
    for said, filler, spelled in _FILLERS:
        if not letters & said:
            text, form = filler + text, f"{spelled} {form}"
    zoned = "z" in letters
    if zoned:
        form = form.replace("%z", "%#z")
    time = text.str.to_datetime(form, time_unit="us", strict=False, exact=True)
    if zoned and pieces[-1][0] != "z":
        # An offset of hours alone would take the next number for its minutes.
        time = pl.when(text.str.contains(_WHOLE_OFFSET)).then(time)
    return in_calendar(time, TIMESTAMP), zoned


_WHOLE_OFFSET: Final = r"[+-]\d{2}:?\d{2}(?:\D|$)|Z"
_WEEKS: Final = frozenset("UWV")
_WEEKDAYS: Final = frozenset("aAuw")
_FILLERS: Final = (
    (frozenset("YyG"), pl.lit("1900 "), "%Y"),
    (frozenset("mbBj") | _WEEKS, pl.lit("01 "), "%m"),
    (frozenset("dj") | _WEEKS, pl.lit("01 "), "%d"),
    (frozenset("HI"), pl.lit("00 "), "%H"),
    (frozenset("M"), pl.lit("00 "), "%M"),
)
"""Unless one of the letters is there: what to put in front, and how that is read."""


def _refuse_halves(letters: set[str]) -> None:
    """Chrono would stop the batch at some, and never find a time of the form of others."""
    if ("I" in letters) != ("p" in letters):
        raise Refusal("%I and %p say the hour only together", hint="write %I and %p, or %H")
    year, weeks, weekday = letters & {"Y", "y"}, letters & _WEEKS, letters & _WEEKDAYS
    by_week = weekday and ((year and letters & {"U", "W"}) or letters >= {"G", "V"})
    if (weeks or "G" in letters) and not by_week:
        raise Refusal(
            "a week says a day only with its year and the weekday",
            hint="write %G, %V and %u, or %Y, %W and %u",
        )
    by_day = year and ("j" in letters or ("d" in letters and letters & {"m", "b", "B"}))
    if weekday and not weeks and not by_day:
        raise Refusal("a weekday alone is no day", hint="name year, month and day, too")


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
                hint=_INSTEAD.get(letter, "the usual ones are %Y %m %d %H %M %S %f %z"),
            )
        out.append((letter, _CHRONO[letter]))
        at += 1 + len(letter)
    return out
