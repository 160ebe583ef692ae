"""Random workflows together with what they must give, worked out in plain Python over dicts.

`flows()` draws the data first and then builds a workflow step by step; with each step it computes,
naively and for all the data at once, the rows of each channel and the rejects of each step. What
the cutting may change by contract is kept in a form that it may not: pieces of an aggregate are
added up again, the ports of a round robin are taken together.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl
from hypothesis import strategies as st

from lyftnb.model import WorkflowSpec

Row = dict[str, Any]
Rows = list[Row]
Bag = Counter[str]
"""Rows as a multiset: each as JSON, without its nulls."""

KINDS = ("a", "b", "c", None)
NAMES = {"a": "Anna", "b": "Bob"}
KINDS_CSV = "k,name\na,Anna\nb,Bob\n"
ROWS = 70
"""Ids are below this."""

PYTHON = """
def work(lf):
    frame = lf.collect()
    if (frame["w"] % 10 == 7).any():
        raise ValueError("seven")
    return frame.with_columns(py=frame["w"] + 1)
"""


def bag(rows: Sequence[Row]) -> Bag:
    """Rows as a multiset. A null and a missing column are one; so are 1 and 1.0."""
    return Counter(
        json.dumps({k: _plain(v) for k, v in row.items() if v is not None}, sort_keys=True)
        for row in rows
    )


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True)
class Reject:
    """A rejected row, as far as the cutting has no say in it."""

    step: str
    action: str
    code: str
    row: str


@dataclass(frozen=True)
class Refusal:
    """What an action of the naive run answers for a row that it cannot take."""

    code: str


Apply = Callable[[Row], list[Row] | Refusal]


@dataclass(frozen=True)
class Move:
    """One row-wise action: as the document says it, and as plain Python."""

    document: Mapping[str, Any]
    apply: Apply
    adds: frozenset[str] = frozenset()
    eager: bool = False
    """Its rows are new rows: later rejects of the step speak of them."""

    @property
    def kind(self) -> str:
        return next(iter(self.document))


def _keep(condition: Callable[[Row], bool]) -> Apply:
    return lambda row: [row] if condition(row) else []


def _check(condition: Callable[[Row], bool], code: str, **new: Callable[[Row], Any]) -> Apply:
    def apply(row: Row) -> list[Row] | Refusal:
        if not condition(row):
            return Refusal(code)
        return [{**row, **{name: make(row) for name, make in new.items()}}]

    return apply


def _always(_: Row) -> bool:
    return True


def _whole(row: Row) -> bool:
    return str(row["v"]).isdigit()


def _drawn(fraction: float) -> frozenset[int]:
    """The ids that `sample` draws by their hash: which ones is its own affair, that they are the
    same ones however the stream is cut is ours.
    """
    ids = pl.select(id=pl.int_range(ROWS, dtype=pl.Int64))
    draws = ids.select(draw=pl.struct("id").hash(0))["draw"]
    return frozenset(ids["id"].filter(draws < int(fraction * 2**64)).to_list())


_SAMPLE = _drawn(0.6)

MOVES = (
    Move({"filter": "w % 3 <> 0"}, _keep(lambda r: r["w"] % 3 != 0)),
    Move({"filter": "k = 'a' OR w > 30"}, _keep(lambda r: r["k"] == "a" or r["w"] > 30)),
    Move({"derive": {"d": "w * 2 + 1"}}, _check(_always, "", d=lambda r: r["w"] * 2 + 1)),
    Move(
        {"derive": {"i": "CAST(v AS BIGINT)"}},
        _check(_whole, "cast_failed", i=lambda r: int(r["v"])),
    ),
    Move({"assert": "w < 80"}, _check(lambda r: r["w"] < 80, "assert_failed")),
    Move({"sample": {"fraction": 0.6, "by": ["id"]}}, _keep(lambda r: r["id"] in _SAMPLE)),
    Move(
        {"python": {"source": PYTHON}},
        _check(lambda r: r["w"] % 10 != 7, "python_error", py=lambda r: r["w"] + 1),
        eager=True,
    ),
    Move(
        {"lookup": {"file": "kinds.csv", "on": "k", "add": ["name"]}},
        _check(_always, "", name=lambda r: NAMES.get(r["k"])),
        adds=frozenset({"name"}),
    ),
    Move(
        {"lookup": {"file": "kinds.csv", "on": "k", "add": {"who": "name"}, "missing": "reject"}},
        _check(lambda r: r["k"] in NAMES, "no_match", who=lambda r: NAMES[r["k"]]),
        adds=frozenset({"who"}),
    ),
)
PEOPLE = Move(
    {"lookup": {"table": "people", "on": "k", "add": {"person": "name"}}},
    _check(_always, "", person=lambda r: NAMES.get(r["k"])),
    adds=frozenset({"person"}),
)


@dataclass(frozen=True)
class Channel:
    """A channel with all its rows."""

    name: str
    rows: Rows
    columns: frozenset[str] = frozenset()
    table: bool = False


@dataclass(frozen=True)
class Expected:
    """What must stand in some spools, once `view` has taken out what the cutting may change."""

    channels: tuple[str, ...]
    rows: Bag
    view: Callable[[Rows], Rows] = lambda rows: rows
    ordered_by: tuple[str, ...] = ()


@dataclass
class Flow:
    """A workflow, its input as it comes in over several runs, and what must come out."""

    document: dict[str, Any]
    waves: list[dict[str, list[str]]]
    """For each run: path → lines that are appended to that file before it."""
    expected: list[Expected]
    rejects: Counter[Reject]
    twins: dict[str, str]
    """Steps that do the same over parts of one stream: their rejects count as one step's."""

    @property
    def spec(self) -> WorkflowSpec:
        return WorkflowSpec.model_validate(self.document)

    @property
    def at_once(self) -> dict[str, list[str]]:
        """All of the input as one wave."""
        whole: dict[str, list[str]] = {}
        for wave in self.waves:
            for path, lines in wave.items():
                whole.setdefault(path, []).extend(lines)
        return whole


