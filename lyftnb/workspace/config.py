"""Settings of a workspace: `lyftnb.toml`, with `LYFTNB_*` variables laid over it.

Every key stands in the models below with its meaning; `config_page` renders them as the page
`docs/config.md`. Anything the models do not know is refused, with its line and the nearest key.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from lyftnb.errors import ConfigError, near
from lyftnb.model import DEFAULT_GROUP, Duration, Name, flattened, seconds, size_bytes
from lyftnb.model.objections import objection, shown
from lyftnb.workspace.folders import FILE_NAME
from lyftnb.workspace.tabular import facts
from lyftnb.workspace.text_file import text_of
from lyftnb.workspace.toml_lines import KeyPath, line_of

PREFIX = "LYFTNB_"


def _bytes(value: object) -> object:
    return size_bytes(value) if isinstance(value, str) else value


def _seconds(value: object) -> object:
    return seconds(value) if isinstance(value, str) else value


def _address(value: object) -> object:
    if isinstance(value, str) and not re.match(r"(tcp|tls|ucx|wss?)://.", value):
        raise ValueError("not an address; write it like tcp://10.0.0.5:8786")
    return value


def _import_path(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", value):
        raise ValueError("not an import path; write it like dask_jobqueue.SLURMCluster")
    return value


def _range(value: object) -> object:
    if isinstance(value, Mapping | BaseModel):
        return value
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,4}", str(value)):
        expected = "a number of workers, or a range such as `{min = 1, max = 4}`"
        raise ValueError(f"expected {expected}, found {shown(value)}")
    return {"min": int(str(value)), "max": int(str(value))}


SPELLED_AS = {_bytes: "size", _seconds: "duration", _range: "number or range"}
"""What people may write for a value, by what reads it."""

Bytes = Annotated[int, BeforeValidator(_bytes)]
Seconds = Annotated[float, BeforeValidator(_seconds)]
ImportPath = Annotated[str, BeforeValidator(_import_path)]
Address = Annotated[str, BeforeValidator(_address)]


class Section(BaseModel):
    """A table of the file: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WorkerRange(Section):
    """So many workers at least and at most."""

    min: int = Field(1, ge=0, le=1024)
    max: int = Field(1, ge=0, le=1024)

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.max < self.min or (self.max and not self.min):
            raise ValueError(
                f"min = {self.min}, max = {self.max} is no range of workers; write "
                "`{min = 1, max = 4}`, with a min of at least 1"
            )
        return self

    def __str__(self) -> str:
        return f"{self.min}" if self.min == self.max else f"{self.min} to {self.max}"


Workers = Annotated[WorkerRange, BeforeValidator(_range)]


class GroupConfig(Section):
    """The local workers of one worker group."""

    workers: Workers = Field(
        WorkerRange(),
        description="Worker processes of the group: a number, or `{min = 1, max = 4}` to have as "
        "many as there is work for. 0: they join from elsewhere (`lyftnb worker`). A change of "
        "`[groups]` is followed while the workspace is open.",
    )
    threads: int = Field(
        1,
        ge=1,
        le=256,
        description="Threads of Polars in one worker, which runs one task at a time. Workers times "
        "threads over all groups should about equal the cores.",
    )
    memory: Bytes | None = Field(
        None,
        gt=0,
        description="Memory of one worker, such as `2GiB`; above it the worker is restarted. "
        "Unset: no limit.",
    )


class ClusterConfig(Section):
    """Where the workers live."""

    scheduler: Address | None = Field(
        None,
        description="Address of a running Dask scheduler, such as `tcp://10.0.0.5:8786`. Its "
        "workers must carry the resources `group:NAME`. Unset: local workers as `[groups]` says.",
    )
    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="Address of this machine that the local cluster listens on. Workers of other "
        "machines can join (`lyftnb worker`) where it is one that they reach, such as `10.0.0.5`; "
        "all connections are TLS with certificates of the cluster's own.",
    )
    class_: ImportPath | None = Field(
        None,
        alias="class",
        description="A cluster class of the Dask world to start, such as "
        "`dask_kubernetes.operator.KubeCluster` or `dask_jobqueue.SLURMCluster`. Its workers must "
        "carry the resources `group:NAME`.",
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="Arguments of that class, as its documentation says."
    )
    workers: Workers | None = Field(
        None,
        description="Workers of that class: a number, or `{min = 1, max = 8}` to have Dask adapt "
        "them. Unset: as its options say.",
    )
    start_timeout: Seconds = Field(
        30.0, gt=0, description="How long workers may take to come up, such as `30s`."
    )
    leave_timeout: Seconds = Field(
        600.0,
        gt=0,
        description="How long a local worker that is let go (the settings or the work ask for "
        "fewer) may take to end what it runs, such as `10m`. Then it is stopped, and that runs "
        "again elsewhere.",
    )

    @model_validator(mode="after")
    def _is_one_cluster(self) -> Self:
        if self.scheduler is not None and self.class_ is not None:
            raise ValueError("there are `scheduler` and `class`: keep one of them")
        if self.class_ is None and (self.options or self.workers is not None):
            raise ValueError("`options` and `workers` are for a `class`, and there is none")
        return self

    @property
    def embedded(self) -> bool:
        """Whether the workers are local ones, as `[groups]` says."""
        return self.scheduler is None and self.class_ is None


