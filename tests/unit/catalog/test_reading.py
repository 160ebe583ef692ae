"""A file is read as far as it can be, and every problem stands at its line."""

import pytest

from lyftnb import catalog, planning
from lyftnb.catalog import Reading
from lyftnb.model import Problem
from lyftnb.workspace.checker import checker

BROKEN = """\
workflow: Flights
chanels: {}
channels:
  raw: {transport: spol, retention: {days: 0}}
steps:
  ingest:
    input: {files: a, http: b}
    trigger: {watch: 5 parsecs}
    out: raw
    replicas: "{{n}}"
  Bad Name: {}
  clean:
    in: raw
    actions:
      - filter: x
        derive: {a: b}
      - filter: y
        on_error: rejct
      - sort
    retry: {atempts: 3}
    dispatch: {cases: {}}
    paused: maybe
  lone: 5
  last:
    in: {x: {channel: raw, as: tabel}, y: [raw]}
messages:
  - {from: clean, tag: t}
"""


def listed(reading: Reading) -> list[str]:
    return [f"{p.line}: {p.dotted}: {p.message}; {p.hint}" for p in reading.problems]


def test_all_problems_at_once_each_with_its_line() -> None:
    name = "use a-z, 0-9 and _, begin with a letter, at most 63 characters"
    assert listed(catalog.read(BROKEN, "flights.workflow.yaml")) == [
        f"1: workflow: the value 'Flights' is not a name; {name}",
        "2: chanels: unknown key 'chanels'; did you mean 'channels'?",
        "4: channels.raw.transport: expected 'worker' or 'spool', found 'spol'; "
        "did you mean 'spool'?",
        "4: channels.raw.retention.days: expected more than 0, found 0; ",
        "7: steps.ingest.input: expected exactly one kind as the key, found 'files', 'http'; ",
        "8: steps.ingest.trigger.watch: '5 parsecs' is not a duration; "
        "write a number and a unit: 500ms, 5s, 2m, 1h, 1d, 1w; ",
        "10: steps.ingest.replicas: expected a whole number, found '{{n}}'; "
        "`{{…}}` cannot stand here, because the value must be known in the file",
        f"11: steps.Bad Name: the key 'Bad Name' is not a name; {name}",
        "15: steps.clean.actions[0]: expected exactly one kind as the key, "
        "found 'filter', 'derive'; ",
        "18: steps.clean.actions[1].on_error: expected 'reject', 'drop' or 'fail', "
        "found 'rejct'; did you mean 'reject'?",
        "19: steps.clean.actions[2]: expected a mapping, found 'sort'; ",
        "20: steps.clean.retry.atempts: unknown key 'atempts'; did you mean 'attempts'?",
        "21: steps.clean.dispatch: `mode` is missing; add `mode:`",
        "22: steps.clean.paused: expected true or false, found 'maybe'; ",
        "23: steps.lone: expected a mapping, found 5; ",
        "25: steps.last.in.x.as: expected 'stream' or 'table', found 'tabel'; "
        "did you mean 'table'?",
        "25: steps.last.in.y: expected text or a mapping, found a list; ",
        "27: messages[0]: `to` is missing; add `to:`",
    ]


def test_the_rest_of_a_broken_file_is_modelled() -> None:
    reading = catalog.read(BROKEN)
    assert not reading.complete
    assert reading.spec is not None
    assert set(reading.spec.steps) == {"ingest", "clean", "last"}
    clean = reading.spec.steps["clean"]
    assert [a.params for a in clean.actions] == [None, "y", None]
    assert clean.actions[1].on_error is None
    assert reading.spec.steps["ingest"].ports == {"out": "raw"}


def test_consequences_of_a_broken_part_are_not_reported() -> None:
    reading = catalog.read(BROKEN, "f.yaml")
    found = [
        Problem("unknown_action", "error", ("steps", "clean", "actions", 0), "of the part itself"),
        Problem("no_dispatch", "error", ("steps", "clean"), "the dispatch was left out"),
        Problem("unknown_channel", "error", ("steps", "last", "in"), "a step was left out"),
        Problem("unknown_action", "error", ("steps", "clean", "actions", 1), "not a consequence"),
    ]
    added = set(reading.with_problems(found)) - set(reading.problems)
    assert [(p.message, p.file, p.line) for p in added] == [("not a consequence", "f.yaml", 17)]


