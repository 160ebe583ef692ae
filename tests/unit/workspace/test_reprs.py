"""Every object that a user can hold shows itself well: as text, and as HTML in a notebook."""

from __future__ import annotations

import ast
import copy
import inspect
import os
import pickle
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_origin

import polars as pl
import pytest

import lyftnb as ln
from lyftnb.engine.row_numbers import Seen
from lyftnb.engine.tracing import Trace, TracedAction
from lyftnb.errors import NotFound
from lyftnb.manager import Progress
from lyftnb.manager.progress import StageProgress
from lyftnb.model import (
    AuditEntry,
    Context,
    ContextChange,
    Deployment,
    Field,
    InvocationRecord,
    Issue,
    Item,
    KvEntry,
    Lease,
    Message,
    Pauses,
    Plan,
    Problem,
    QueueDepth,
    QueuedItem,
    Revision,
    Run,
    RunSummary,
    Schema,
    SegmentRef,
    Settings,
    StepCount,
    WorkflowSpec,
)
from lyftnb.operators import no_rejects
from lyftnb.planning.contexts import ContextLayers, Explanation, LayerValue
from lyftnb.planning.reconciling import DeploymentStatus
from lyftnb.redaction import guard
from lyftnb.store import (
    Damage,
    Listing,
    Lock,
    RunbookVersion,
    SecretInfo,
    SpoolInfo,
    SweepReport,
    Version,
)
from lyftnb.workspace import nouns
from lyftnb.workspace.config import Config
from lyftnb.workspace.contexts import Contexts, Difference
from lyftnb.workspace.invocation import InvocationResult
from lyftnb.workspace.lags import Lag
from lyftnb.workspace.next_fires import NextFire
from lyftnb.workspace.remote import RemoteWorkspace
from lyftnb.workspace.reprs import shows
from lyftnb.workspace.secrets import Secrets
from lyftnb.workspace.state_access import Connection
from lyftnb.workspace.state_history import RunLog
from lyftnb.workspace.tabular import Table
from lyftnb.workspace.wire import Begun

GOLDEN = Path(__file__).parents[2] / "golden" / "reprs"
AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 5, 1, 12, 0, 9, tzinfo=UTC)
PLAIN = {Begun, ContextLayers, Seen, WorkflowSpec}
"""What is handed on to another verb, and no more."""
INSIDE = {"at_work", "background", "plan_to_trace", "reconcile"}
"""Verbs that the manager's process alone needs."""


# -- what a user can hold


@cache
def _space(module: str) -> dict[str, Any]:
    """The names of a module, with those that it imports for its types alone."""
    found = import_module(module)
    space = dict(vars(found))
    for node in ast.parse(Path(str(found.__file__)).read_text()).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for inner in node.body:
                _take(inner, space)
    return space


def _take(node: ast.stmt, space: dict[str, Any]) -> None:
    if isinstance(node, ast.ImportFrom):
        home = import_module(str(node.module))
        for alias in node.names:
            names = vars(home) if hasattr(home, alias.name) else None
            value = getattr(home, alias.name) if names else _space(str(node.module))[alias.name]
            space[alias.asname or alias.name] = value
    else:
        exec(ast.unparse(node), space)


def _verbs(kind: type) -> Iterator[tuple[str, Any]]:
    """The public verbs and properties of a class, with what each gives."""
    for name in dir(kind):
        found = inspect.getattr_static(kind, name)
        call = getattr(found, "fget", None) or getattr(found, "func", None) or found
        call = getattr(call, "__func__", call)
        if name.startswith("_") or name in INSIDE or not inspect.isfunction(call):
            continue
        function = inspect.unwrap(call)
        if not function.__module__.startswith("lyftnb."):
            continue
        annotation = function.__annotations__.get("return")
        if isinstance(annotation, str):
            annotation = eval(annotation, _space(function.__module__))
        yield name, annotation


def _classes(annotation: Any) -> Iterator[type]:
    for kind in (annotation, get_origin(annotation)):
        if isinstance(kind, type) and kind.__module__.startswith("lyftnb."):
            yield kind
            for base in getattr(kind, "__orig_bases__", ()):
                yield from _classes(base)
    for inner in get_args(annotation):
        yield from _classes(inner)