class StorageConfig(Section):
    """Where the segments of spools lie."""

    root: str = Field(
        ".lyftnb/spools",
        min_length=1,
        description="Folder of the spools, from the workspace's folder or absolute. Every worker "
        "must see it under the same path.",
    )


class BatchConfig(Section):
    """How input is cut."""

    split_bytes: Bytes = Field(
        24 * 2**20,
        ge=1,
        description="About how much one task reads, such as `24MiB`. Much smaller, and the cost of "
        "tasks shows; above 32 MiB, and memory must be fetched anew for each.",
    )
    batch_bytes: Bytes = Field(
        256 * 2**20, ge=1, description="About how much one batch reads and commits at once."
    )
    batch_rows: int = Field(
        5_000_000, ge=1, description="How many rows a batch holds at most, where they are known."
    )
    in_flight: int = Field(
        3, ge=1, le=64, description="Batches of one stage that may be under way at the same time."
    )


class ContextConfig(Section):
    """Variables of workflows."""

    default: Name | None = Field(
        None,
        description="The context that holds where none is named: its deployments go by the "
        "workflow's name alone. Unset: none but a workflow's own `context`.",
    )


class SecretsConfig(Section):
    """The master keys that seal secrets."""

    key_folder: str | None = Field(
        None,
        min_length=1,
        description="Folder of key files (`ID.key`, mode 600), for where there is no keyring and "
        "no `LYFTNB_MASTER_KEY`. Unset: `~/.config/lyftnb/keys`.",
    )


class LimitsConfig(Section):
    """Bounds on what the workspace may take."""

    memory: Bytes = Field(
        2 * 2**30,
        gt=0,
        description="Memory of a query by a client, and of a step that must hold "
        "a whole frame, before it spills to disk or fails.",
    )
    in_flight: Bytes = Field(
        128 * 2**20,
        gt=0,
        description="Input that tasks of a worker group have in memory at a time, for each of its "
        "slots; more waits, and stages take turns. A task that is larger goes while no other is "
        "out.",
    )


class RetentionConfig(Section):
    """How long the ledger keeps what nobody needs to go on."""

    messages: Duration = Field(
        "7d", description="Messages; one that a named subscription has yet to read stays longer."
    )
    issues: Duration = Field("90d", description="Issues, counted from when they were closed.")
    plans: Duration = Field(
        "7d",
        description="Plans that can be applied by their id; of more than 1,000 the newest. What "
        "was applied stays in the history.",
    )
    skipped: Duration = Field(
        "7d",
        description="What is staged for outputs that were passed by; it is removed after that, "
        "while their deployment or another in their worker group runs, or when one next does.",
    )


class ManagerConfig(Section):
    """The manager process: where it listens, and when it ends by itself."""

    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="Address to listen on. Any but a loopback one wants `tls`.",
    )
    port: int = Field(0, ge=0, le=65535, description="Port to listen on; 0: any that is free.")
    tls: bool = Field(
        False,
        description="Speak HTTPS, with a certificate made at each start that the workspace's own "
        "clients trust alone.",
    )
    idle_exit: Seconds = Field(
        900.0,
        gt=0,
        description="One that `connect` has started ends after so long without clients and "
        "without anything running. `lyftnb up` starts one that stays.",
    )
    drain: Seconds = Field(
        30.0, gt=0, description="When asked to end, it gives batches so long to come to their end."
    )


def _default_groups() -> dict[str, GroupConfig]:
    count = min(os.cpu_count() or 1, 4)
    return {DEFAULT_GROUP: GroupConfig(workers=WorkerRange(min=count, max=count))}


