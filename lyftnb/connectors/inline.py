"""`inline`: rows written in the workflow itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from lyftnb.connectors.base import Discovery, ReadResult, Source, SourceEnv, SourceSplit
from lyftnb.connectors.files.decode_csv import decode_csv
from lyftnb.connectors.files.decode_ndjson import decode_ndjson
from lyftnb.connectors.files.decode_whole import decode_text
from lyftnb.connectors.files.decoded import Columns, Decoded
from lyftnb.connectors.files.params import checked_types
from lyftnb.csv_text import Dialect, read_header
from lyftnb.model import Params, Position, Schema, digest

_ITEM = "rows"


class InlineParams(Params):
    """Rows in the workflow: a list of maps, or text in the format of a file."""

    short = {list: "rows"}

    rows: tuple[dict[str, Any], ...] | None = Field(None, description="one map per row")
    text: str | None = Field(None, description="rows as text, in `format`")
    format: Literal["ndjson", "csv", "text"] = Field("ndjson", description="of `text`")
    columns: dict[str, str] | None = Field(
        None, alias="schema", description="columns and their SQL types; by default inferred"
    )

    @model_validator(mode="after")
    def _one_form(self) -> InlineParams:
        if (self.rows is None) == (self.text is None):
            raise ValueError("give either `rows` or `text`")
        checked_types(self.columns)
        return self


class Inline(Source[InlineParams]):
    """One split with all the rows, once; changed rows are new rows, and are all taken."""

    name: ClassVar[str] = "inline"
    Params: ClassVar[type[InlineParams]] = InlineParams
    local: ClassVar[bool] = True

    def schema(self, params: InlineParams) -> Schema | None:
        """As declared, else what the rows say."""
        declared = checked_types(params.columns)
        if declared is not None:
            return declared
        decoded = _decode(params, None)
        return decoded.schema if decoded.frame.height else None

    def discover(self, params: InlineParams, position: Position, env: SourceEnv) -> Discovery:
        """The one split, unless these very rows were taken."""
        raw = _raw(params)
        mark = digest("inline", [params.format, raw.decode()])
        if position.get(_ITEM) == mark or not raw.strip():
            return Discovery(settled=True)
        return Discovery((SourceSplit(mark, bytes=len(raw)),), settled=True)

    def advance(self, params: InlineParams, position: Position, splits: Sequence[Any]) -> Position:
        """Remember which rows were taken."""
        return {_ITEM: splits[-1]} if splits else {}

    def read(
        self, params: InlineParams, payload: Any, floor: Schema | None, env: SourceEnv
    ) -> ReadResult:
        """All the rows."""
        decoded = _decode(params, floor)
        inferred = None if params.columns else decoded.schema
        return ReadResult(decoded.frame.lazy(), decoded.rejects, inferred, len(_raw(params)))


def _raw(params: InlineParams) -> bytes:
    if params.text is not None:
        return params.text.encode()
    rows = params.rows or ()
    return "\n".join(json.dumps(row, ensure_ascii=False, default=str) for row in rows).encode()


def _decode(params: InlineParams, floor: Schema | None) -> Decoded:
    raw = _raw(params)
    columns = Columns.of(checked_types(params.columns), floor)
    if params.text is None or params.format == "ndjson":
        return decode_ndjson(raw, columns)
    if params.format == "text":
        return decode_text(raw)
    dialect = Dialect()
    names, end = read_header(raw, dialect)
    return decode_csv(raw[end:], names, dialect, columns)