@dataclass
class _Builder:
    draw: Callable[[st.SearchStrategy[Any]], Any]
    waves: int
    """Runs over which the input comes in."""
    steps: dict[str, Any] = field(default_factory=dict)
    channels: dict[str, Any] = field(default_factory=dict)
    streams: list[Channel] = field(default_factory=list)
    tables: list[Channel] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)
    rejects: Counter[Reject] = field(default_factory=Counter)
    twins: dict[str, str] = field(default_factory=dict)
    has_people: bool = False

    def step(self, body: Mapping[str, Any], like: str | None = None) -> str:
        """Add a step with a place of its own, or with that of its twin."""
        name = f"s{len(self.steps)}"
        place: dict[str, Any] = {}
        group = self.draw(st.sampled_from((None, None, "edge")))
        replicas = self.draw(st.sampled_from((None, None, 1, 2)))
        if group:
            place["group"] = group
        if replicas:
            place["replicas"] = replicas
        self.steps[name] = {**body, **place}
        if like:
            self.twins[name] = like
        return name

    def fresh(self) -> str:
        """A new channel's name; the channel is a spool by choice, or as the planner has it."""
        name = f"c{len(self.channels)}"
        spool = self.draw(st.booleans())
        self.channels[name] = {"transport": "spool"} if spool else {}
        return name

    def opened(self, channel: Channel) -> Channel:
        (self.tables if channel.table else self.streams).append(channel)
        self.expected.append(Expected((channel.name,), bag(channel.rows)))
        return channel

    def pick(self) -> Channel:
        channel: Channel = self.draw(st.sampled_from(self.streams))
        return channel

    # -- sources

    def source(self, folder: str, lines: Sequence[str], *, declared: bool) -> None:
        """Files of one folder; lines that are no JSON are rejects of the input."""
        params: dict[str, Any] = {"path": f"{folder}/*.ndjson"}
        if declared:
            params["columns"] = {"id": "BIGINT", "k": "VARCHAR", "v": "VARCHAR", "w": "BIGINT"}
        name = self.step({"input": {"files": params}})
        good: Rows = []
        for line in lines:
            if line.startswith("{"):
                good.append(json.loads(line))
            else:
                self.rejects[Reject(name, "input", "bad_json", line)] += 1
        self.rowwise_into(name, good, frozenset())

    def people(self) -> None:
        rows = [{"k": k, "name": name} for k, name in NAMES.items()]
        self.step({"input": {"inline": {"rows": rows}}, "out": "people"})
        self.channels["people"] = {"transport": "spool"}
        self.has_people = True

    # -- row-wise steps

    def moves(self, columns: frozenset[str]) -> list[Move]:
        found: list[Move] = self.draw(st.lists(st.sampled_from(MOVES), max_size=3))
        kept: list[Move] = []
        for move in found:
            if not move.adds & columns:
                kept.append(move)
                columns |= move.adds
        return kept

    def run_moves(self, step: str, moves: Sequence[Move], rows: Rows, *, drop: bool) -> Rows:
        """The naive run of a step's actions; takes note of its rejects."""
        out: Rows = []
        for entered in rows:
            now, shown = [entered], entered
            for i, move in enumerate(moves):
                if not now:
                    break
                made = move.apply(now[0])
                if isinstance(made, Refusal):
                    if not drop:
                        self.reject(step, f"{move.kind}[{i}]", made.code, shown)
                    now = []
                    break
                now = made
                if move.eager and made:
                    shown = made[0]
            out += now
        return out

    def reject(self, step: str, action: str, code: str, row: Row) -> None:
        (text,) = bag([row])
        self.rejects[Reject(self.twins.get(step, step), action, code, text)] += 1

    def rowwise_into(
        self, name: str, rows: Rows, columns: frozenset[str], extra: Sequence[Move] = ()
    ) -> None:
        """Give a step its actions and its ports."""
        moves = [*extra, *self.moves(columns)]
        columns = columns.union(*(m.adds for m in moves))
        self.steps[name]["actions"] = [dict(m.document) for m in moves]
        drop = self.draw(st.integers(0, 4)) == 0
        if drop:
            self.steps[name]["on_error"] = "drop"
            self.rejects = Counter({r: n for r, n in self.rejects.items() if r.step != name})
        self.ports(name, self.run_moves(name, moves, rows, drop=drop), columns, drop=drop)

    def ports(self, name: str, rows: Rows, columns: frozenset[str], *, drop: bool) -> None:
        mode = self.draw(st.sampled_from(("one", "one", "clone", "conditional", "round_robin")))
        if mode == "one":
            self.steps[name]["out"] = channel = self.fresh()
            self.opened(Channel(channel, rows, columns))
            return
        left, right = self.fresh(), self.fresh()
        self.steps[name]["out"] = {"x": left, "y": right}
        self.steps[name]["dispatch"] = dispatch = {"mode": mode}
        if mode == "clone":
            self.opened(Channel(left, rows, columns))
            self.opened(Channel(right, rows, columns))
        elif mode == "round_robin":
            self.twin_steps(left, right, rows, columns)
        else:
            dispatch |= self.conditional(name, left, right, rows, columns, drop=drop)

    def conditional(
        self, name: str, left: str, right: str, rows: Rows, columns: frozenset[str], *, drop: bool
    ) -> dict[str, Any]:
        goes: Callable[[Row], str | None]
        if self.draw(st.booleans()):
            goes = lambda row: "x" if row["k"] == "a" else "y" if row["k"] == "b" else None  # noqa: E731
            dispatch: dict[str, Any] = {"field": "k", "cases": {"a": "x", "b": "y"}}
        else:
            goes = lambda row: "x" if row["w"] < 50 else None  # noqa: E731
            dispatch = {"when": [{"x": "w < 50"}]}
        default = "y" if self.draw(st.booleans()) else None
        if default:
            dispatch["default"] = default
        by_port: dict[str | None, Rows] = {"x": [], "y": [], None: []}
        for row in rows:
            by_port[goes(row) or default].append(row)
        self.opened(Channel(left, by_port["x"], columns))
        self.opened(Channel(right, by_port["y"], columns))
        if not drop:
            for row in by_port[None]:
                self.reject(name, "dispatch", "no_route", row)
        return dispatch

    def twin_steps(self, left: str, right: str, rows: Rows, columns: frozenset[str]) -> None:
        """Which port a row takes depends on its split; the ports together do not. So two steps
        that do the same follow, and one that brings their rows together again.
        """
        self.expected.append(Expected((left, right), bag(rows)))
        if not self.draw(st.booleans()):
            return
        moves = self.moves(columns)
        actions = [dict(m.document) for m in moves]
        one, two = self.fresh(), self.fresh()
        first = self.step({"in": left, "actions": actions, "out": one})
        self.step({"in": right, "actions": actions, "out": two}, like=first)
        rows = self.run_moves(first, moves, rows, drop=False)
        merged = self.fresh()
        self.step({"in": [one, two], "out": merged})
        columns = columns.union(*(m.adds for m in moves))
        self.opened(Channel(merged, rows, columns))

    def rowwise(self) -> None:
        channel = self.pick()
        if not (self.draw(st.integers(0, 3)) == 0 and "person" not in channel.columns):
            name = self.step({"in": channel.name})
            self.rowwise_into(name, channel.rows, channel.columns)
            return
        if not self.has_people:
            self.people()
        people = {"channel": "people", "as": "table"}
        name = self.step({"in": {"new": channel.name, "people": people}})
        self.rowwise_into(name, channel.rows, channel.columns, (PEOPLE,))

    def merge(self) -> None:
        one, two = self.pick(), self.pick()
        if one.name == two.name:
            return
        name = self.step({"in": [one.name, two.name]})
        self.rowwise_into(name, one.rows + two.rows, one.columns | two.columns)

    # -- frames

    def aggregate(self) -> None:
        frame = self.draw(st.sampled_from(("run", "batch", "partition", "all")))
        channel = self.pick()
        if frame == "all" and self.tables and self.draw(st.booleans()):
            channel = self.draw(st.sampled_from(self.tables))
        if frame == "partition":
            self.channels[channel.name] |= {"transport": "spool", "partition": "k"}
        compute = {"n": "count(*)", "total": "sum(w)", "low": "min(w)"}
        out = self.fresh()
        actions = [{"aggregate": {"by": ["k"], "compute": compute}}]
        self.step({"in": channel.name, "frame": frame, "actions": actions, "out": out})
        ones = [{"k": r["k"], "n": 1, "total": r["w"], "low": r["w"]} for r in channel.rows]
        view = _added_up if frame in ("run", "batch") else list
        self.expected.append(Expected((out,), bag(_added_up(ones)), view))

    def window(self) -> None:
        """In which order rows come is for the cutting to say: so none may be late."""
        channel = self.pick()
        out = self.fresh()
        at = "TIMESTAMP '2026-01-01' + INTERVAL 1 SECOND * w"
        compute = {"n": "count(*)", "total": "sum(w)"}
        waits = self.draw(st.sampled_from(({"delay": "1h"}, {"lateness": "1h"})))
        window = {"time": at, "by": ["k"], "size": "20s", **waits, "on_end": "emit"}
        actions = [{"window": {**window, "compute": compute}}]
        self.step({"in": channel.name, "actions": actions, "out": out})
        groups: dict[tuple[Any, int], Row] = {}
        for row in channel.rows:
            bucket = row["w"] // 20 * 20
            new = {"k": row["k"], "from": bucket, "n": 0, "total": 0}
            group = groups.setdefault((row["k"], bucket), new)
            group["n"] += 1
            group["total"] += row["w"]
        self.expected.append(Expected((out,), bag(list(groups.values())), _last_of_windows))

    def sort(self) -> None:
        channel = self.draw(st.sampled_from(self.streams + self.tables))
        out = self.fresh()
        actions: list[dict[str, Any]] = [{"sort": ["w", "id"]}]
        body = {"in": channel.name, "frame": "all", "actions": actions, "out": out}
        rows = sorted(channel.rows, key=lambda r: (r["w"], r["id"]))
        if self.draw(st.booleans()):
            actions.append({"limit": 5})
            keys = [{"w": r["w"], "id": r["id"]} for r in rows[:5]]
            self.expected.append(
                Expected((out,), bag(keys), _projected("w", "id"), ordered_by=("w", "id"))
            )
        else:
            self.expected.append(Expected((out,), bag(rows), ordered_by=("w", "id")))
            self.tables.append(Channel(out, rows, channel.columns, table=True))
        self.step(body)

    def join(self) -> None:
        one, two = self.pick(), self.pick()
        # While no row ever came to a side its columns are not known, and there is nothing to join.
        if one.name == two.name or self.waves > 1 or not one.rows or not two.rows:
            return
        out = self.fresh()
        self.step(
            {
                "in": {"l": one.name, "r": two.name},
                "frame": "all",
                "actions": [{"join": {"left": "l", "right": "r", "on": "id"}}],
                "out": out,
            }
        )
        right = Counter(r["id"] for r in two.rows)
        pairs = [{"id": r["id"]} for r in one.rows for _ in range(right[r["id"]])]
        self.expected.append(Expected((out,), bag(pairs), _projected("id")))


