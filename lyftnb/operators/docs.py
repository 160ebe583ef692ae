"""The page about actions, made from their parameter models and examples, so that it cannot lie.

python -m lyftnb.operators.docs > docs/actions.md
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic import BaseModel, RootModel

from lyftnb.model import long_schema
from lyftnb.operators.base import Action
from lyftnb.operators.registry import ACTIONS

_HEAD = """\
# Actions

An action is one transformation in a step's `actions`. Each stands under its kind, with its
parameters below; most have a short form. Beside the kind an action may have an `id` (what it is
called in rejects and traces), a `description`, and its own `on_error`.

```yaml
actions:
  - filter: "distance >= 100"
  - assert: {that: "air_time > 0", name: flown}
    on_error: drop
```

A row that an action cannot take goes to the step's rejects, with the row as it entered the step,
the action, a code and a reason; `on_error: drop` only counts such rows, `on_error: fail` fails the
batch. A row that a `filter` leaves out is no reject.

Where a parameter is an *expression*, it is SQL as [expressions](expressions.md) has it. *Row-wise*
actions give the same rows however the stream is cut, and run together as one query. The others see
one frame at a time, which the step's `frame` names.

To add actions of your own, see [extending](extending.md).
"""


def actions_page() -> str:
    """The whole page as Markdown."""
    table = "\n".join(
        f"| [`{kind.name}`](#{kind.name}) | {_first_sentence(kind)} |" for kind in ACTIONS.values()
    )
    parts = [_HEAD, f"| action | |\n|---|---|\n{table}\n"]
    parts += ["\n".join(_section(kind)) for kind in ACTIONS.values()]
    return "\n".join(parts)


def _first_sentence(kind: Action[Any]) -> str:
    text = " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())
    return text.split(". ")[0].rstrip(".")


def _section(kind: Action[Any]) -> Iterator[str]:
    example = kind.example
    yield f"## {kind.name}\n"
    yield f"{inspect.getdoc(kind)}\n"
    yield from _parameters(kind.Params)
    yield "```yaml"
    yield _yaml([{kind.name: example.params}])
    yield "```\n"
    for name, rows in example.tables.items():
        yield f"With `{name}`:\n"
        yield _rows(rows)
    yield "From:\n"
    yield _rows(example.rows)
    yield "To:\n"
    yield _rows(example.result)


def _parameters(model: type[BaseModel]) -> Iterator[str]:
    schema = model.model_json_schema()
    if issubclass(model, RootModel):
        yield f"Takes {_cell(model.model_fields['root'].description or '')}.\n"
        for part in schema.get("$defs", {}).values():
            yield from _fields(part)
    else:
        yield from _fields(schema)


def _fields(schema: Mapping[str, Any]) -> Iterator[str]:
    schema = long_schema(schema)
    fields = schema["properties"]
    yield "| parameter | | |"
    yield "|---|---|---|"
    required = schema.get("required", ())
    for name, field in fields.items():
        default = "required" if name in required else _default(field.get("default"))
        yield f"| `{name}` | {default} | {_cell(field.get('description', ''))} |"
    yield ""


def _default(value: Any) -> str:
    return "" if value in (None, "", [], {}, ()) else f"default `{_yaml(value)}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _rows(rows: Any) -> str:
    lines = "\n".join(f"{_yaml(dict(row))}" for row in rows)
    return f"```yaml\n{lines}\n```\n"


def _yaml(value: Any) -> str:
    text = yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=10_000,
        default_flow_style=not (isinstance(value, list) and value),
    )
    return text.removesuffix("\n").removesuffix("...").strip()


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and maps below the kind in one line."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


if __name__ == "__main__":
    print(actions_page(), end="")
