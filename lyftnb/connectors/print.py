"""`print`: an output that shows rows, for trying a workflow out."""

from __future__ import annotations

from collections.abc import Iterable
from types import NoneType
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from lyftnb.connectors.base import Sink, SinkEnv
from lyftnb.connectors.text_files import flat, writable
from lyftnb.model import Params, Publication


class PrintParams(Params):
    """Rows shown on the screen."""

    short = {NoneType: None}

    format: Literal["table", "ndjson", "csv"] = Field("table", description="how rows are written")
    limit: int = Field(20, ge=1, le=10_000, description="most rows shown of one split")


class Print(Sink[PrintParams]):
    """Shows the first rows of each split once its batch is committed."""

    name: ClassVar[str] = "print"
    Params: ClassVar[type[PrintParams]] = PrintParams
    delivery: ClassVar[str] = "at least once: after a crash the same rows may be shown again"

    def stage(
        self, params: PrintParams, frames: Iterable[pl.DataFrame], env: SinkEnv
    ) -> tuple[Publication, ...]:
        """The text to show travels in the publication."""
        height = 0
        shown: list[pl.DataFrame] = []
        for frame in frames:
            shown.append(frame.head(max(0, params.limit - height)))
            height += frame.height
        if not height:
            return ()
        payload = {"text": _rendered(params, pl.concat(shown), height)}
        name = f"{env.batch}/{env.step}/{env.split}/0"
        return (Publication(name, env.step, self.name, env.group, payload),)

    def publish(self, publication: Publication) -> str | None:
        """The text."""
        return str(publication.payload["text"])


def _rendered(params: PrintParams, shown: pl.DataFrame, height: int) -> str:
    if params.format == "ndjson":
        text = writable(shown).write_ndjson()
    elif params.format == "csv":
        text = flat(shown).write_csv()
    else:
        with pl.Config(
            tbl_rows=-1,
            tbl_cols=-1,
            tbl_hide_dataframe_shape=True,
            tbl_formatting="UTF8_BORDERS_ONLY",
        ):
            text = str(shown)
    rest = height - shown.height
    return text.rstrip("\n") + (f"\n… and {rest:,} rows more" if rest else "")
