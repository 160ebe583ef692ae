"""Each rule, by what it finds and where; and that all of it is found at once."""

from typing import Any

import pytest
from hypothesis import given, settings
from planning_kit import PlainChecker, found, planned, problems, spec_of

from lyftnb.errors import InvalidWorkflow
from lyftnb.model import Schema, WorkflowSpec
from lyftnb.planning import validate
from lyftnb.testing import strategies

READ = {"input": {"inline": {"x": "BIGINT", "at": "TIMESTAMP"}}, "out": "raw"}
DAILY = {"raw": {"partition": "1d", "event_time": "at"}}
SINK = {"in": "raw", "output": {"print": None}}
PORTS = {"a": "x", "b": "y"}


def by(field: str, **rest: Any) -> dict[str, Any]:
    return {"mode": "conditional", "field": field, **rest}


ONE_STEP = {
    "a step that does nothing": ({}, ["no_body steps.s"]),
    "nothing to read": ({"actions": [{"sort": "x"}], "out": "c"}, ["no_input steps.s"]),
    "rows that go nowhere": ({"in": "raw", "actions": [{"filter": "x"}]}, ["no_output steps.s"]),
    "two input sides": (SINK | {"input": READ["input"]}, ["two_input_sides steps.s.in"]),
    "a block": ({"uses": "b", "in": "raw", "out": "c"}, ["not_yet steps.s.uses"]),
    "parameters without a block": (SINK | {"with": {}}, ["with_alone steps.s.with"]),
    "a notebook and actions": (
        {"notebook": {"path": "n.ipynb"}, "actions": [{"filter": "x"}]},
        ["two_bodies steps.s.notebook", "not_yet steps.s.notebook"],
    ),
    "a notebook that feeds": (
        {"notebook": {"path": "n.ipynb"}, "out": "c"},
        ["not_yet steps.s.out"],
    ),
    "unlike actions of one id": (
        SINK | {"actions": [{"filter": "x", "id": "f"}, {"filter": "x", "id": "f"}]},
        ["duplicate_id steps.s.actions[1].id"],
    ),
    "a rename from what is still there": (
        SINK | {"renamed_from": "read"},
        ["not_renamed steps.s.renamed_from"],
    ),
    "an unknown channel": (SINK | {"in": "rwa"}, ["unknown_channel steps.s.in"]),
    "an unknown channel in a list": (
        SINK | {"in": ["raw", "rwa"]},
        ["unknown_channel steps.s.in[1]"],
    ),
    "an unknown channel by name": (
        SINK | {"in": {"a": "raw", "b": {"channel": "z", "as": "table"}}},
        ["unknown_channel steps.s.in.b.channel"],
    ),
    "a channel listed twice": (SINK | {"in": ["raw", "raw"]}, ["repeated_channel steps.s.in[1]"]),
    "a key of a stream": (
        SINK | {"in": {"a": {"channel": "raw", "key": "x"}}},
        ["key_of_stream steps.s.in.a.key"],
    ),
    "an unknown key column": (
        SINK | {"in": {"a": "raw", "b": {"channel": "raw", "as": "table", "key": "z"}}},
        ["unknown_column steps.s.in.b.key"],
    ),
    "tables only": (
        SINK | {"in": {"a": {"channel": "raw", "as": "table"}}},
        ["only_tables steps.s.in"],
    ),
    "ports without dispatch": ({"in": "raw", "out": PORTS}, ["no_dispatch steps.s.out"]),
    "dispatch over one port": (
        {"in": "raw", "out": "x", "dispatch": "clone"},
        ["one_port steps.s.dispatch"],
    ),
    "dispatch without ports": (SINK | {"dispatch": "clone"}, ["no_ports steps.s.dispatch"]),
    "a case for an unknown port": (
        {"in": "raw", "out": PORTS, "dispatch": by("x", cases={"1": "a", "2": "c"}, default="b")},
        ["unknown_port steps.s.dispatch.cases.2"],
    ),
    "no default": (
        {"in": "raw", "out": PORTS, "dispatch": by("x", cases={"1": "a", "2": "b"})},
        ["no_default steps.s.dispatch"],
    ),
    "an unknown field and an idle port": (
        {"in": "raw", "out": PORTS, "dispatch": by("z", cases={"1": "a"}, default="a")},
        ["unknown_column steps.s.dispatch.field", "idle_port steps.s.dispatch"],
    ),
    "a conditional with neither": (
        {"in": "raw", "out": PORTS, "dispatch": {"mode": "conditional", "default": "a"}},
        ["bad_conditional steps.s.dispatch", "idle_port steps.s.dispatch"],
    ),
    "two conditions in one item, one of them empty": (
        {
            "in": "raw",
            "out": PORTS,
            "dispatch": {"mode": "conditional", "when": [{"a": "x", "b": ""}], "default": "a"},
        },
        ["bad_conditional steps.s.dispatch.when[0]", "bad_expression steps.s.dispatch.when[0].b"],
    ),
    "cases of a clone": (
        {"in": "raw", "out": PORTS, "dispatch": {"mode": "clone", "cases": {"1": "a"}}},
        ["not_conditional steps.s.dispatch.cases"],
    ),
    "a port named rejects": (
        {"in": "raw", "out": {"rejects": "x", "b": "y"}, "dispatch": "clone"},
        ["reserved_name steps.s.out.rejects"],
    ),
    "a channel named as another's rejects": (
        {"in": "raw", "out": "read_rejects"},
        ["reserved_name steps.s.out"],
    ),
    "a frame over an outside input": (
        {"input": {"files": "a"}, "frame": "run", "output": {"print": None}},
        ["frame_outside steps.s.frame"],
    ),
    "an aggregate over an outside input": (
        {"input": {"files": "a"}, "actions": [{"aggregate": {}}], "output": {"print": None}},
        ["frame_outside steps.s.actions"],
    ),
    "an aggregate over batches": (
        SINK | {"actions": [{"aggregate": {}}], "frame": "batch"},
        ["frame_batch steps.s.frame"],
    ),
    "a state over a frame that is read again": (
        SINK | {"actions": [{"dedupe": "x"}], "frame": "all"},
        ["state_frame steps.s.frame"],
    ),
    "a state of an outside input": (
        {"input": {"files": "a"}, "actions": [{"dedupe": "x"}], "output": {"print": None}},
        ["state_outside steps.s.actions[0].dedupe"],
    ),
    "two states of one name": (
        SINK | {"actions": [{"dedupe": "x"}, {"dedupe": "y", "id": "d"}, {"dedupe": "y"}]},
        ["state_id steps.s.actions[2]"],
    ),
    "a channel named as a state": (
        {"in": "raw", "actions": [{"dedupe": "x"}], "out": "s__dedupe_state"},
        ["reserved_name steps.s.out"],
    ),
    "partitions that are not there": (
        SINK | {"frame": "partition"},
        ["unpartitioned steps.s.frame"],
    ),
    "watching a channel": (
        SINK | {"trigger": {"watch": "5s"}},
        ["nothing_to_watch steps.s.trigger.watch"],
    ),
    "a watch without a pause": (
        {"input": {"files": 1}, "trigger": {"watch": 0}, "output": {"print": 1}},
        ["bad_interval steps.s.trigger.watch"],
    ),
    "an empty tag": (
        SINK | {"emit": [{"tag": " "}]},
        ["empty_tag steps.s.emit[0].tag"],
    ),
    "an unknown action": (
        SINK | {"actions": [{"fliter": "x"}]},
        ["unknown_action steps.s.actions[0].fliter"],
    ),
    "an unknown input": (
        {"input": {"fils": 1}, "output": {"print": 1}},
        ["unknown_input steps.s.input.fils"],
    ),
    "an unknown output": (
        {"in": "raw", "output": {"prnt": 1}},
        ["unknown_output steps.s.output.prnt"],
    ),
    "a wrong output": (
        {"in": "raw", "output": {"parquet": {}}},
        ["missing_key steps.s.output.parquet.path"],
    ),
    "an unknown column": (
        SINK | {"actions": [{"derive": {"y": "x"}}, {"filter": "y"}, {"filter": "z"}]},
        ["unknown_column steps.s.actions[2].filter"],
    ),
    "a spool without names": (
        {"input": {"spool": {"deploymnt": "d", "channel": "c"}}, "output": {"print": 1}},
        ["unknown_key steps.s.input.spool.deploymnt", "bad_spool steps.s.input.spool.deployment"],
    ),
    "an unknown variable": (
        {"input": {"files": "{{dta}}/x"}, "output": {"print": "{{ data }}"}},
        ["unknown_variable steps.s.input.files"],
    ),
}


