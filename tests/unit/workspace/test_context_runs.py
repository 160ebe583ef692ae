"""The contexts of a workspace: what a workflow runs with, and under which name."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import lyftnb as ln
from lyftnb.errors import InvalidWorkflow, LyftError, NotFound, SetupError


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[ln.Workspace]:
    """A workspace whose default context is `dev`, over `base`; `prod` stands beside it."""
    (tmp_path / "lyftnb.toml").write_text('[context]\ndefault = "dev"\n')
    with ln.open(tmp_path) as workspace:
        contexts = workspace.contexts
        contexts.create("base")
        contexts.create("dev", parent="base")
        contexts.create("prod", parent="base")
        contexts.set("base", "rows.n", 1)
        contexts.set("prod", "rows.n", 3)
        yield workspace


def _workflow(name: str = "shop", group: str = "default") -> ln.Workflow:
    wf = ln.Workflow(name, context={"rows": {"n": 0}})
    wf.step("make", out="made", group=group).input("inline", rows=[{"n": "{{rows.n}}"}])
    wf.step("keep", in_="made", out="kept", group=group).filter("n >= {{rows.n}}")
    return wf


def test_a_version_has_a_deployment_for_each_context(ws: ln.Workspace) -> None:
    wf = _workflow()
    version = ws.publish(wf)
    assert ws.plan("shop").deployment == "shop"
    assert ws.plan("shop", context="dev").deployment == "shop"
    assert ws.plan("shop", context="prod").deployment == "shop_prod"
    assert ws.plan(wf, context="prod").deployment == "shop_draft"
    assert ws.plan("shop").compiled.digest == ws.plan("shop", context="prod").compiled.digest
    assert ws.publish(wf, context="prod") == version


def test_a_trace_and_an_explanation_take_the_chosen_context(ws: ln.Workspace) -> None:
    ws.contexts.set("deployment:shop_draft", "rows.n", 7)
    traced = ws.trace(_workflow(), context="prod")
    assert traced.step("make")[0].rows.to_dicts() == [{"n": 7}]
    [told] = ws.contexts.explain(_workflow(), "prod")
    assert [(told.value, told.layer), *((w.value, w.layer) for w in told.weaker)] == [
        (7, "deployment:shop_draft"),
        (3, "prod"),
        (1, "base"),
        (0, "workflow"),
    ]
    assert told.places == ("steps.make.input.inline.rows[0].n", "steps.keep.actions[0].filter")


def test_what_is_read_has_its_parents_in_it(ws: ln.Workspace) -> None:
    ws.contexts.set("base", "db", {"host": "h"})
    assert ws.contexts.get("prod") == {"rows": {"n": 3}, "db": {"host": "h"}}
    assert ws.contexts.get("dev", "rows.n") == 1
    [difference] = ws.contexts.diff("dev", "prod")
    assert (difference.name, difference.left, difference.right) == ("rows.n", 1, 3)
    assert "dev (default)" in repr(ws.contexts)
    assert "db.host" in ws.contexts._repr_html_()


def test_a_missing_variable_names_the_command(ws: ln.Workspace) -> None:
    wf = ln.Workflow("w")
    wf.step("make", out="made").input("inline", rows=[{"n": "{{limit}}"}])
    assert "unknown_variable" in [p.code for p in ws.validate(wf)]
    with pytest.raises(InvalidWorkflow, match="lyftnb context set prod limit VALUE"):
        ws.plan(wf, context="prod")
    ws.contexts.set("prod", "limit", 5)
    assert ws.plan(wf, context="prod").compiled.context[0].value == 5


def test_two_workflows_never_share_a_deployment(ws: ln.Workspace) -> None:
    ws.publish(_workflow("shop"))
    ws.publish(_workflow("shop_prod"))
    for ref, context in (("shop", "prod"), ("shop_prod", None)):
        with pytest.raises(SetupError, match="'shop_prod' is also the name of workflow"):
            ws.plan(ref, context=context)
    assert ws.plan("shop_prod", context="prod").deployment == "shop_prod_prod"


def test_what_cannot_be_is_refused(ws: ln.Workspace, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="unknown context 'prd'"):
        ws.plan(_workflow(), context="prd")
    with pytest.raises(SetupError, match="the default context"):
        ws.contexts.delete("dev")
    with pytest.raises(LyftError, match=r"unknown variable 'rows\.m'"):
        ws.contexts.get("dev", "rows.m")
    other = tmp_path / "other"
    other.mkdir()
    (other / "lyftnb.toml").write_text('[context]\ndefault = "nowhere"\n')
    with ln.open(other) as bare, pytest.raises(NotFound, match=r"lyftnb\.toml: context\.default"):
        bare.plan(_workflow())
