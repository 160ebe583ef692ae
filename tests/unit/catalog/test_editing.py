"""An edit changes what it must, and nothing else."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyftnb import catalog
from lyftnb.catalog.editing import same
from lyftnb.errors import InvalidWorkflow
from lyftnb.testing import strategies

FLIGHTS = """\
# Departures, cleaned.
workflow: flights   # the name
context: {data_dir: data,  min: 100}

channels:
  raw:    {transport: spool}   # landing
  clean:  {transport: spool, event_time: 'time_hour'}

steps:
  # reads the files
  ingest:
    input: {files: {path: "{{data_dir}}/*.csv", format: csv}}
    out: raw

  # makes them good
  clean:
    in: raw
    actions:
      # only real flights
      - filter: "dep_time IS NOT NULL"   # keep
      - derive: {speed: 'distance / air_time'}
      - lookup:
          file: airlines.csv
          on: carrier       # the key
          add: [name]
    out: clean
"""


def document(text: str) -> Any:
    found = catalog.read(text).document
    assert found is not None
    return found


def changed_lines(old: str, new: str) -> tuple[list[str], list[str]]:
    before, after = old.splitlines(), new.splitlines()
    return [x for x in before if x not in after], [x for x in after if x not in before]


def test_the_same_document_gives_the_same_text() -> None:
    assert catalog.edit(FLIGHTS, document(FLIGHTS)) == FLIGHTS


@pytest.mark.parametrize(
    ("path", "value", "gone", "come"),
    [
        (
            ("steps", "clean", "actions", 0, "filter"),
            "dep_time > 0",
            ['      - filter: "dep_time IS NOT NULL"   # keep'],
            ['      - filter: "dep_time > 0"   # keep'],
        ),
        (
            ("channels", "clean", "event_time"),
            "it's",
            ["  clean:  {transport: spool, event_time: 'time_hour'}"],
            ["  clean:  {transport: spool, event_time: 'it''s'}"],
        ),
        (
            ("context", "min"),
            [1, "no: no"],
            ["context: {data_dir: data,  min: 100}"],
            ['context: {data_dir: data,  min: [1, "no: no"]}'],
        ),
        (("steps", "clean", "group"), "etl", [], ["    group: etl"]),
        (
            ("steps", "clean", "actions", 2, "lookup", "on"),
            ["carrier", "year"],
            ["          on: carrier       # the key"],
            ["          on: [carrier, year]       # the key"],
        ),
        (
            ("channels", "third"),
            {"transport": "worker"},
            [],
            ["  third: {transport: worker}"],
        ),
        (
            ("steps", "clean", "out"),
            {"a": "x", "b": "y"},
            ["    out: clean"],
            ["    out: {a: x, b: y}"],
        ),
    ],
)
def test_only_the_changed_value_is_touched(
    path: tuple[Any, ...], value: Any, gone: list[str], come: list[str]
) -> None:
    wanted = document(FLIGHTS)
    holder = wanted
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    edited = catalog.edit(FLIGHTS, wanted)
    assert document(edited) == wanted
    assert changed_lines(FLIGHTS, edited) == (gone, come)


def test_actions_come_and_go_with_their_neighbours_left_alone() -> None:
    wanted = document(FLIGHTS)
    actions = wanted["steps"]["clean"]["actions"]
    del actions[1]
    actions.append({"sort": "dep_time"})
    edited = catalog.edit(FLIGHTS, wanted)
    assert document(edited) == wanted
    assert "# only real flights" in edited
    assert edited.endswith("      - sort: dep_time\n    out: clean\n")


def test_a_step_goes_with_its_lines_and_a_new_one_stands_at_its_place() -> None:
    wanted = document(FLIGHTS)
    del wanted["steps"]["ingest"]
    wanted["steps"]["write"] = {"in": "clean", "output": {"csv": {"path": "out"}}}
    edited = catalog.edit(FLIGHTS, wanted)
    assert document(edited) == wanted
    assert edited.endswith(
        "    out: clean\n  write:\n    in: clean\n    output: {csv: {path: out}}\n"
    )
    assert "# the key" in edited


@pytest.mark.parametrize(
    "text",
    [
        "workflow: a\ncontext: &c {x: 1}\nui: *c\n",
        "workflow: a\ncontext:\n  base: &b {x: 1}\n  more: {<<: *b, y: 2}\n",
        "workflow: a\ncontext: {}\nui:\n  a: &b {x: 1}\n  c:\n    <<: *b\n",
        "workflow: a\nsteps:\n  s:\n    actions:\n    - filter: x\n    -\n      filter: y\n",
        "workflow: a\ncontext:\n  text: |\n    two\n    lines\n\nsteps: {}",
        "workflow: a\r\ncontext:\r\n  x: 1\r\n",
        "{workflow: a, context: {x: 1}}",
        '{\n\t"workflow": "a"\n}\n',
        "",
    ],
)
@pytest.mark.parametrize("x", [2, "a\nb\n", {"z": None}])
def test_every_layout_can_be_edited(text: str, x: Any) -> None:
    wanted = catalog.read(text).document or {"workflow": "a"}
    wanted = {**wanted, "context": {**wanted.get("context", {}), "x": x}, "steps": {"t": {}}}
    assert document(catalog.edit(text, wanted)) == wanted


def test_what_comes_in_keeps_its_order() -> None:
    text = (
        "workflow: a\nsteps:\n  s:\n    out: {x: c}\n    actions:\n      - derive:\n          a: b"
    )
    wanted = document(text)
    wanted["steps"]["s"]["actions"][0]["derive"] |= {"d": "e", "b": "c"}
    wanted["steps"] |= {"z": {"in": "c"}, "y": {"in": "c"}}
    edited = catalog.edit(text, wanted)
    assert edited == text + "\n          d: e\n          b: c\n  z:\n    in: c\n  y:\n    in: c\n"


def test_line_ends_stay_as_they_are() -> None:
    text = FLIGHTS.replace("\n", "\r\n")
    wanted = document(text)
    wanted["steps"]["ingest"]["description"] = "two\nlines"
    edited = catalog.edit(text, wanted)
    assert document(edited) == wanted
    assert edited.count("\n") == edited.count("\r\n") == text.count("\n") + 3


def test_a_text_that_is_wrong_must_be_fixed_by_hand() -> None:
    with pytest.raises(InvalidWorkflow, match="stands here and in line 1"):
        catalog.edit("workflow: a\nworkflow: b\n", {"workflow": "c"})


@settings(max_examples=100, deadline=None)
@given(strategies.documents(), strategies.documents())
def test_the_edited_text_says_the_document(old: dict[str, Any], new: dict[str, Any]) -> None:
    text = catalog.write(catalog.from_document(old).spec)  # type: ignore[arg-type]
    edited = catalog.edit(text, new)
    assert same(document(edited), new, ())
    assert catalog.edit(edited, new) == edited


@settings(max_examples=50, deadline=None)
@given(strategies.documents(), strategies.documents(), st.data())
def test_comments_of_untouched_parts_survive(
    old: dict[str, Any], new: dict[str, Any], data: st.DataObject
) -> None:
    """Each step gets a comment; those of the steps that stay as they are stay, too."""
    old["steps"] = {"kept": {"in": "c", "actions": [{"filter": "x"}]}, **old.get("steps", {})}
    new["steps"] = {**new.get("steps", {}), "kept": old["steps"]["kept"]}
    text = catalog.write(catalog.from_document(old).spec)  # type: ignore[arg-type]
    place = text.index("\n  kept:")
    text = text[:place] + "\n  # about it" + text[place:]
    place = text.index("- filter: x\n", place) + len("- filter: x")
    text = text[:place] + "   # why" + text[place:]
    edited = catalog.edit(text, new)
    assert "  # about it\n" in edited
    assert "- filter: x   # why\n" in edited