@pytest.mark.parametrize("case", ONE_STEP)
def test_a_step(case: str) -> None:
    step, expected = ONE_STEP[case]
    spec = spec_of({"read": READ, "other": SINK, "s": step}, context={"data": "d"})
    assert found(spec) == expected


CHANNELS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no time of the event": (
        {"raw": {"partition": "1d"}},
        ["no_event_time channels.raw.partition"],
    ),
    "an unknown event time": (
        {"raw": {"event_time": "when"}},
        ["unknown_column channels.raw.event_time"],
    ),
    "an event time that is a number": (
        {"raw": {"event_time": "x"}},
        ["not_a_time channels.raw.event_time"],
    ),
    "a partition that is neither": (
        {"raw": {"partition": "1 day"}},
        ["bad_partition channels.raw.partition"],
    ),
    "an unknown partition column": (
        {"raw": {"partition": "z"}},
        ["unknown_column channels.raw.partition"],
    ),
    "a worker that keeps": (
        {"raw": {"transport": "worker", "retention": {"days": 1}}},
        ["worker_setting channels.raw.retention"],
    ),
    "limits that do not limit": (
        {"raw": {"retention": {}, "max_lag": {"bytes": 0}}},
        ["bad_limit channels.raw.max_lag.bytes", "empty_limit channels.raw.retention"],
    ),
    "a channel that nobody uses": ({"rwa": {}}, ["unused_channel channels.rwa"]),
}


