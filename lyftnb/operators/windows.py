"""Event-time windows as a function: new rows and what is remembered in, windows that are due out.

All times in here are microseconds since the epoch (UTC), so that they are plain numbers.

**Watermarks.** Each input has a *watermark* before each of its rows: the largest event time of its
earlier rows, less the delay. A row is late if the watermark of its own input has passed its windows
by more than the allowed lateness. A window is due when the smallest watermark over the inputs has
come to its end. That one is never ahead of a row's own, so a window is not due before the last row
that may be in time for it. Hence which rows are late, and what each window holds, is a matter of
each input's order alone: not of batches, nor of how a batch takes its inputs in turn. (The same
comes out if merged inputs are put in one order, always next the one with the smallest watermark,
and each row is held against the smallest watermark before it.)

**What is remembered** is rows, in chunks by event time. A batch adds chunks, and drops those of
which no window takes rows any more; so a row is written once, and read when its windows are due. A
chunk may hold rows of windows that are done, too: those do not become due again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import polars as pl

from lyftnb.dtypes import HIDDEN
from lyftnb.operators.base import INPUT, Kept, Remembered

TIME = HIDDEN + "time"
SEQ = HIDDEN + "seq"
"""Numbers rows in the order of their arrival."""
BOUND = HIDDEN + "bound"
"""Of a row: windows that end here or before were closed when it came."""
START, END = HIDDEN + "start", HIDDEN + "end"
_FRESH, _CHUNK = HIDDEN + "fresh", HIDDEN + "chunk"
_PLACE, _SESSION = HIDDEN + "place", HIDDEN + "session"
_SEEN, _EMITTED, _SHOWN = HIDDEN + "seen", HIDDEN + "emitted", HIDDEN + "shown"

PENDING, SETTLED = "pending", "settled"
"""Label of the chunk that holds the marks: whether there are rows that were not emitted yet."""

BEGINNING, NEVER = -(2**62), 2**62
ORIGIN = 946_857_600_000_000
"""Monday 2000-01-03: windows are counted from here, as by DuckDB's `time_bucket`."""
_CHUNKS = 16
"""About so many chunks cover the time for which rows are remembered; and no batch adds more than
four times as many, however far its rows lie apart."""
_AT_ONCE = 1 << 20
"""So many rows of windows are made at once, unless one window has more: a row counts for each."""


T = TypeVar("T", int, pl.Expr)