def _added_up(pieces: Rows) -> Rows:
    """Aggregates of pieces of a stream as the aggregate of the whole."""
    whole: dict[Any, Row] = {}
    for piece in pieces:
        known = whole.setdefault(piece["k"], {"k": piece["k"], "n": 0, "total": 0, "low": 10**6})
        known["n"] += piece["n"]
        known["total"] += piece["total"]
        known["low"] = min(known["low"], piece["low"])
    return list(whole.values())


def _last_of_windows(rows: Rows) -> Rows:
    """The last row per key and window."""
    last = {(row["k"], row["window_start"]): row for row in rows}
    return [
        {
            "k": row["k"],
            "from": (row["window_start"] - datetime(2026, 1, 1)).seconds,
            "n": row["n"],
            "total": row["total"],
        }
        for row in last.values()
    ]


def _projected(*names: str) -> Callable[[Rows], Rows]:
    return lambda rows: [{name: row[name] for name in names} for row in rows]


@st.composite
def _lines(draw: st.DrawFn, ids: range, *, extra: bool) -> list[str]:
    """NDJSON lines of rows with these ids; a few are torn."""
    lines: list[str] = []
    for number in ids:
        w = draw(st.integers(0, 99))
        v = draw(st.sampled_from((str(w), str(w), "x")))
        row: Row = {"id": number, "k": draw(st.sampled_from(KINDS)), "v": v, "w": w}
        if extra and w % 4 == 0:
            row["extra"] = draw(st.sampled_from((1, 2.5)))
        lines.append(json.dumps(row) if draw(st.integers(0, 19)) else f"torn {number}")
    return lines


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    """A flow of two to six steps after its inputs."""
    waves: list[dict[str, list[str]]] = [{} for _ in range(draw(st.integers(1, 3)))]
    build = _Builder(draw, len(waves))
    sources = draw(st.integers(1, 2))
    for number in range(sources):
        declared = draw(st.booleans())
        share = ROWS // sources
        size = draw(st.integers(0, share))
        lines = draw(_lines(range(number * share, number * share + size), extra=not declared))
        build.source(f"in{number}", lines, declared=declared)
        for line in lines:
            path = f"in{number}/{draw(st.sampled_from('pq'))}.ndjson"
            draw(st.sampled_from(waves)).setdefault(path, []).append(line)
    rowwise, frames = (build.rowwise, build.rowwise, build.merge), (build.aggregate, build.window)
    more = (*rowwise, *frames, build.sort, build.join)
    for _ in range(draw(st.integers(1, 4))):
        if build.streams:
            draw(st.sampled_from(more))()
    document = {"workflow": "random", "channels": build.channels, "steps": build.steps}
    return Flow(document, waves, build.expected, build.rejects, build.twins)