@pytest.mark.parametrize("case", CHANNELS)
def test_a_channel(case: str) -> None:
    channels, expected = CHANNELS[case]
    assert found(spec_of({"read": READ, "s": SINK}, channels)) == expected


def test_two_producers() -> None:
    assert found(spec_of({"read": READ, "again": READ, "s": SINK})) == [
        "two_producers steps.again.out"
    ]


def test_a_name_that_sql_has_already() -> None:
    spec = spec_of({"read": READ, "s": SINK})
    for name in ("main", "memory", "temp"):
        assert found(spec.model_copy(update={"workflow": name})) == ["reserved_name workflow"]
    named = spec.model_copy(update={"workflow": "pg"})  # in the context `catalog`
    (problem,) = validate(named, PlainChecker(), deployment="pg_catalog")
    assert "spools of deployment 'pg_catalog'" in problem.message


def test_a_declared_channel_without_producer() -> None:
    spec = spec_of({"s": {"in": "c", "output": {"print": 1}}}, {"c": {}})
    assert found(spec) == ["no_producer steps.s.in"]


def test_rings_are_named_whole_and_one_by_one() -> None:
    spec = spec_of(
        {
            "read": READ,
            "a": {"in": ["raw", "back"], "out": "forth"},
            "b": {"in": "forth", "out": "back"},
            "own": {"in": ["raw", "self"], "out": "self"},
        },
        {"back": {"transport": "spool"}},
    )
    rings = [p for p in problems(spec) if p.code == "cycle"]
    assert [p.dotted for p in rings] == ["steps.a.in", "steps.own.in"]
    assert "'a', 'b' wait for each other" in rings[0].message


def test_channels_that_nobody_reads() -> None:
    spec = spec_of(
        {"s": {"input": {"files": 1}, "out": PORTS, "dispatch": "clone"}},
        {"y": {"transport": "worker"}},
    )
    unread = [p for p in problems(spec) if p.code == "unread_channel"]
    assert [(p.severity, p.dotted) for p in unread] == [
        ("warning", "steps.s.out.b"),
        ("note", "steps.s.out.a"),
    ]


@pytest.mark.parametrize(
    ("reader", "reason"),
    [
        ({"trigger": {"interval": "5m"}}, "step 's' has its own trigger"),
        ({"frame": "run"}, "step 's' runs over frame 'run'"),
        ({"retry": {"attempts": 2}}, "step 's' has its own retry"),
        ({"paused": True}, "step 's' can be paused on its own"),
    ],
)
def test_a_channel_declared_worker_where_the_planner_must_cut(
    reader: dict[str, Any], reason: str
) -> None:
    spec = spec_of({"read": READ, "s": SINK | reader}, {"raw": {"transport": "worker"}})
    [conflict] = [p for p in problems(spec) if p.code == "transport_conflict"]
    assert conflict.dotted == "channels.raw.transport"
    assert reason in conflict.message