def held() -> set[type]:
    """All that the facade gives, and what that gives in turn."""
    found: set[type] = set()
    open_ones = [ln.Workflow, ln.Workspace, RemoteWorkspace, Connection]
    open_ones += [Config, Contexts, Secrets]  # attributes, which no annotation names
    while open_ones:
        kind = open_ones.pop()
        if kind in found or not kind.__module__.startswith("lyftnb."):
            continue
        found.add(kind)
        if kind.__module__.startswith("lyftnb.workspace."):
            open_ones += [inner for _, given in _verbs(kind) for inner in _classes(given)]
    return found - PLAIN


def test_listings_are_tables() -> None:
    plain = {
        f"{kind.__name__}.{name}"
        for kind in held()
        if kind.__module__.startswith("lyftnb.workspace.")
        for name, given in _verbs(kind)
        if get_origin(given) in (list, tuple) and set(_classes(given)) - PLAIN
    }
    assert plain == set()


def html_of(value: Any) -> str:
    kind = type(value)
    own = getattr(kind, "_repr_html_", None)
    return own(value) if own else shows()[kind.__module__, kind.__qualname__](value)


def test_whatever_a_user_can_hold_shows_itself() -> None:
    kinds = held()
    assert len(kinds) > 40
    without_text = {k.__name__ for k in kinds if k.__repr__ in (object.__repr__, list.__repr__)}
    with_html = {
        k for k in kinds if hasattr(k, "_repr_html_") or (k.__module__, k.__qualname__) in shows()
    }
    assert without_text == set()
    assert {k.__name__ for k in kinds - with_html} == set()


# -- how it looks

EVIL = "<b>&'x\""
PLAN = Plan("shop", "shop", 3, "d1", (), ())
REJECT = {
    "_row": '{"n":-1}',
    "step": "good",
    "action": "assert[0]",
    "code": "failed",
    "reason": EVIL,
}


def traced(action: str, **fields: Any) -> TracedAction:
    """A place that a row went through, and another was rejected at."""
    rejects = pl.concat([no_rejects(), pl.DataFrame([REJECT])], how="diagonal_relaxed")
    before = pl.DataFrame({"n": [1, -1], "raw": [EVIL, "x"]})
    after = pl.DataFrame({"n": [1.0], "twice": [2]})
    given = {"rows": after, "rejects": rejects, "before": before, "index": 0, **fields}
    return TracedAction("good", action, **given)


