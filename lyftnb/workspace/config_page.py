"""The page `docs/config.md`, made of the models of the settings."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BeforeValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from lyftnb.workspace.config import SPELLED_AS, Config, section_of


def reference() -> str:
    """The page `docs/config.md`: every section and key with its default and meaning."""
    lines = [
        "# Settings",
        "",
        "`lyftnb.toml` in the workspace's folder. Every key is optional; a key that is not listed "
        "here is refused.",
        "A variable of the environment overrides a key: `LYFTNB_GROUPS__ETL__WORKERS=4` stands "
        "for `workers = 4` under `[groups.etl]`.",
        "Sizes are numbers of bytes or text such as `16MiB`, durations seconds or text such as "
        "`30s`.",
    ]
    for name, field in Config.model_fields.items():
        section = section_of(name)
        title = "groups.NAME" if name == "groups" else name
        lines += ["", f"## `[{title}]`", "", (section.__doc__ or "").strip()]
        if field.description:
            lines += ["", field.description]
        lines += ["", "| key | type | default | meaning |", "| --- | --- | --- | --- |"]
        lines += [_row(f.alias or key, f) for key, f in section.model_fields.items()]
    return "\n".join(lines) + "\n"


def _row(key: str, field: FieldInfo) -> str:
    kind = _kind(field)
    default = (
        "" if field.default in (None, PydanticUndefined) else f"`{_spelled(field.default, kind)}`"
    )
    return f"| `{key}` | {kind} | {default} | {field.description} |"


def _kind(field: FieldInfo) -> str:
    """The type as people say it: sizes and durations hide behind numbers."""
    optional = [part for arg in get_args(field.annotation) for part in get_args(arg)]
    parts = [field.annotation, *field.metadata, *optional]
    if str in parts:
        return "text"
    validators = [p.func for p in parts if isinstance(p, BeforeValidator)]
    if field.annotation == dict[str, Any]:
        return "table"
    return next((name for check, name in SPELLED_AS.items() if check in validators), "number")


def _spelled(value: Any, kind: str) -> str:
    """A default as one would write it in the file."""
    if kind == "size":
        unit, power = ("GiB", 30) if value % 2**30 == 0 else ("MiB", 20)
        return f'"{value >> power}{unit}"'
    if kind == "duration":
        return f'"{value:g}s"'
    return f'"{value}"' if kind == "text" else str(value)