def test_joins_and_tables() -> None:
    daily = {"in": "raw", "frame": "partition", "actions": [{"aggregate": {}}], "out": "daily"}
    both = {"a": "raw", "b": "daily"}
    output = {"output": {"print": 1}, "actions": [{"python": {"rowwise": True}}]}
    steps: dict[str, Any] = {"read": READ, "daily": daily}
    assert found(spec_of(steps | {"s": {"in": both} | output}, DAILY)) == [
        "join_frame steps.s.in",
        "table_as_stream steps.s.in",
    ]
    assert found(spec_of(steps | {"s": {"in": both, "output": {"print": 1}}}, DAILY)) == [
        "unmerged_inputs steps.s.in",
        "table_as_stream steps.s.in",
    ]
    table = {"a": "raw", "b": {"channel": "daily", "as": "table"}}
    assert found(spec_of(steps | {"s": {"in": table} | output}, DAILY)) == []
    whole = {"in": "daily", "frame": "all"} | output
    assert found(spec_of(steps | {"s": whole}, DAILY)) == []
    assert found(spec_of(steps | {"s": {"in": both, "frame": "partition"} | output}, DAILY)) == [
        "unpartitioned steps.s.frame"
    ]


def test_message_edges() -> None:
    edges = [
        {"from": "read", "tag": "t", "to": "s"},
        {"from": "read.rejects", "tag": "t", "to": "s"},
        {"from": "raw", "tag": "t", "to": "z"},
        {"from": "read.prot", "tag": "", "to": "s"},
        {"from": "raed.rejects", "tag": "t", "to": "s"},
    ]
    assert found(spec_of({"read": READ, "s": SINK}, messages=edges)) == [
        "unknown_step messages[2].to",
        "empty_tag messages[3].tag",
        "unknown_port messages[3].from",
        "unknown_step messages[4].from",
    ]


def test_schemas_merge_and_clash() -> None:
    steps = {
        "read": READ,
        "more": {"input": {"inline": {"x": "VARCHAR", "y": "DOUBLE"}}, "out": "text"},
        "fine": {"input": {"inline": {"x": "DOUBLE"}}, "out": "wide"},
        "s": {"in": ["raw", "text"], "output": {"print": 1}},
        "t": {"in": ["raw", "wide"], "actions": [{"filter": "at"}], "output": {"print": 1}},
    }
    assert found(spec_of(steps)) == ["schema_clash steps.s.in[1]"]


def test_what_a_spool_holds_counts() -> None:
    steps: dict[str, Any] = {"read": READ, "s": SINK | {"actions": [{"filter": "old"}]}}
    held = Schema.from_mapping({"x": "BIGINT", "old": "BIGINT"})
    own = {"known": {"d.raw": held}, "deployment": "d"}
    assert found(spec_of(steps)) == ["unknown_column steps.s.actions[0].filter"]
    assert found(spec_of(steps), **own) == []
    assert found(spec_of(steps), **own | {"deployment": "other"}) == found(spec_of(steps))
    assert found(spec_of(steps, {"raw": {"schema": "freeze"}}), **own) == [
        "schema_clash channels.raw"
    ]
    text: dict[str, Any] = {"read": {"input": {"inline": {"x": "VARCHAR"}}, "out": "raw"}}
    assert found(spec_of(text | {"s": SINK}), **own) == ["schema_clash steps.read.out"]
    foreign = {"input": {"spool": {"deployment": "d", "channel": "c"}}}
    spec = spec_of({"s": foreign | {"actions": [{"filter": "z"}], "output": {"print": 1}}})
    assert found(spec, known={"d.c": held}) == ["unknown_column steps.s.actions[0].filter"]


