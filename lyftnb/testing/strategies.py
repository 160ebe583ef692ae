"""Hypothesis strategies for the nouns of the model.

`workflows()` gives documents of every surface form. They are well formed, not meaningful: channels
may dangle, actions may be unknown. What is read, written, edited or validated must bear that.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from lyftnb.model import WorkflowSpec

_NAMES = ("a", "b", "c", "raw", "clean", "to_jfk", "by_day", "on", "no", "x1")
_TEXTS = (
    "origin = 'JFK'", "{{x}}", "a: b", "# no", "no", "on", "12", "1e3", "007", "~", "- a", "",
    " lead", "trail ", "two\nlines\n", "two\n\n  lines", "tab\there", "😀 é", "'", '"', "\\n",
    "2026-01-01", "12:30", "<<", "*a", "&a", "!t", "%", "@", "`", "a #b", "end\n\n", "\x85",
)  # fmt: skip


def names() -> st.SearchStrategy[str]:
    """Names of steps, channels, ports: few, so that they meet."""
    return st.sampled_from(_NAMES) | st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)


def texts() -> st.SearchStrategy[str]:
    """Text: what YAML finds hard, and anything else that a file can hold."""
    return st.sampled_from(_TEXTS) | st.text(st.characters(codec="utf-8"), max_size=12)


def scalars() -> st.SearchStrategy[Any]:
    """JSON's scalars, without the numbers that JSON lacks."""
    numbers = st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False)
    return st.none() | st.booleans() | numbers | texts()


def values() -> st.SearchStrategy[Any]:
    """Any JSON, not large."""
    return st.recursive(
        scalars(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3),
        max_leaves=6,
    )


def actions() -> st.SearchStrategy[dict[str, Any]]:
    """One action of a step: any kind, any parameters."""
    kinds = st.sampled_from(("filter", "derive", "select", "aggregate", "python", "sql"))
    extras = st.fixed_dictionaries(
        {}, optional={"id": names(), "on_error": st.sampled_from(("reject", "drop", "fail"))}
    )
    return st.builds(lambda k, v, rest: {k: v, **rest}, kinds, values(), extras)


def _inputs() -> st.SearchStrategy[Any]:
    refs = names() | st.fixed_dictionaries(
        {"channel": names()},
        optional={"as": st.sampled_from(("stream", "table")), "key": st.lists(names(), max_size=2)},
    )
    merged = st.lists(names(), min_size=1, max_size=3)
    return names() | merged | st.dictionaries(names(), refs, min_size=1, max_size=3)


def _triggers() -> st.SearchStrategy[Any]:
    one = st.sampled_from(
        ("manual", {"interval": "5m"}, {"cron": "0 6 * * *", "zone": "Europe/Berlin"},
         {"message": {"tag": "landed"}}, {"watch": "5s", "jitter": "1s"})
    )  # fmt: skip
    return one | st.lists(one, min_size=1, max_size=2)


def _dispatches() -> st.SearchStrategy[Any]:
    cases = st.dictionaries(texts(), names(), max_size=3)
    conditional = st.fixed_dictionaries(
        {"mode": st.just("conditional"), "field": texts(), "cases": cases},
        optional={"default": names()},
    )
    when = st.lists(st.dictionaries(names(), texts(), min_size=1, max_size=1), max_size=2)
    by_condition = st.fixed_dictionaries({"mode": st.just("conditional"), "when": when})
    return st.sampled_from(("clone", "round_robin")) | conditional | by_condition


def steps() -> st.SearchStrategy[dict[str, Any]]:
    """One step, as a document."""
    body = st.builds(lambda kind, params: {kind: params}, st.just("files"), values())
    emit = st.fixed_dictionaries({"tag": texts()}, optional={"per": st.just("batch")})
    return st.fixed_dictionaries(
        {},
        optional={
            "description": texts(),
            "in": _inputs(),
            "input": body,
            "actions": st.lists(actions(), max_size=3),
            "out": names() | st.dictionaries(names(), names(), min_size=1, max_size=3),
            "output": body,
            "dispatch": _dispatches(),
            "trigger": _triggers(),
            "emit": st.lists(emit, max_size=2),
            "frame": st.sampled_from(("batch", "run", "partition", "all")),
            "group": names(),
            "replicas": st.integers(1, 9),
            "retry": st.fixed_dictionaries({}, optional={"attempts": st.integers(1, 9)}),
            "on_error": st.sampled_from(("reject", "drop", "fail")),
            "paused": st.booleans(),
        },
    )


def channels() -> st.SearchStrategy[dict[str, Any]]:
    """One declared channel, as a document."""
    return st.fixed_dictionaries(
        {},
        optional={
            "transport": st.sampled_from(("worker", "spool")),
            "event_time": names(),
            "partition": st.sampled_from(("1d", "1h", "origin")),
            "schema": st.sampled_from(("evolve", "freeze", "discard")),
            "retention": st.fixed_dictionaries({"days": st.integers(1, 400)}),
            "max_lag": st.fixed_dictionaries({"bytes": st.just("1GiB")}),
        },
    )


def documents() -> st.SearchStrategy[dict[str, Any]]:
    """A workflow, as a document."""
    return st.fixed_dictionaries(
        {"workflow": names()},
        optional={
            "description": texts(),
            "context": st.dictionaries(names(), values(), max_size=3),
            "channels": st.dictionaries(names(), channels(), max_size=3),
            "steps": st.dictionaries(names(), steps(), max_size=4),
            "ui": st.dictionaries(names(), values(), max_size=2),
        },
    )


def workflows() -> st.SearchStrategy[WorkflowSpec]:
    """A workflow, modelled."""
    return documents().map(WorkflowSpec.model_validate)