@dataclass(frozen=True, slots=True)
class Sliding:
    """Windows of one length that begin at multiples of `every`; tumbling where both are equal."""

    size: int
    every: int

    def until(self, time: pl.Expr) -> pl.Expr:
        """A row of this time is late from this bound on: the end of its last window."""
        return (time - ORIGIN) // self.every * self.every + ORIGIN + self.size

    def first_end(self, rows: pl.DataFrame) -> int | None:
        """The first end of a window that takes one of the rows."""
        found: int | None = rows.select(self._first_end(BEGINNING).min()).item()
        return found

    def assign(self, rows: pl.DataFrame, low: int, high: int) -> pl.DataFrame:
        """Each row, once per window that takes it and ends after `low` and no later than `high`,
        with the window's `START` and `END`.

        Where windows overlap, thousands may take a row: so none are made but those.
        """
        first, last = self._first_end(low), self.until(pl.col(TIME))
        if self.every == self.size:
            placed = rows.with_columns(last.alias(END)).filter(first <= last, last <= high)
        else:
            last = pl.min_horizontal(last, pl.lit(self.last_end(high), dtype=pl.Int64))
            ends = pl.int_ranges(first, last + 1, self.every, dtype=pl.Int64)
            placed = rows.with_columns(ends.alias(END)).explode(END).drop_nulls(END)
        return placed.with_columns((pl.col(END) - self.size).alias(START))

    def pieces(self, rows: pl.DataFrame, low: int, high: int) -> Iterator[pl.DataFrame]:
        """As `assign`, but a few windows at a time, in the order of their ends: all of them may be
        a thousand times the rows. Gives one piece at least.
        """
        first = self._first_end(low)
        last = pl.min_horizontal(self.until(pl.col(TIME)), pl.lit(self.last_end(high)))
        rows = rows.filter(first <= last)
        count = (last - first) // self.every + 1
        begin, end, made = rows.select(a=first.min(), b=last.max(), n=count.sum()).row(0)
        if made <= _AT_ONCE or begin == end:
            yield self.assign(rows, low, high)
            return
        middle = self.last_end((begin + end) // 2)
        yield from self.pieces(rows, low, middle)
        yield from self.pieces(rows, middle, high)

    def _first_end(self, low: int) -> pl.Expr:
        """The first end after `low` of a window that takes the row."""
        after = pl.max_horizontal(TIME, BOUND, pl.lit(low, dtype=pl.Int64))
        return self.last_end(after) + self.every

    def last_end(self, bound: T) -> T:
        """The last end of a window that is not after this time."""
        return (bound - self.size - ORIGIN) // self.every * self.every + ORIGIN + self.size


@dataclass(frozen=True, slots=True)
class Sessions:
    """Windows per key, each going on while one row follows another by less than the gap."""

    gap: int

    def until(self, time: pl.Expr) -> pl.Expr:
        """A row of this time is late from this bound on: a session before it may have ended."""
        return time + 1

    def assign(self, rows: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
        """Each row with the `START` and `END` of its session."""
        time = pl.col(TIME)
        begins = over((time - time.shift(1) >= self.gap).fill_null(True), keys)
        ordered = rows.sort(TIME, maintain_order=True).with_columns(begins.alias(_SESSION))
        numbered = ordered.with_columns(over(pl.col(_SESSION).cum_sum(), keys))
        session = [*keys, _SESSION]
        return numbered.with_columns(
            time.min().over(session).alias(START),
            (time.max().over(session) + self.gap).alias(END),
        ).drop(_SESSION)


@dataclass(frozen=True, slots=True)
class Rule:
    """Which windows there are, and how long they wait for rows."""

    shape: Sliding | Sessions
    delay: int = 0
    lateness: int = 0
    idle_timeout: int | None = None

    @property
    def chunk_width(self) -> int:
        """How much event time one chunk covers."""
        span = self.shape.size if isinstance(self.shape, Sliding) else self.shape.gap
        return max((span + self.delay + self.lateness) // _CHUNKS, 1)


@dataclass(frozen=True, slots=True)
class Moment:
    """What else a batch knows."""

    inputs: tuple[str, ...]
    """The inputs that are merged, in the order in which a batch takes them."""
    now: int = 0
    """When the batch was claimed."""
    ending: bool = False
    """Everything that was not emitted yet is due."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far one input has come."""

    latest: int = BEGINNING
    """The largest event time of its rows."""
    seen: int = 0
    """When its last row came."""


@dataclass(frozen=True, slots=True)
class Marks:
    """How far the inputs have come, and the windows with them."""

    inputs: Mapping[str, Mark]
    emitted: int = BEGINNING
    """Windows that end here or before were emitted."""
    closed: int = BEGINNING
    """Windows that end here or before take no rows any more."""
    rows: int = 0
    """How many rows were numbered."""
    shown: int = 0
    """Rows with smaller numbers were emitted at the end of a run, due or not."""


@dataclass(frozen=True, slots=True)
class Advanced:
    """What became of a batch's rows."""

    late: pl.Series
    """Which of the rows came too late for all of their windows."""
    due: Iterator[pl.DataFrame]
    """The rows of windows to emit, with `START` and `END`: windows in the order in which they end
    (then, in which their first rows came), and in each window the rows as they came. In pieces of
    whole windows, one at least, each made when it is asked for."""
    kept: Kept


def advance(
    rows: pl.DataFrame, keys: Sequence[str], before: Remembered, rule: Rule, moment: Moment
) -> Advanced:
    """Take a batch of rows.

    Args:
        rows: as they came, with `INPUT`, `TIME`, the keys, and whatever else is to be had of them
            when their windows are due.
        keys: columns; each combination of their values has windows of its own.
        before: what was kept of earlier rows.
        rule: the windows.
        moment: what else there is to know.
    """
    chunks = dict(before)
    marks, pending = _marks(chunks)
    bound = _bounds(marks, rule, moment)
    number = pl.int_range(marks.rows, marks.rows + pl.len(), dtype=pl.Int64)
    numbered = rows.with_columns(bound.alias(BOUND), number.alias(SEQ))
    late = numbered.select(rule.shape.until(pl.col(TIME)) <= pl.col(BOUND)).to_series()
    taken = numbered.filter(~late)
    after = _moved(rows, marks, rule, moment)
    if isinstance(rule.shape, Sliding):
        low, high = _due_ends(rule.shape, taken, marks, after, moment)
        wanted = [c for c in chunks if _reaches(c, rule.shape, low) and _limits(c)[0] < high]
        rows_due = _together(chunks, wanted if low < high else [], taken)
        pieces = rule.shape.pieces(rows_due, low, high)
        kept = _sliding_kept(rule.shape, taken, chunks, pending, after, rule)
    else:
        low, high = BEGINNING, NEVER if moment.ending else after.emitted
        windows = rule.shape.assign(_together(chunks, list(chunks), taken), keys)
        pieces = iter((windows,))
        kept = _sessions_kept(taken.columns, windows, rule, after)
    fresh = pl.col(SEQ) >= marks.rows
    fresh |= (pl.col(SEQ) >= marks.shown) & (pl.col(END) > marks.emitted)

    def emitted(windows: pl.DataFrame) -> pl.DataFrame:
        due = windows.with_columns(fresh.alias(_FRESH))
        due = due.filter(pl.col(END) > low, pl.col(END) <= high)
        if low < marks.emitted or marks.shown:
            # Else they all end after those that were emitted, and all of their rows are fresh.
            due = due.filter(pl.col(_FRESH).any().over([*keys, START]))
        return _in_order(due, moment)

    dropped, added, waits = kept
    added[PENDING if waits and not moment.ending else SETTLED] = _marks_frame(after)
    return Advanced(late, map(emitted, pieces), Kept((*dropped, PENDING, SETTLED), added))


def over(value: pl.Expr, keys: Sequence[str]) -> pl.Expr:
    """The expression per key; over all rows where there are no keys."""
    return value.over(list(keys)) if keys else value


# --- how far things have come ---------------------------------------------------------------------


def _marks(chunks: dict[str, pl.LazyFrame]) -> tuple[Marks, bool]:
    """Take the marks out of what was kept; at the very beginning there are none."""
    pending = PENDING in chunks
    found = [chunks.pop(label) for label in (PENDING, SETTLED) if label in chunks]
    if not found:
        return Marks({}), False
    rows = found[0].collect().to_dicts()
    inputs = {row[INPUT]: Mark(row[TIME], row[_SEEN]) for row in rows}
    one = rows[0]
    return Marks(inputs, one[_EMITTED], one[BOUND], one[SEQ], one[_SHOWN]), pending


def _marks_frame(marks: Marks) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                INPUT: name,
                TIME: mark.latest,
                _SEEN: mark.seen,
                _EMITTED: marks.emitted,
                BOUND: marks.closed,
                SEQ: marks.rows,
                _SHOWN: marks.shown,
            }
            for name, mark in marks.inputs.items()
        ]
    )


