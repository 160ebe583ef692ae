"""Event-time windows: however the input is cut, the result is that of one big batch, and right."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyftnb.errors import WorkflowError
from lyftnb.model import ActionSpec, Schema
from lyftnb.operators import ActionChecker, Chain, Env
from lyftnb.operators.base import INPUT, Kept
from lyftnb.operators.windows import (
    BEGINNING,
    BOUND,
    END,
    NEVER,
    ORIGIN,
    PENDING,
    SETTLED,
    TIME,
    Sliding,
)

START = datetime(2026, 3, 1, 9)
SCHEMA = {"at": pl.Datetime("us"), "key": pl.String, "n": pl.Int64}
Row = tuple[int | None, str | None, int]
"""Seconds after START, key, n."""


@dataclass
class Runner:
    """One `window` action over the batches of a stage: what it keeps is handed on, as chunks of
    frames that each went through the types of a spool.
    """

    params: dict[str, Any]
    inputs: tuple[str, ...] = ("a",)
    chunks: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    out: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)

    def batch(
        self, rows: dict[str, Sequence[Row]], *, ending: bool = False, now: datetime = START
    ) -> list[dict[str, Any]]:
        """Take a batch: its rows, input by input; gives what it emits."""
        frames = [
            frame(rows.get(name, ())).with_columns(pl.lit(name).alias(INPUT))
            for name in self.inputs
        ]
        remembered = {
            label: pl.concat(frames, how="diagonal").lazy() for label, frames in self.chunks.items()
        }
        env = Env(
            now=now.replace(tzinfo=UTC),
            inputs=self.inputs,
            remembered={"w": remembered},
            ending=ending,
        )
        chain = Chain(pl.concat(frames).lazy(), pl.Schema(SCHEMA), env)
        chain.step("s", [ActionSpec(kind="window", params=self.params)], "reject", ["w"], env)
        done = chain.collect()
        self.keep(done.kept["s", "w"])
        emitted = done.frame.to_dicts()
        self.out += emitted
        self.rejects += done.rejects.to_dicts()
        return emitted

    def keep(self, kept: Kept) -> None:
        for label in kept.dropped:
            self.chunks.pop(label, None)
        for label, added in kept.added.items():
            assert not added.is_empty()
            self.chunks.setdefault(label, []).append(added)

    @property
    def remembered_rows(self) -> int:
        marks = (PENDING, SETTLED)
        return sum(f.height for k, frames in self.chunks.items() if k not in marks for f in frames)

    @property
    def last(self) -> dict[tuple[Any, Any], dict[str, Any]]:
        """The last row per key and window; of sessions, those that no later row overlaps."""
        if "session" not in self.params:
            return {(row["key"], row["window_start"]): row for row in self.out}
        last: list[dict[str, Any]] = []
        for row in self.out:
            last = [old for old in last if not overlap(old, row)] + [row]
        return {(row["key"], row["window_start"]): row for row in last}


def overlap(a: dict[str, Any], b: dict[str, Any]) -> bool:
    meet = a["window_start"] < b["window_end"] and b["window_start"] < a["window_end"]
    return bool(meet and a["key"] == b["key"])


def frame(rows: Sequence[Row]) -> pl.DataFrame:
    data = [(None if t is None else START + timedelta(seconds=t), k, n) for t, k, n in rows]
    return pl.DataFrame(data, schema=SCHEMA, orient="row")


COMPUTE = {"rows": "count(*)", "total": "sum(n)", "first": "first(n)", "last": "last(n)"}


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    params: dict[str, Any] = {"time": "at", "by": "key", "compute": COMPUTE}
    kind = draw(st.sampled_from(("tumbling", "hopping", "session")))
    if kind == "session":
        params["session"] = f"{draw(st.integers(1, 8))}s"
    else:
        size = draw(st.integers(1, 12))
        params["size"] = f"{size}s"
        if kind == "hopping":
            params["every"] = f"{draw(st.integers(1, size))}s"
    params["delay"] = f"{draw(st.sampled_from((0, 0, 1, 5)))}s"
    params["lateness"] = f"{draw(st.sampled_from((0, 0, 2, 20)))}s"
    return params


rows = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 40)), st.sampled_from(("x", "y", None))),
    max_size=30,
)


@st.composite
def streams(draw: st.DrawFn) -> dict[str, list[Row]]:
    """One to three inputs, their rows more or less in order; `n` numbers all rows."""
    found: dict[str, list[Row]] = {}
    count = 0
    for name in "abc"[: draw(st.integers(1, 3))]:
        own = draw(rows)
        if draw(st.booleans()):
            own = sorted(own, key=lambda row: (row[0] or 0) // 4)
        if draw(st.booleans()):
            gap = draw(st.integers(0, len(own)))
            own[gap:] = [(None if t is None else t + 10**9, k) for t, k in own[gap:]]
        found[name] = [(t, k, count + i) for i, (t, k) in enumerate(own)]
        count += len(own)
    return found


def cut(data: st.DataObject, inputs: dict[str, list[Row]]) -> Iterator[dict[str, list[Row]]]:
    """Batches that each take the next few rows of some inputs, until all are taken."""
    left = {name: list(own) for name, own in inputs.items()}
    while any(left.values()):
        sizes = {n: data.draw(st.integers(0, len(own)), label=n) for n, own in left.items()}
        if not any(sizes.values()):
            sizes = {n: len(own) for n, own in left.items()}
        yield {n: own[: sizes[n]] for n, own in left.items()}
        left = {n: own[sizes[n] :] for n, own in left.items()}


def seconds(params: dict[str, Any], name: str) -> int:
    return int(params[name].rstrip("s"))


def expected(
    params: dict[str, Any], inputs: dict[str, list[Row]]
) -> tuple[dict[Any, dict[str, Any]], list[int]]:
    """By hand, row by row: the windows that are due at the end, and the rows that came late."""
    delay, lateness = seconds(params, "delay"), seconds(params, "lateness")
    offset = (START - datetime(2000, 1, 3)) // timedelta(seconds=1)
    members: dict[Any, list[Row]] = defaultdict(list)
    late: list[int] = []
    marks: list[float] = []
    for own in inputs.values():
        watermark = float("-inf")
        for t, key, n in own:
            if t is None:
                continue
            if "session" in params:
                taken = [None] if t >= watermark - lateness else []
            else:
                size = seconds(params, "size")
                every = seconds(params, "every") if "every" in params else size
                last = (t + offset) // every * every - offset
                starts = range(last, t - size, -every)
                taken = [s for s in starts if s + size > watermark - lateness]
            for start in taken:
                members[key, start].append((t, key, n))
            if not taken:
                late.append(n)
            watermark = max(watermark, t - delay)
        marks.append(watermark)
    windows: dict[Any, tuple[int, list[Row]]] = {}
    for (key, start), own in members.items():
        if start is None:
            for session in sessions(own, seconds(params, "session")):
                begin = min(t for t, _, _ in session)
                end = max(t for t, _, _ in session) + seconds(params, "session")
                windows[key, begin] = end, session
        else:
            windows[key, start] = start + seconds(params, "size"), own
    return {
        (key, start): {
            "key": key,
            "window_start": START + timedelta(seconds=start),
            "window_end": START + timedelta(seconds=end),
            "rows": len(own),
            "total": sum(n for _, _, n in own),
            "first": own[0][2],
            "last": own[-1][2],
        }
        for (key, start), (end, own) in windows.items()
        if end <= min(marks)
    }, late


def sessions(own: list[Row], gap: int) -> Iterator[list[Row]]:
    """Islands of rows, each as they came."""
    times = sorted({t for t, _, _ in own})
    begins = [t for i, t in enumerate(times) if i == 0 or t - times[i - 1] >= gap]
    for i, begin in enumerate(begins):
        end = begins[i + 1] if i + 1 < len(begins) else float("inf")
        yield [row for row in own if begin <= row[0] < end]


def numbers(rejects: list[dict[str, Any]]) -> list[int]:
    """The late rows among rejects, by their `n`."""
    import json

    return sorted(json.loads(r["_row"])["n"] for r in rejects if r["code"] == "late")


@settings(max_examples=120, deadline=None)
@given(rules(), streams(), st.data())
def test_any_cutting_gives_what_one_batch_gives(
    params: dict[str, Any], inputs: dict[str, list[Row]], data: st.DataObject
) -> None:
    if "session" in params and params["lateness"] != "0s":
        # A late row may open a session again that was emitted: it is emitted anew in the end.
        inputs = {name: [*own, (2 * 10**9, "z", 0)] for name, own in inputs.items()}
    whole = Runner(params, tuple(inputs))
    whole.batch(inputs)
    pieces = Runner(params, tuple(inputs))
    for batch in cut(data, inputs):
        pieces.batch(batch)
    windows, late = expected(params, inputs)
    assert list(whole.last.values()) == whole.out, "one batch emits a window once"
    by_start = {(k, START + timedelta(seconds=s)): row for (k, s), row in windows.items()}
    assert whole.last == by_start
    assert pieces.last == whole.last
    assert numbers(whole.rejects) == numbers(pieces.rejects) == sorted(late)
    nulls = sum(t is None for own in inputs.values() for t, _, _ in own)
    assert sum(r["code"] == "no_time" for r in pieces.rejects) == nulls
    if params["lateness"] == "0s":
        assert pieces.out == whole.out, "without lateness each window once, in the same order"


@settings(max_examples=60, deadline=None)
@given(rules(), streams(), st.data())
def test_ends_of_runs_show_what_is_open_and_change_nothing_else(
    params: dict[str, Any], inputs: dict[str, list[Row]], data: st.DataObject
) -> None:
    pieces = Runner(params, tuple(inputs))
    for batch in cut(data, inputs):
        pieces.batch(batch)
        if data.draw(st.booleans(), label="ends"):
            pieces.batch({}, ending=True)
            assert pieces.batch({}, ending=True) == [], "nothing is shown twice"
            assert SETTLED in pieces.chunks and PENDING not in pieces.chunks
    whole = Runner(params, tuple(inputs))
    whole.batch(inputs)
    pieces.batch({}, ending=True)
    whole.batch({}, ending=True)
    assert pieces.last == whole.last
    assert numbers(pieces.rejects) == numbers(whole.rejects)
    with_time = sum(t is not None for own in inputs.values() for t, _, _ in own)
    if params.get("every", params.get("size")) == params.get("size"):
        counted = sum(row["rows"] for row in pieces.last.values())
        assert counted + len(numbers(pieces.rejects)) == with_time, "each row is in one window"


@settings(max_examples=30, deadline=None)
@given(rows, st.integers(1, 12), st.integers(1, 12))
def test_what_duckdb_gives(own: list[tuple[int | None, str | None]], size: int, every: int) -> None:
    """Over sorted data nothing is late, and each window is a group of a join with all starts."""
    every = min(size, every)
    timed = sorted((row for row in own if row[0] is not None), key=lambda row: row[0] or 0)
    table = [(t, k, i) for i, (t, k) in enumerate(timed)]
    runner = Runner(
        {"time": "at", "by": "key", "size": f"{size}s", "every": f"{every}s", "compute": COMPUTE}
    )
    runner.batch({"a": table}, ending=True)
    events = frame(table)
    found = duckdb.sql(
        f"""
        SELECT key, s AS window_start, s + INTERVAL {size} SECOND AS window_end, count(*) AS rows,
            sum(n)::BIGINT AS total, first(n ORDER BY n) AS first, last(n ORDER BY n) AS last
        FROM events, (
            SELECT unnest(range(
                time_bucket(INTERVAL {every} SECOND, TIMESTAMP '{START}' - INTERVAL 1 MINUTE),
                TIMESTAMP '{START}' + INTERVAL 1 MINUTE, INTERVAL {every} SECOND)) AS s)
        WHERE s <= events."at" AND events."at" < s + INTERVAL {size} SECOND
        GROUP BY key, s ORDER BY window_end, first
        """
    ).pl()
    assert runner.out == found.to_dicts()
    assert len(events) == len(table)


def test_a_late_row_is_rejected_and_with_lateness_opens_its_window_again() -> None:
    params = {"time": "at", "by": "key", "size": "10s", "compute": COMPUTE}
    strict = Runner(params)
    assert strict.batch({"a": [(1, "x", 1), (12, "x", 2)]})[0]["rows"] == 1
    assert strict.batch({"a": [(3, "x", 3)]}) == []
    assert numbers(strict.rejects) == [3]
    patient = Runner(params | {"lateness": "10s"})
    assert patient.batch({"a": [(1, "x", 1), (12, "x", 2)]})[0]["rows"] == 1
    assert patient.batch({"a": [(3, "x", 3)]})[0]["total"] == 4
    assert [r["rows"] for r in patient.batch({"a": [(20, "x", 4), (4, "x", 5)]})] == [1]
    assert numbers(patient.rejects) == [5]


def test_a_late_row_bridges_two_sessions() -> None:
    runner = Runner(
        {"time": "at", "by": "key", "session": "5s", "lateness": "1m", "compute": COMPUTE}
    )
    emitted = runner.batch({"a": [(0, "x", 1), (8, "x", 2), (20, "x", 3)]})
    assert [row["rows"] for row in emitted] == [1, 1]
    [bridged] = runner.batch({"a": [(4, "x", 4)]})
    assert (bridged["rows"], bridged["window_end"]) == (3, START + timedelta(seconds=13))
    assert list(runner.last.values()) == [bridged]


def test_a_silent_input_is_waited_for_unless_it_is_idle() -> None:
    params = {"time": "at", "by": "key", "size": "10s", "compute": COMPUTE}
    patient = Runner(params, ("a", "b"))
    later = START + timedelta(minutes=5)
    patient.batch({"a": [(1, "x", 1)], "b": []})
    assert patient.batch({"a": [(30, "x", 2)]}, now=later) == []
    assert [r["rows"] for r in patient.batch({"b": [(5, "x", 3), (40, "x", 4)]})] == [2]
    hasty = Runner(params | {"idle_timeout": "5m"}, ("a", "b"))
    hasty.batch({"a": [(1, "x", 1)], "b": []})
    assert [r["rows"] for r in hasty.batch({"a": [(30, "x", 2)]}, now=later)] == [1]
    hasty.batch({"b": [(5, "x", 3)]}, now=later)
    assert numbers(hasty.rejects) == [3], "its window went without it"


def test_what_is_remembered_is_what_open_windows_need() -> None:
    """Chunks go once all their windows are closed; and no batch makes more than a few."""
    for shape in ({"size": "1m"}, {"size": "1m", "every": "10s"}):
        runner = Runner({"time": "at", "by": "key", "compute": COMPUTE, **shape})
        for hour in range(5):
            runner.batch({"a": [(hour * 3600 + i, "xy"[i % 2], i) for i in range(3600)]})
            assert runner.remembered_rows <= 80
    skewed = Runner({"time": "at", "by": "key", "size": "1s", "compute": COMPUTE}, ("a", "b"))
    skewed.batch({"a": [(i * 100, "x", i) for i in range(10_000)]})
    assert skewed.remembered_rows == 10_000 and len(skewed.chunks) <= 66
    assert len(skewed.batch({"b": [(10**7, "x", 0)]})) == 9_999


def test_a_long_session_does_not_keep_what_others_left() -> None:
    runner = Runner({"time": "at", "by": "key", "session": "10s", "compute": COMPUTE})
    for minute in range(20):
        times = range(minute * 60, minute * 60 + 60, 5)
        runner.batch({"a": [(t, k, t) for t in times for k in ("long", f"{minute}", f"m{minute}")]})
    assert runner.remembered_rows <= 2 * 20 * 12
    runner.batch({"a": [(3600, "end", 0)]})
    [row] = [row for row in runner.out if row["key"] == "long"]
    assert row["rows"] == 20 * 12 and runner.remembered_rows == 1


def test_columns_may_widen_and_not_clash() -> None:
    params = {"time": "at", "size": "10s", "compute": {"most": "max(v)"}}

    def batch(chunks: dict[str, pl.DataFrame], values: pl.Series, at: int) -> Any:
        times = pl.Series("at", [START + timedelta(seconds=at)] * len(values))
        data = pl.DataFrame([times, values.alias("v")])
        env = Env(remembered={"w": {k: f.lazy() for k, f in chunks.items()}})
        chain = Chain(data.lazy(), data.schema, env)
        chain.step("s", [ActionSpec(kind="window", params=params)], "reject", ["w"], env)
        return chain.collect()

    first = batch({}, pl.Series([1, 2], dtype=pl.Int64), 1).kept["s", "w"].added
    assert batch(first, pl.Series([0.5]), 10).frame["most"].to_list() == [2.0]
    with pytest.raises(WorkflowError, match="'v' is VARCHAR, and BIGINT in the rows"):
        batch(first, pl.Series(["a"]), 10)


def test_inputs_must_be_known() -> None:
    env = Env(inputs=("a", "b"))
    data = frame([(1, "x", 1)])
    chain = Chain(data.lazy().with_columns(pl.lit("a").alias(INPUT)), data.schema, env)
    actions = [
        ActionSpec(kind="aggregate", params={"by": ["at"], "compute": {"n": "count(*)"}}),
        ActionSpec(kind="window", params={"time": "at", "size": "1s"}),
    ]
    with pytest.raises(WorkflowError, match="inputs are not known"):
        chain.step("s", actions, "reject", ["g", "w"], env)


@pytest.mark.parametrize(
    ("params", "path", "message"),
    [
        ({"size": "1m"}, ("time",), "'time' is missing"),
        ({"time": "at"}, (), "give either `size` or `session`"),
        ({"time": "at", "size": "1m", "session": "1m"}, (), "give either `size` or `session`"),
        ({"time": "at", "session": "1m", "every": "1m"}, (), "`every` goes with `size`"),
        ({"time": "at", "size": "1m", "every": "2m"}, (), "`every` is longer than `size`"),
        ({"time": "at", "size": 0}, (), "`size` must be longer than nothing"),
        ({"time": "at", "size": "1m", "delay": -1}, (), "cannot be negative"),
        ({"time": "at", "size": "5 minutes"}, ("size",), "is not a duration"),
        ({"time": "n", "size": "1m"}, ("time",), "'n' is BIGINT, not a time"),
        ({"time": "at", "size": "1m", "by": "kye"}, ("by", "kye"), "unknown column 'kye'"),
        (
            {"time": "at", "size": "1m", "by": {"window_end": "key"}},
            ("by", "window_end"),
            "is the window's own",
        ),
        (
            {"time": "at", "size": "1m", "compute": {"window_start": "min(n)"}},
            ("compute", "window_start"),
            "is a key as well",
        ),
        ({"time": "at", "size": "1m", "compute": {"n": "n"}}, ("compute", "n"), "not aggregate"),
    ],
)
def test_what_is_wrong_is_told(params: dict[str, Any], path: tuple[str, ...], message: str) -> None:
    schema = Schema.from_mapping({"at": "TIMESTAMP", "key": "VARCHAR", "n": "BIGINT"})
    action = ActionSpec(kind="window", params=params)
    _, [finding] = ActionChecker().check_action(action, schema, {})
    assert finding.path == ("window", *path) and message in finding.message


def test_what_the_kept_rows_depend_on() -> None:
    def digest(**changed: Any) -> str:
        params = {"time": "at", "by": "key", "size": "1m", "compute": {"n": "sum(n)"}} | changed
        state = ActionChecker().state(ActionSpec(kind="window", params=params))
        assert state is not None and state.at_end == (changed.get("on_end") == "emit")
        return state.digest

    same = ({"delay": "5m"}, {"lateness": "1h"}, {"on_end": "emit"}, {"every": "60s"})
    more = ({"compute": {"n": "sum(N)", "low": "min(n)", "rows": "count(*)"}}, {"size": "60s"})
    assert {digest(**change) for change in (*same, *more)} == {digest()}
    others = ({"time": "at2"}, {"by": ["key", "n"]}, {"size": "2m"}, {"every": "30s"})
    columns = ({"compute": {"n": "sum(m)"}}, {"size": None, "session": "1m"})
    assert len({digest(**change) for change in (*others, *columns)} | {digest()}) == 7


def test_of_windows_that_overlap_by_thousands_only_those_that_are_due_are_made() -> None:
    second, day = 1_000_000, 86_400_000_000
    shape = Sliding(day, second)
    times = [ORIGIN + i * second for i in range(4)]
    rows_ = pl.DataFrame({TIME: times, BOUND: [BEGINNING] * 4})
    made = shape.assign(rows_, ORIGIN + second, ORIGIN + 3 * second)
    ends = sorted((time - ORIGIN, end - ORIGIN) for time, end in made.select(TIME, END).rows())
    assert ends == [(0, 2e6), (0, 3e6), (1e6, 2e6), (1e6, 3e6), (2e6, 3e6)]
    assert shape.assign(rows_, BEGINNING, NEVER).height == 4 * 86_400


@given(
    st.lists(st.integers(-50, 400), max_size=8),
    st.integers(-60, 300),
    st.integers(1, 30),
    st.sampled_from([5, 20]),
    st.integers(1, 12),
)
def test_windows_come_a_few_at_a_time_whole_and_in_order(
    times: list[int], low: int, more: int, size: int, at_once: int
) -> None:
    shape = Sliding(size, 5)
    rows_ = pl.DataFrame(
        {TIME: times, BOUND: [BEGINNING] * len(times)},
        schema=dict.fromkeys((TIME, BOUND), pl.Int64),
    ).with_columns(pl.col(TIME) + ORIGIN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lyftnb.operators.windows._AT_ONCE", at_once)
        pieces = list(shape.pieces(rows_, ORIGIN + low, ORIGIN + low + 10 * more))
    whole = shape.assign(rows_, ORIGIN + low, ORIGIN + low + 10 * more)
    assert sorted(pl.concat(pieces).rows()) == sorted(whole.rows())
    assert all(p.height <= at_once or p[END].n_unique() == 1 for p in pieces)
    ends = [sorted({*p[END]}) for p in pieces if not p.is_empty()]
    assert all(earlier[-1] < later[0] for earlier, later in pairwise(ends))


def test_what_a_run_ends_with_is_emitted_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    assign = Sliding.assign

    def counted(shape: Sliding, *args: Any) -> pl.DataFrame:
        found = assign(shape, *args)
        made.append(found.height)
        return found

    monkeypatch.setattr(Sliding, "assign", counted)
    monkeypatch.setattr("lyftnb.operators.windows._AT_ONCE", 100)
    params = {"time": "at", "by": "key", "size": "1h", "every": "1m", "compute": COMPUTE}
    runner = Runner(params)
    runner.batch({"a": [(60 * i, "x", 1) for i in range(50)]})
    runner.batch({}, ending=True)
    assert sum(made) == 50 * 60 and max(made) <= 100
    starts = [row["window_start"] for row in runner.out]
    assert starts == sorted(starts) and len(starts) == 59 + 50


@pytest.mark.parametrize("day", [datetime(2026, 3, 29), datetime(2026, 10, 25)])
def test_days_of_a_zone_are_those_of_its_clock(day: datetime) -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = day.replace(tzinfo=UTC) - timedelta(days=1)
    instants = [start + timedelta(minutes=20 * i) for i in range(72 * 4)]
    seconds_ = [(int((at.replace(tzinfo=None) - START).total_seconds()), "x", 1) for at in instants]
    local = "timezone('Europe/Berlin', timezone('UTC', at))"
    runner = Runner({"time": local, "by": "key", "size": "1d", "delay": "1h", "compute": COMPUTE})
    for i in range(0, len(seconds_), 10):
        runner.batch({"a": seconds_[i : i + 10]})
    runner.batch({}, ending=True)
    found = {row["window_start"].date(): row["rows"] for row in runner.out}
    assert found == Counter(at.astimezone(zone).date() for at in instants)
    assert not runner.rejects
