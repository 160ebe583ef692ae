"""Actions of installed packages: found by name, imported when asked for, refused in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from typing import Any

import polars as pl
import pytest

from lyftnb.errors import ConfigError, LyftError, NotFound
from lyftnb.model import ActionSpec, Schema
from lyftnb.operators import (
    Action,
    ActionChecker,
    Bound,
    Chain,
    Env,
    Example,
    Params,
    action,
    action_kinds,
    registry,
)

Install = Callable[..., None]


class DoubleParams(Params):
    """What to double."""

    column: str


class Double(Action[DoubleParams]):
    """Doubles a column."""

    name = "double"
    Params = DoubleParams
    example = Example({"column": "a"}, [{"a": 1}], [{"a": 2}])

    def bind(self, params: DoubleParams, schema: pl.Schema, env: Env) -> Bound:
        return Bound(lambda lf, flags: lf.with_columns(pl.col(params.column) * 2), schema)


class Careless(Double):
    """Forgets the hidden columns of its rows."""

    name = "careless"

    def bind(self, params: DoubleParams, schema: pl.Schema, env: Env) -> Bound:
        return Bound(lambda lf, flags: lf.select(schema.names()), schema)


class Faulty(Double):
    """Fails where it is bound."""

    name = "faulty"

    def bind(self, params: DoubleParams, schema: pl.Schema, env: Env) -> Bound:
        raise KeyError(params.column)


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    def installed(**offers: str | list[str]) -> None:
        found = [
            EntryPoint(name, value, registry.GROUP)
            for name, values in offers.items()
            for value in ([values] if isinstance(values, str) else values)
        ]
        monkeypatch.setattr(registry, "entry_points", lambda group: found)
        registry._installed.cache_clear()

    yield installed
    monkeypatch.undo()
    registry._installed.cache_clear()


def _step(kinds: list[dict[str, Any]], frame: pl.DataFrame) -> pl.DataFrame:
    chain = Chain(frame.lazy(), frame.schema)
    specs = [ActionSpec.model_validate(kind) for kind in kinds]
    chain.step("s", specs, "reject", [spec.kind for spec in specs])
    return chain.collect().frame


def test_an_installed_action_works_like_a_built_in_one(install: Install) -> None:
    install(double=f"{__name__}:Double", broken="nowhere:Nothing")
    assert "double" in action_kinds()
    made = _step(
        [{"assert": "a > 0"}, {"double": {"column": "a"}}], pl.DataFrame({"a": [1, -1, 3]})
    )
    assert made["a"].to_list() == [2, 6]


@pytest.mark.parametrize(
    ("offers", "kind", "message"),
    [
        (
            {"broken": "nowhere:Nothing"},
            "broken",
            "'broken' of 'nowhere:Nothing' .*No module named",
        ),
        ({"path": "os.path:join"}, "path", "not a subclass of lyftnb.operators.Action"),
        ({"other": f"{__name__}:Double"}, "other", "calls itself 'double'"),
        ({"filter": f"{__name__}:Double"}, "filter", "which is a built-in one"),
        ({"double": [f"{__name__}:Double", "b:C"]}, "double", "several packages"),
    ],
)
def test_refusals(install: Install, offers: Any, kind: str, message: str) -> None:
    install(**offers)
    with pytest.raises(ConfigError, match=message):
        action(kind)
    assert action("derive").name == "derive"


def test_a_package_that_cannot_be_used_leaves_the_others_their_forms(install: Install) -> None:
    install(filter=f"{__name__}:Double", broken="nowhere:Nothing", double=f"{__name__}:Double")
    schemas = ActionChecker().action_schemas()
    assert schemas["filter"] == registry.ACTIONS["filter"].Params.model_json_schema()
    assert "double" in schemas and "broken" not in schemas
    clash, broken = ActionChecker().action_troubles()
    assert f"'{__name__}:Double' offers an action 'filter'" in clash and "nowhere" in broken


def test_an_unknown_action_is_told_with_the_nearest() -> None:
    with pytest.raises(NotFound) as caught:
        action("agregate")
    assert caught.value.hint == "did you mean 'aggregate'?"


def test_an_action_that_loses_hidden_columns_is_told_so(install: Install) -> None:
    install(careless=f"{__name__}:Careless")
    with pytest.raises(LyftError, match="dropped the hidden columns"):
        _step([{"assert": "a > 0"}, {"careless": {"column": "a"}}], pl.DataFrame({"a": [1, -1]}))


def test_an_action_whose_own_code_fails_is_a_problem_among_others(install: Install) -> None:
    install(faulty=f"{__name__}:Faulty")
    spec = ActionSpec.model_validate({"faulty": {"column": "a"}})
    schema, (finding,) = ActionChecker().check_action(
        spec, Schema.from_mapping({"a": "BIGINT"}), {}
    )
    assert schema is None
    assert finding.code == "broken_action"
    assert re.search(r"'faulty' cannot be checked: KeyError: 'a' \(.*\.py:\d+\)", finding.message)
