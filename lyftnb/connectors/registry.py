"""The inputs and outputs there are: ours, and those of installed packages.

A package adds its own by an entry point that names a `Source` or `Sink` class, in the group
`lyftnb.sources` or `lyftnb.sinks`. They are loaded when they are first asked for; one that cannot
be loaded is an error only for a workflow that uses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar, cast

from lyftnb.connectors.base import Sink, Source
from lyftnb.connectors.discard import Discard
from lyftnb.connectors.duckdb_table import DuckdbTable
from lyftnb.connectors.files.source import Files
from lyftnb.connectors.generate import Generate
from lyftnb.connectors.inline import Inline
from lyftnb.connectors.parquet import ParquetFolder
from lyftnb.connectors.print import Print
from lyftnb.connectors.state_sinks import Message
from lyftnb.connectors.state_sinks import Queue as QueueOutput
from lyftnb.connectors.state_sources import Kv, Messages
from lyftnb.connectors.state_sources import Queue as QueueInput
from lyftnb.connectors.text_files import CsvFolder, NdjsonFolder
from lyftnb.errors import SetupError, unknown

C = TypeVar("C", Source[Any], Sink[Any])


class Registry(Mapping[str, C], Generic[C]):
    """Connectors by name.

    Args:
        family: what they are called in messages (`input`, `output`).
        group: of the entry points.
        base: the class they derive from.
        own: those that ship with lyftnb; a package cannot replace them.
    """

    def __init__(self, family: str, group: str, base: type, own: tuple[C, ...]) -> None:
        self._family = family
        self._group = group
        self._base = base
        self._loaded: dict[str, C] = {connector.name: connector for connector in own}
        self._entries: dict[str, EntryPoint] | None = None

    def __getitem__(self, name: str) -> C:
        """The connector of that name.

        Raises:
            NotFound: there is none.
            SetupError: a package names one, but it cannot be loaded.
        """
        if name not in self._loaded:
            entry = self._found().get(name)
            if entry is None:
                raise unknown(self._family, name, self)
            self._loaded[name] = self._load(entry)
        return self._loaded[name]

    def usable(self) -> tuple[dict[str, C], tuple[str, ...]]:
        """The connectors that can be loaded, by name, and what is wrong with the others."""
        usable: dict[str, C] = {}
        troubles: list[str] = []
        for name in self:
            try:
                usable[name] = self[name]
            except SetupError as error:
                troubles.append(f"{error.message}; {error.hint}")
        return usable, tuple(troubles)

    def __contains__(self, name: object) -> bool:
        return name in self._loaded or name in self._found()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._loaded, *self._found()}))

    def __len__(self) -> int:
        return len({*self._loaded, *self._found()})

    def _found(self) -> dict[str, EntryPoint]:
        if self._entries is None:
            self._entries = {entry.name: entry for entry in entry_points(group=self._group)}
        return self._entries

    def _load(self, entry: EntryPoint) -> C:
        package = entry.dist.name if entry.dist else "an unknown package"
        hint = (
            f"repair or remove the package '{package}' (entry point {self._group}: {entry.value})"
        )
        try:
            kind = entry.load()
        except Exception as error:
            raise SetupError(
                f"the {self._family} '{entry.name}' cannot be loaded: {error}", hint=hint
            ) from error
        if not (isinstance(kind, type) and issubclass(kind, self._base)):
            raise SetupError(
                f"the {self._family} '{entry.name}' is no {self._base.__name__} class", hint=hint
            )
        return cast(C, kind())


SOURCES: Registry[Source[Any]] = Registry(
    "input",
    "lyftnb.sources",
    Source,
    (Files(), Generate(), Inline(), Kv(), Messages(), QueueInput()),
)
SINKS: Registry[Sink[Any]] = Registry(
    "output",
    "lyftnb.sinks",
    Sink,
    (
        CsvFolder(),
        Discard(),
        DuckdbTable(),
        Message(),
        NdjsonFolder(),
        ParquetFolder(),
        Print(),
        QueueOutput(),
    ),
)