def _bounds(marks: Marks, rule: Rule, moment: Moment) -> pl.Expr:
    """For each row: windows that end here or before are closed to it."""
    known = {name: mark.latest for name, mark in marks.inputs.items()}
    several = len(moment.inputs) > 1
    earlier = over(pl.col(TIME).cum_max().shift(1), [INPUT] if several else [])
    if several:
        at_first = pl.col(INPUT).replace_strict(known, default=BEGINNING, return_dtype=pl.Int64)
    else:
        at_first = pl.lit(known.get(moment.inputs[0], BEGINNING), dtype=pl.Int64)
    watermark = pl.max_horizontal(earlier, at_first) - rule.delay
    return pl.max_horizontal(watermark - rule.lateness, pl.lit(marks.closed, dtype=pl.Int64))


def _moved(rows: pl.DataFrame, marks: Marks, rule: Rule, moment: Moment) -> Marks:
    """The marks after a batch."""
    latest = dict(rows.group_by(INPUT).agg(pl.col(TIME).max()).iter_rows())
    inputs = dict(marks.inputs)
    for name in moment.inputs:
        mark = inputs.get(name, Mark(seen=moment.now))
        if name in latest:
            mark = Mark(max(mark.latest, latest[name]), moment.now)
        inputs[name] = mark
    waited_for = [
        inputs[name].latest
        for name in moment.inputs
        if rule.idle_timeout is None or moment.now - inputs[name].seen < rule.idle_timeout
    ]
    emitted = max(marks.emitted, min(waited_for, default=BEGINNING) - rule.delay)
    count = marks.rows + rows.height
    return Marks(
        inputs,
        emitted,
        max(marks.closed, emitted - rule.lateness),
        count,
        count if moment.ending else marks.shown,
    )


# --- windows --------------------------------------------------------------------------------------