class Config(Section):
    """All settings of a workspace."""

    groups: dict[Name, GroupConfig] = Field(
        default_factory=_default_groups,
        min_length=1,
        description="Worker groups by name. Without any there is one, `default`, with a worker "
        "for each core, four at most.",
    )
    cluster: ClusterConfig = Field(default_factory=ClusterConfig)
    storage: StorageConfig = Field(default_factory=StorageConfig)
    batch: BatchConfig = Field(default_factory=BatchConfig)
    limits: LimitsConfig = Field(default_factory=LimitsConfig)
    retention: RetentionConfig = Field(default_factory=RetentionConfig)
    context: ContextConfig = Field(default_factory=ContextConfig)
    secrets: SecretsConfig = Field(default_factory=SecretsConfig)
    manager: ManagerConfig = Field(default_factory=ManagerConfig)

    def _repr_html_(self) -> str:
        return facts(flattened(self.model_dump(mode="json")).items(), "settings")

    @classmethod
    def load(cls, folder: Path, environ: Mapping[str, str] | None = None) -> Config:
        """The settings that hold in `folder`: its file if there is one, then the environment.

        Raises:
            ConfigError: the file is not TOML, or keys or values are wrong; all of them are named.
        """
        path = Path(folder) / FILE_NAME
        text = text_of(path, ConfigError) if path.exists() else ""
        return cls.from_toml(text, str(path), os.environ if environ is None else environ)

    @classmethod
    def from_toml(
        cls, text: str, file: str = FILE_NAME, environ: Mapping[str, str] | None = None
    ) -> Config:
        """The settings that `text` spells, with the overrides in `environ` laid over them.

        >>> Config.from_toml("[groups.etl]\\nworkers = 2").groups["etl"].workers
        2
        """
        document = _parsed(text, file)
        origins = _overlay(document, environ or {})
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise _config_error(error, text, file, origins) from None


def _parsed(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        where = f"{file}:{line[1]}" if line else file
        raise ConfigError(
            f"not valid TOML: {error}",
            where=where,
            hint="write `key = value` under a [section]; text goes in double quotes",
        ) from None


def _overlay(document: dict[str, Any], environ: Mapping[str, str]) -> dict[KeyPath, str]:
    """Lay `LYFTNB_SECTION__KEY` variables over the document; key path → variable's name.

    A variable without `__` is no setting (every setting stands in a section).
    """
    origins: dict[KeyPath, str] = {}
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or "__" not in variable:
            continue
        path = tuple(variable.removeprefix(PREFIX).lower().split("__"))
        table = document
        for part in path[:-1]:
            inner = table.setdefault(part, {})
            if not isinstance(inner, dict):
                raise ConfigError(
                    f"'{part}' is a value, not a section", where=f"environment variable {variable}"
                )
            table = inner
        table[path[-1]] = value
        origins[path] = variable
    return origins


def _config_error(
    error: ValidationError, text: str, file: str, origins: Mapping[KeyPath, str]
) -> ConfigError:
    """One error that names every wrong key; its place is that of the first."""
    found = [(_place(item["loc"], text, file, origins), *_finding(item)) for item in error.errors()]
    place, message, hint = found[0]
    if len(found) == 1:
        return ConfigError(message, where=place, hint=hint or None)
    lines = [f"  {p}: {m}" + (f" ({h})" if h else "") for p, m, h in found]
    return ConfigError(f"{len(found)} settings are wrong:\n" + "\n".join(lines), where=file)


def _finding(item: ErrorDetails) -> tuple[str, str]:
    """The sentence and the hint for one of pydantic's findings."""
    loc: KeyPath = item["loc"]
    key = ".".join(str(part) for part in loc if part != "[key]")
    if item["type"] == "extra_forbidden":
        known = _known_keys(loc[:-1])
        guess = near(str(loc[-1]), known)
        hint = f"did you mean '{guess}'?" if guess else "there is: " + ", ".join(known)
        return f"unknown key '{key}'", hint
    if loc[-1] == "[key]":
        return f"'{loc[-2]}' is no name for a group", "use small letters, digits and _"
    if item["type"] == "model_type":
        return f"'{key}' is a section, not a value", f"write its keys under [{key}]"
    return f"{key}: {objection(item)}", ""


def _known_keys(path: KeyPath) -> list[str]:
    """The keys that the section at `path` may have."""
    section = section_of(str(path[0])) if path else Config
    if path and path[-1] == "workers":
        section = WorkerRange
    return [field.alias or name for name, field in section.model_fields.items()]


def section_of(name: str) -> type[Section]:
    """The model behind the section of that name."""
    kind = GroupConfig if name == "groups" else Config.model_fields[name].annotation
    assert isinstance(kind, type) and issubclass(kind, Section)
    return kind


def _place(loc: KeyPath, text: str, file: str, origins: Mapping[KeyPath, str]) -> str:
    path = tuple(part for part in loc if part != "[key]")
    for override, variable in origins.items():
        if override[: len(path)] == path:
            return f"environment variable {variable}"
    line = line_of(path, text)
    return f"{file}:{line}" if line else file