def samples() -> list[Any]:
    """One of each noun; texts that others write hold what HTML would take for its own."""
    schema = Schema((Field("n", "BIGINT"), Field(EVIL, "VARCHAR")))
    segment = SegmentRef("d/c/1.parquet", 10, 2048, 0, schema)
    version = {"workflow": "shop", "steps": {"a": {}, "b": {}}}
    runbook = {
        "workflow": "shop@3",
        "title": EVIL,
        "parameters": {"properties": {"day": {"type": "string", "description": EVIL}}},
    }
    stage = StageProgress("clean", "retrying", 1000, 990, 10, 3, 0, 1234.5, 1, 2, f"{EVIL}\nmore")
    error = {"code": "x", "message": EVIL, "hint": "mend it"}
    invocation = InvocationRecord(
        *("fix-1", "fix", 2, "shop@3", "fix_1", {"day": EVIL}, "failed", AT),
        error=error,
    )
    counts = (StepCount("clean", 1000, 990, 10), StepCount("more", None, 5))
    status = DeploymentStatus(
        *("shop", "shop@3", "prod", 4, "drifted", f"changed: {EVIL}", "degraded", "bad", 12)
    )
    deployment = Deployment("shop", "shop", 3, "prod", 4, Settings(), Pauses(True), AT, EVIL)
    return [
        status,
        deployment,
        Revision(
            *("shop", 4, "shop", 3, "prod", Settings(), PLAN, {}, "apply", "shop-1"),
            *((f"update job {EVIL}", "keep job b"), AT, EVIL),
        ),
        AuditEntry(9, AT, EVIL, "apply", "shop", {"revision": 4}),
        Lag("shop", "clean", "raw", 1200, 34_000_000, 754.0),
        Lag("shop", "sums", "clean", 0, 0, 0.0),
        Version("shop", 3, "d1", version, AT),
        RunbookVersion("fix", 2, "d2", runbook, AT),
        PLAN,
        Problem("bad_sql", "error", ("steps", "x"), EVIL, "write it <so>", "a.yaml", 7),
        Run("shop-7", "shop", "clean", "data", status="blocked", fired_at=AT, started_at=AT,
            ended_at=LATER, note=EVIL),
        RunSummary("shop-7", "shop", "done", 1.5, 3, counts, (EVIL,)),
        Progress("shop", 2.5, (stage,)),
        Issue(3, "stage_blocked", "shop/clean", EVIL, "error", "lyftnb jobs retry", {}, 2, AT, AT),
        SpoolInfo("shop.raw", 1200, 34_000_000, 3, schema, None, "1d", "evolve", False, False,
                  None, 1200),
        Listing("shop.raw", 7, "/data", schema, (segment,)),
        schema,
        Damage("shop.raw", "shop/read/1", "a.parquet", "size", "10", EVIL, True, "restore it"),
        SweepReport(files=3, bytes=5000, waiting=1),
        Message(7, AT, EVIL, {"a": "<i>"}, "user", "client", "message"),
        KvEntry("usd", {"a": EVIL}, 3, AT),
        KvEntry("seen", [1, 2], 4, is_set=True),
        QueueDepth("work", ready=1200, dead=1, oldest_at=AT),
        QueuedItem("work", 5, {"page": EVIL}, "p5", 1, 2, AT, LATER, holder="me"),
        Item(Lease("work", 5, 1), {"page": EVIL}, 0, AT, "p5"),
        Lock("nightly", EVIL, 4, AT, LATER),
        Context("prod", {"db": {"host": EVIL}, "n": 3}, "base", AT, "me"),
        ContextChange(2, "prod", "set", "db.host", None, EVIL, AT, "me"),
        Difference("db.host", EVIL, None, "right"),
        Explanation("db.host", "etl", EVIL, "prod", (LayerValue("base", "h"),), ("steps.a",)),
        SecretInfo("db/password", 2, "k1", AT, LATER),
        invocation,
        InvocationResult("failed", counts, error),
        NextFire("sums", "each day at 04:00", AT, AT, LATER),
        *counts,
        traced("assert[0]"),
        traced("cast[1]", error=EVIL),
        Trace("shop", (traced("assert[0]"), traced("cast[1]", error=EVIL))),
    ]  # fmt: skip