@pytest.mark.parametrize(
    ("broken", "hidden"),
    [
        ("channels: {kept: {transport: spool, policy: x}}", set()),
        ("channels: {kept: {transport: spoool}}", set()),
        ("channels: {kept: 7}", {"unknown_channel"}),
        ("channel: {}", {"unknown_channel", "unknown_variable"}),
        ("context: {Bad-Name: 1}", {"unknown_variable"}),
        ("messages: [{from: 1}]", set()),
        ("ui: []", set()),
    ],
)
def test_a_broken_part_hides_only_what_may_stand_in_it(broken: str, hidden: set[str]) -> None:
    text = f"""
workflow: w
{broken}
steps:
  a: {{input: {{inline: {{rows: [{{n: 1}}]}}}}, out: rows}}
  b: {{in: roows, actions: [{{filter: "{{{{nope}}}} > 1"}}], out: kept, groop: x}}
"""
    reading = catalog.read(text)
    assert reading.spec is not None and not reading.complete
    found = {p.code for p in reading.with_problems(planning.validate(reading.spec, checker()))}
    assert {"unknown_channel", "unknown_variable"} - found == hidden


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("", None, "the file is empty"),
        ("- a", None, "a workflow is a mapping"),
        ("workflow: a\ncontext:\n\tx: 1", 3, "indent with spaces"),
        ("workflow: a\nworkflow: b", 2, "stands here and in line 1"),
        ("workflow: a\n---\nworkflow: b", 2, "second document"),
        ("workflow: a\nui: {a: {{x}}}", 2, "such as {{name}}, in quotes"),
        ("workflow: a\nui: {a: *x}", 2, "refers to nothing"),
        ("workflow: a\nui: !!python/name:os.system ''", 2, "has no meaning here"),
        ("workflow: a\nui: " + "[" * 100_000, 2, "nested more than"),
        (
            '{"workflow": "a", "ui": {"x": "\\ud83d\\ude00", "y": ' + "[" * 99 + "]" * 99 + "}}",
            None,
            "nested",
        ),
        ("workflow: a\nui: [1, 2\nsteps: {}", 3, "close the bracket"),
        ("workflow: a\ndescription: a: b", 2, "in quotes"),
        ('{"workflow": "a", "ui": {"x": "\\ud83d"}}', 1, "Unicode"),
        ('workflow: a\ndescription: "open\nsteps: {}', 2, "quote is never closed"),
        ("workflow: a\nui: \x00", None, "control characters"),
    ],
)
def test_no_text_is_taken_in_silence_or_raises(text: str, line: int | None, part: str) -> None:
    reading = catalog.read(text, "f.yaml")
    assert not reading.complete
    first = reading.problems[0]
    assert (first.severity, first.line) == ("error", line)
    assert part in f"{first.message} {first.hint}"
    assert first.place.startswith("f.yaml")


def test_aliases_cannot_grow_without_bound() -> None:
    rows = ["a: &a [1,1,1,1,1,1,1,1,1,1]"]
    for last, name in zip("abcdefghi", "bcdefghij", strict=True):
        rows.append(f"{name}: &{name} [{','.join([f'*{last}'] * 10)}]")
    reading = catalog.read("workflow: a\nui:\n" + "\n".join(f"  {row}" for row in rows))
    assert "too large" in reading.problems[0].message


def test_bare_words_mean_what_people_expect() -> None:
    spec = catalog.read(
        "workflow: a\n"
        "context: {on: no, a: 2026-01-01, b: 12:30, c: 00501, d: 0x10, e: 1_000, f: ~, g: yes}\n"
        "steps:\n"
        "  s:\n"
        "    dispatch: {mode: conditional, field: f, cases: {2026-01-01: x, 5: y, on: z}}\n"
    ).spec
    assert spec is not None
    assert spec.context == {
        "on": "no", "a": "2026-01-01", "b": "12:30", "c": "00501", "d": 16, "e": "1_000",
        "f": None, "g": "yes",
    }  # fmt: skip
    dispatch = spec.steps["s"].dispatch
    assert dispatch is not None
    assert dispatch.cases == {"2026-01-01": "x", "5": "y", "on": "z"}


def test_anchors_and_merge_keys_are_followed() -> None:
    reading = catalog.read(
        "workflow: a\ncontext:\n  one: &o {x: 1, y: 1}\n  two: {<<: *o, y: 2}\n  three: *o\n"
    )
    assert reading.problems == ()
    assert reading.spec is not None
    assert reading.spec.context == {
        "one": {"x": 1, "y": 1},
        "two": {"x": 1, "y": 2},
        "three": {"x": 1, "y": 1},
    }
    assert reading.line_of(("context", "two", "y")) == 4
    assert reading.line_of(("context", "three", "x")) == 5


def test_the_schema_of_the_document_takes_short_forms_and_kinds() -> None:
    params = {
        "$defs": {"Unit": {"enum": ["s", "ms"]}},
        "type": "object",
        "properties": {"unit": {"$ref": "#/$defs/Unit"}},
    }
    schema = catalog.document_schema({"time": params}, {"files": {}}, {"print": {}})
    definitions = schema["$defs"]
    [action] = definitions["ActionSpec"]["anyOf"]
    assert set(action["properties"]) == {"time", "id", "description", "on_error"}
    assert action["properties"]["time"]["properties"]["unit"] == {
        "$ref": "#/$defs/ActionSpec.time.Unit"
    }
    reference = {"$ref": "#/$defs/Reference"}
    assert definitions["ActionSpec.time.Unit"] == {"anyOf": [{"enum": ["s", "ms"]}, reference]}
    assert [b["title"] for b in definitions["InputSpec"]["anyOf"]] == ["spool", "files"]
    assert definitions["TriggerSpec"]["anyOf"][0] == {"enum": ["manual"]}