def test_rows_to_come_may_have_columns_that_those_there_lack() -> None:
    """What the rows that are there tell is a warning, unless the spool takes no others."""
    read = {"input": {"files": "a"}, "out": "raw"}
    steps = {
        "read": read,
        "s": {"in": "raw", "actions": [{"filter": "x"}, {"filter": "new"}], "out": "good"},
        "t": {"in": "good", "dispatch": by("newer", cases={"1": "a"}, default="b"), "out": PORTS},
    }
    own = {"known": {"d.raw": Schema.from_mapping({"x": "BIGINT"})}, "deployment": "d"}
    places = ["steps.s.actions[1].filter", "steps.t.dispatch.field"]

    def told(**raw: Any) -> list[tuple[str, str]]:
        spec = spec_of(steps, {"raw": {"transport": "spool", **raw}})
        seen = problems(spec, **own)
        return [(p.severity, p.place) for p in seen if p.code == "unknown_column"]

    assert told() == [("warning", place) for place in places]
    assert told(schema="freeze") == [("error", place) for place in places]
    assert told(event_time="at")[0] == ("warning", "channels.raw.event_time")


def test_expansion() -> None:
    step = {
        "description": "{{nothing}}",
        "input": {"files": {"path": "{{dir}}/{{ n }}", "rows": "{{n}}"}},
        "actions": [{"python": "f'{{nothing}}'"}, {"derive": {"description": "{{a b}}"}}],
        "output": {"print": "{{ring}}"},
    }
    context = {"dir": "{{root}}/data", "root": "/r", "n": 5, "ring": "{{gnir}}", "gnir": "{{ring}}"}
    assert found(spec_of({"s": step}, context=context)) == [
        "context_cycle context.gnir",
        "bad_variable steps.s.actions[1].derive.description",
    ]


@settings(max_examples=100, deadline=None)
@given(strategies.workflows())
def test_any_document_can_be_validated(spec: WorkflowSpec) -> None:
    class Lenient(PlainChecker):
        def input_kinds(self) -> tuple[str, ...]:
            return ("files",)

        def output_kinds(self) -> tuple[str, ...]:
            return ("files",)

    for problem in validate(spec, Lenient()):
        assert problem.message
        assert problem.path == () or problem.path[0] in WorkflowSpec.model_fields


def test_placeholders_and_secrets() -> None:
    used = "${secret.db/password}"
    steps: dict[str, Any] = {
        "a": {
            "input": {"files": {"path": f"x/{used}", "n": "${rum.id}", "m": "$${HOME} ${} ${a b}"}},
            "actions": [
                {"derive": {"x": f"md5({used})", "y": "${secret.Db/x}", "z": "${secret.a/b || 1}"}},
                {"derive": {"x": "2 * ${rate}", "y": "${run.id}"}},
                {"python": {"source": f"# {used}", "values": {"k": used}}},
            ],
            "emit": [{"tag": "t", "fields": {"x": used}}],
            "output": {"print": used},
        }
    }
    spec = spec_of(steps)
    wrong = {
        "unknown_placeholder steps.a.input.files.n",
        "bad_placeholder steps.a.input.files.m",
        "unknown_placeholder steps.a.actions[1].derive.x",
        "bad_secret steps.a.actions[0].derive.y",
        "bad_secret steps.a.actions[0].derive.z",
        "secret_not_here steps.a.actions[2].python.source",
        "secret_not_here steps.a.emit[0].fields.x",
    }
    assert set(found(spec)) - {"bad_expression steps.a.emit[0].fields"} == wrong
    assert set(found(spec, secrets=frozenset({"db/password"}))) == wrong
    (rate,) = [p for p in problems(spec) if p.dotted.endswith("actions[1].derive.x")]
    assert "{{rate}}" in rate.hint
    missing = problems(spec, secrets=frozenset({"db/passwort"}))
    told = [p for p in missing if p.code == "missing_secret"]
    assert {p.dotted for p in told} == {
        "steps.a.input.files.path",
        "steps.a.actions[0].derive.x",
        "steps.a.actions[2].python.values.k",
        "steps.a.output.print",
    }
    assert {p.severity for p in told} == {"warning"}
    hint = "did you mean 'db/passwort'? Otherwise lyftnb secret set db/password"
    assert {p.hint for p in told} == {hint}


def test_a_missing_secret_stops_a_plan() -> None:
    spec = spec_of({"a": READ | {"output": {"print": "${secret.db/password}"}}})
    assert planned(spec, secrets=frozenset({"db/password"}))
    with pytest.raises(InvalidWorkflow, match="lyftnb secret set db/password"):
        planned(spec, secrets=frozenset())