class Whole(HTMLParser):
    """Checks that all that is opened is closed, and that there is no script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.bold = 0
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script" and not any(name.startswith("on") for name, _ in attrs)
        if tag not in ("br", "rect", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_whole_and_escaped() -> None:
    for value in samples():
        html = html_of(value)
        Whole(html)
        assert EVIL not in html and "<i>" not in html, html
        for colour in re.findall(r"color:([^;\"]+)", html):
            assert colour.startswith("var(--jp-"), "the page's own colours, in light and in dark"


def test_every_noun_has_a_sample_and_its_golden_looks() -> None:
    """`UPDATE_GOLDEN=1 pytest tests/unit/workspace/test_reprs.py` writes them anew."""
    nouns = {(type(value).__module__, type(value).__qualname__) for value in samples()}
    assert shows().keys() - nouns == {("lyftnb.model.changes", "DeploymentPlan")}, "has its own"
    text = "\n\n".join(repr(value) for value in samples()) + "\n"
    page = "\n".join(html_of(value) for value in samples()) + "\n"
    for name, looks in (("nouns.txt", text), ("nouns.html", page)):
        golden = GOLDEN / name
        if os.environ.get("UPDATE_GOLDEN"):
            golden.parent.mkdir(exist_ok=True)
            golden.write_text(looks)
        assert looks == golden.read_text()


def test_a_listing_is_a_table_in_text_and_in_html() -> None:
    lags = Table([lag for lag in samples() if isinstance(lag, Lag)], nouns.LAGS)
    assert repr(lags).splitlines() == [
        "deployment  step   channel  rows   bytes     age",
        "shop        clean  raw      1,200  32.4 MiB  12 min",
        "shop        sums   clean    0      0 B       0 s",
    ]
    assert lags._repr_html_().count("<tr>") == 3
    assert repr(lags[:0]) == "[]" and lags == list(lags)
    assert type(pickle.loads(pickle.dumps(lags))) is list
    assert pickle.loads(pickle.dumps(lags)) == copy.copy(lags) == lags
    assert repr(pickle.loads(pickle.dumps(RunLog()))) == "no runs"
    none = Table((), nouns.LAGS)
    assert repr(none) == "no stage reads a spool" == re.sub("<.*?>", "", none._repr_html_())


def test_secrets_that_are_known_are_shown_nowhere() -> None:
    guard("db/password", "hunter2-hunter2")
    problem = Problem("x", "error", (), "it said hunter2-hunter2", "")
    listed = Table([problem], nouns.PROBLEMS)
    for looks in (repr(listed), listed._repr_html_(), html_of(problem)):
        assert "hunter2" not in looks and "db/password" in looks


def test_pairs_of_a_trace_say_what_became_of_each_row(tmp_path: Path) -> None:
    wf = ln.Workflow("shop")
    rows = [{"n": 1}, {"n": -1}, {"n": 50}, {"n": 2}]
    good = wf.step("good", frame="batch").input("inline", rows=rows)
    good.assert_(that="n > 0").filter("n < 9").derive(twice="n * 2")
    good.aggregate(by=[], compute={"most": "max(n)"})
    wf.step("good").output("print")
    with ln.open(tmp_path, serve=False) as ws:
        trace = ws.trace(wf)
    came, asserted, filtered, derived, summed = trace.step("good")
    assert came.before is None and asserted.before.equals(came.rows)
    reason = asserted.rejects["reason"][0]
    pairs = asserted.pairs()
    assert pairs.columns == ["became", "reason", "n"]
    assert pairs.rows() == [
        ("kept", None, 1),
        ("rejected", reason, -1),
        ("kept", None, 50),
        ("kept", None, 2),
    ]
    assert filtered.pairs()["became"].to_list() == ["kept", "left out", "kept"]
    assert derived.pairs().rows(named=True) == [
        {"became": "changed", "reason": None, "n": n, "twice_after": 2 * n} for n in (1, 2)
    ]
    assert (derived.columns_changed, derived.told) == ("+twice", "2 → 2 rows, columns +twice")
    assert asserted.told == "4 → 3 rows, 1 reject"
    assert summed.before is not None and summed.rows.rows() == [(2,)]
    with pytest.raises(NotFound, match="may make rows of several"):
        summed.pairs()
    with pytest.raises(NotFound, match="is no action"):
        came.pairs()


def test_pairs_show_what_differs(tmp_path: Path) -> None:
    wf = ln.Workflow("shop")
    rows = [{"n": "1", "n_after": None, "k": "a"}, {"n": "2", "n_after": None, "k": None}]
    step = wf.step("good").input("inline", rows=rows)
    step.cast(n="BIGINT").derive(k="coalesce(k, 'b')").action("remove", ["n_after"])
    wf.step("good").output("print")
    with ln.open(tmp_path, serve=False) as ws:
        _, cast, filled, dropped = ws.trace(wf).step("good")
    assert cast.pairs().columns == ["became", "reason", "n", "n_after", "k", "n_after_"]
    assert cast.pairs()["n_after_"].to_list() == [1, 2]
    assert filled.pairs().select("became", "k", "k_after").rows() == [
        ("kept", "a", "a"),
        ("changed", None, "b"),
    ]
    assert dropped.pairs()["became"].to_list() == ["changed", "changed"]
    assert dropped.columns_changed == "-n_after"
