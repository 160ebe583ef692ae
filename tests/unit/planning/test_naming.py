"""What deployments may be called, and whose a name is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyftnb.errors import SetupError
from lyftnb.model import command_words, deployment_name, is_name
from lyftnb.planning import Claims, check_name, require_free
from lyftnb.planning.deploying import Observed
from lyftnb.planning.deployment_names import NAME_TAKEN
from tests.unit.planning.deployment_kit import deployment_plan
from tests.unit.planning.planning_kit import spec_of

NOBODY = Claims(workflows=("flights", "shop"), contexts=("prod",))
STEPS = {"a": {"input": {"inline": {"rows": [{"n": 1}]}}, "output": {"print": {}}}}


@pytest.mark.parametrize(
    "name", ["", "East", "1st", "two words", "a.b", "east\n", "a" * 64, "flights_draft", "ä"]
)
def test_names_that_no_deployment_may_have(name: str) -> None:
    with pytest.raises(SetupError, match="cannot be the name of a deployment"):
        check_name(name)


@given(st.from_regex(r"[a-z][a-z0-9_]{0,62}", fullmatch=True).filter(lambda n: n[-6:] != "_draft"))
def test_names_that_a_deployment_may_have(name: str) -> None:
    check_name(name)


@given(st.text(max_size=70))
def test_a_name_is_one_from_end_to_end(text: str) -> None:
    assert is_name(text) == bool(re.fullmatch(r"[a-z][a-z0-9_]{0,62}", text))


@pytest.mark.parametrize(
    ("name", "whose"),
    [("shop", "'shop'\n"), ("shop_prod", "'shop' in context 'prod'")],
)
def test_a_name_that_another_workflow_comes_to_by_itself(name: str, whose: str) -> None:
    with pytest.raises(SetupError, match=f"is also the name of workflow {whose}"):
        require_free(name, "flights", None, NOBODY)
    require_free(name, "shop", None, NOBODY)


def test_data_of_something_else_makes_no_deployment_s_own() -> None:
    used = Claims(NOBODY.workflows, NOBODY.contexts, used=True)
    with pytest.raises(SetupError, match="there are runs or data of 'east'"):
        require_free("east", "flights", None, used)
    # What a workflow has run as, before it was applied, is its own.
    require_free("flights", "flights", None, used)
    require_free("flights_prod", "flights", "prod", used)
    # Whose it is otherwise is for the plan to say, which knows the workflow.
    require_free("shop", "flights", None, Claims(NOBODY.workflows, (), owner="shop", used=True))


def test_a_plan_takes_no_deployment_of_another_workflow_over() -> None:
    spec = spec_of(steps=STEPS)
    for owner in (None, spec.workflow):
        assert not deployment_plan(spec, None, Observed(owner=owner)).blocked
    plan = deployment_plan(spec, None, Observed(owner="other"))
    [problem] = [p for p in plan.problems if p.severity == "error"]
    assert (problem.code, problem.place) == (NAME_TAKEN, "deployment")
    assert "belong to workflow 'other'" in problem.message and "--name NAME" in problem.hint


@given(
    st.sampled_from([None, "none", "prod", "dev"]), st.sampled_from(["w", "w_prod", "w_dev", "x"])
)
def test_a_command_means_the_deployment_whichever_context_is_the_default(
    context: str | None, name: str
) -> None:
    words = command_words("w@1", context, name).split()
    named = words[words.index("--name") + 1] if "--name" in words else None
    assert (named or deployment_name("w", None if context == "none" else context)) == name
    assert ("--context" in words) == (context is not None)