def _due_ends(
    shape: Sliding,
    taken: pl.DataFrame,
    marks: Marks,
    after: Marks,
    moment: Moment,
) -> tuple[int, int]:
    """Between which ends the windows lie that are due: more than the first, up to the second."""
    low = marks.emitted
    if marks.closed < marks.emitted:
        reopened = shape.first_end(taken)
        low = low if reopened is None else min(low, reopened - 1)
    return low, NEVER if moment.ending else shape.last_end(after.emitted)


def _together(
    chunks: Mapping[str, pl.LazyFrame], wanted: Sequence[str], taken: pl.DataFrame
) -> pl.DataFrame:
    """The remembered rows of these chunks and the new ones."""
    columns = taken.columns
    old = [chunks[c].select(columns).with_columns(pl.lit(c).alias(_CHUNK)) for c in wanted]
    new = taken.lazy().with_columns(pl.lit(None, dtype=pl.String).alias(_CHUNK))
    return pl.concat([*old, new], how="vertical_relaxed").collect()


def _in_order(due: pl.DataFrame, moment: Moment) -> pl.DataFrame:
    places = {name: i for i, name in enumerate(moment.inputs)}
    place = pl.col(INPUT).replace_strict(places, default=len(places), return_dtype=pl.Int64)
    return due.with_columns(place.alias(_PLACE)).sort(END, _PLACE, SEQ)


# --- what is kept ---------------------------------------------------------------------------------


_Keeping = tuple[list[str], dict[str, pl.DataFrame], bool]
"""Chunks to drop, chunks to add, and whether there are rows that were not emitted yet."""


def _sliding_kept(
    shape: Sliding,
    taken: pl.DataFrame,
    chunks: Mapping[str, pl.LazyFrame],
    pending: bool,
    after: Marks,
    rule: Rule,
) -> _Keeping:
    dropped = [c for c in chunks if not _reaches(c, shape, after.closed)]
    new = taken.filter(shape.until(pl.col(TIME)) > after.closed)
    waits = not new.filter(shape.until(pl.col(TIME)) > after.emitted).is_empty()
    waits |= pending and any(_reaches(c, shape, after.emitted) for c in chunks)
    return dropped, dict(_chunked(new, rule.chunk_width)), waits


def _sessions_kept(columns: list[str], windows: pl.DataFrame, rule: Rule, after: Marks) -> _Keeping:
    """Chunks without a session that takes rows go; those with few are written anew."""
    live = windows.filter(pl.col(END) > after.closed).sort(SEQ)
    dropped: list[str] = []
    added = dict(_chunked(live.filter(pl.col(_CHUNK).is_null()).select(columns), rule.chunk_width))
    counts = windows.drop_nulls(_CHUNK).group_by(_CHUNK, maintain_order=True)
    for chunk, rows, wanted in counts.agg(pl.len(), (pl.col(END) > after.closed).sum()).iter_rows():
        if 2 * wanted >= rows:
            continue
        dropped.append(chunk)
        left = live.filter(pl.col(_CHUNK) == chunk).select(columns)
        if wanted:
            added[chunk] = pl.concat([left, added[chunk]]) if chunk in added else left
    waiting = (pl.col(END) > after.emitted) & (pl.col(SEQ) >= after.shown)
    return dropped, added, not windows.filter(waiting).is_empty()


def _chunked(rows: pl.DataFrame, width: int) -> list[tuple[str, pl.DataFrame]]:
    """Rows by the label of their chunk: the event times that it covers."""
    if rows.is_empty():
        return []
    first, last = rows.select(first=pl.col(TIME).min(), last=pl.col(TIME).max()).row(0)
    width = max(width, (last - first) // (4 * _CHUNKS) + 1)
    low = pl.col(TIME) // width * width
    label = pl.format("{}:{}", low, low + width).alias(_CHUNK)
    parts = rows.with_columns(label).partition_by(
        _CHUNK, as_dict=True, include_key=False, maintain_order=True
    )
    return [(str(chunk), part) for (chunk,), part in parts.items()]


def _limits(chunk: str) -> tuple[int, int]:
    low, _colon, high = chunk.partition(":")
    return int(low), int(high)


def _reaches(chunk: str, shape: Sliding, bound: int) -> bool:
    """Whether a row of the chunk may lie in a window that ends after the bound."""
    newest = _limits(chunk)[1] - 1
    return shape.last_end(newest + shape.size) > bound
