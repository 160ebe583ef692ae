"""Actions that parse a text field of a simple form: regex, csv, key_value, access_log."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from typing import Any, Literal

import polars as pl
from pydantic import Field, field_validator, model_validator

from lyftnb.operators.actions.parsing import (
    BAD_VALUE,
    TextParams,
    applied,
    check_text,
    declared,
    struct_of,
    text_bound,
)
from lyftnb.operators.base import (
    Action,
    ActionError,
    Bound,
    EagerBound,
    Env,
    Example,
    Made,
    Problems,
    Reason,
)
from lyftnb.wording import counted

_BAD_FIELD = Reason(BAD_VALUE, "a field is not of its declared type")


_Typed = tuple[str, ...] | dict[str, str]


class RegexParams(TextParams):
    """A text field and the pattern of its fields."""

    short = {str: "pattern"}

    pattern: str = Field(description="a regular expression (Rust's syntax) with named groups")
    types: dict[str, str] = Field(
        default_factory=dict, description="types of groups that are not VARCHAR"
    )


class Regex(Action[RegexParams]):
    """Parses a text field by the named groups of a regular expression.

    Text that the pattern does not match anywhere goes to the rejects (`no_match`); a group that
    took no part gives null.
    """

    name = "regex"
    Params = RegexParams
    example = Example(
        params={"pattern": r"^(?<level>\w+): (?<code>\d+)", "types": {"code": "BIGINT"}},
        rows=[{"_raw": "WARN: 17 disk"}, {"_raw": "?"}],
        result=[{"_raw": "WARN: 17 disk", "level": "WARN", "code": 17}],
    )

    def bind(self, params: RegexParams, schema: pl.Schema, env: Env) -> Bound:
        """Check the pattern and the types of its groups."""
        problems = Problems()
        types: dict[str, pl.DataType] = {}
        with problems.at("field"):
            check_text(schema, params.field)
        with problems.at("types"):
            types = declared(params.types)
        groups: tuple[str, ...] = ()
        with problems.at("pattern"):
            groups = _groups(params.pattern)
        for name in types:
            with problems.at("types", name):
                if groups and name not in groups:
                    raise ActionError(f"the pattern has no group '{name}'", hint=_listed(groups))
        problems.raise_any()

        def parsed(text: pl.Expr) -> pl.Expr:
            found = text.str.extract_groups(params.pattern)
            texts = {name: found.struct.field(name) for name in groups}
            return struct_of(texts, types, ~text.str.contains(params.pattern))

        columns = {name: types.get(name, pl.String()) for name in groups}
        reasons = (Reason("no_match", f"the text does not match {params.pattern}"), _BAD_FIELD)
        return text_bound(params, schema, columns, parsed, reasons)


def _groups(pattern: str) -> tuple[str, ...]:
    try:
        groups = pl.select(pl.lit("").str.extract_groups(pattern)).to_series().struct.fields
    except pl.exceptions.PolarsError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.startswith("error:")]
        why = lines[0].removeprefix("error: ") if lines else str(error).split("\n", 1)[0]
        raise ActionError(
            f"'{pattern}' is not a regular expression: {why}", hint="look-around is not supported"
        ) from error
    named = tuple(name for name in groups if not name.isdigit())
    if not named:
        raise ActionError("the pattern has no named group", hint="write (?<name>…)")
    return named


def _listed(names: tuple[str, ...]) -> str:
    return f"there is: {', '.join(names)}"


class CsvParams(TextParams):
    """A text field of values between delimiters."""

    columns: dict[str, str] = Field(
        min_length=1, description="the names of the values in order, or a map of name: type"
    )
    delimiter: str = Field(
        ",", min_length=1, max_length=1, description="what stands between values"
    )
    quote: str = Field(
        '"', min_length=1, max_length=1, description="what stands around values, doubled within"
    )
    null_values: tuple[str, ...] = Field(("",), description="what is written for null")

    @field_validator("columns", mode="before", json_schema_input_type=_Typed)
    @classmethod
    def _from_names(cls, value: Any) -> Any:
        return dict.fromkeys(value, "VARCHAR") if isinstance(value, list | tuple) else value


class Csv(Action[CsvParams]):
    """Parses a text field that holds one CSV record.

    A record with another number of values goes to the rejects (`bad_csv`), and so does a value that
    is not of its declared type (`bad_value`).
    """

    name = "csv"
    Params = CsvParams
    example = Example(
        params={"columns": {"name": "VARCHAR", "age": "BIGINT"}, "keep": False},
        rows=[{"_raw": '"Lovelace, Ada",36'}, {"_raw": "too,many,values"}],
        result=[{"name": "Lovelace, Ada", "age": 36}],
    )

    def bind(self, params: CsvParams, schema: pl.Schema, env: Env) -> Bound:
        """Check the field and the types."""
        check_text(schema, params.field)
        types = declared(params.columns, "columns")
        names = list(types)

        def parsed(text: pl.Expr) -> pl.Expr:
            values = text.map_batches(
                lambda series: _records(series, params, len(names)),
                return_dtype=pl.List(pl.String),
                is_elementwise=True,
            )
            texts = {name: _present(values.list.get(i), params) for i, name in enumerate(names)}
            return struct_of(texts, types, text.is_not_null() & values.is_null())

        wanted = counted(len(names), "value")
        reasons = (Reason("bad_csv", f"the text is not a record of {wanted}"), _BAD_FIELD)
        return text_bound(params, schema, types, parsed, reasons)


def _present(value: pl.Expr, params: CsvParams) -> pl.Expr:
    return pl.when(~value.is_in(list(params.null_values))).then(value)


def _records(texts: pl.Series, params: CsvParams, width: int) -> pl.Series:
    """The values of each record; null where there are not `width` of them.

    Records without a quote are split by Polars; only the others pay for a reader.
    """
    frame = texts.to_frame("text").select(
        "text", quoted=pl.col("text").str.contains(params.quote, literal=True)
    )
    split = pl.when(~pl.col("quoted")).then(pl.col("text").str.split(params.delimiter))
    plain = frame.select(split)["text"]
    hard = frame.with_row_index("row").filter(pl.col("quoted"))
    if hard.height:
        read = [_record(text, params) for text in hard["text"]]
        lists = pl.Series(read, dtype=pl.List(pl.String))
        at = pl.DataFrame({"row": hard["row"], "read": lists})
        joined = plain.to_frame("plain").with_row_index("row").join(at, on="row", how="left")
        plain = joined.sort("row").select(pl.coalesce("read", "plain")).to_series()
    return pl.select(pl.when(plain.list.len() == width).then(plain)).to_series()


def _record(text: str, params: CsvParams) -> list[str] | None:
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=params.delimiter,
        quotechar=params.quote,
        strict=True,
    )
    try:
        records = list(reader)
    except csv.Error:
        return None
    return records[0] if len(records) == 1 else None


class KeyValueParams(TextParams):
    """A text field of pairs such as `level=info msg="two words"`."""

    types: dict[str, str] | None = Field(
        None,
        min_length=1,
        description="the keys to take, a list or a map of key: type; without it the keys are taken "
        "from the rows at hand, so that they may differ from batch to batch",
    )
    between: str = Field(" ", min_length=1, max_length=1, description="what stands between pairs")
    equals: str = Field("=", min_length=1, max_length=1, description="what stands within a pair")

    @field_validator("types", mode="before", json_schema_input_type=_Typed | None)
    @classmethod
    def _from_names(cls, value: Any) -> Any:
        return dict.fromkeys(value, "VARCHAR") if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _distinct(self) -> KeyValueParams:
        if self.between == self.equals or '"' in (self.between, self.equals):
            raise ValueError("'between' and 'equals' must differ, and be no double quote")
        return self


class KeyValue(Action[KeyValueParams]):
    """Parses a text field of `key=value` pairs.

    A value may stand in double quotes, where `\\"` is a quote. Of a key that stands twice the first
    counts; a key that is missing gives null. Text that is not all pairs goes to the rejects
    (`bad_key_value`).
    """

    name = "key_value"
    Params = KeyValueParams
    example = Example(
        params={"types": {"level": "VARCHAR", "ms": "BIGINT"}, "keep": False},
        rows=[{"_raw": 'level=info ms=12 msg="two words"'}, {"_raw": "no pairs here"}],
        result=[{"level": "info", "ms": 12}],
    )

    def bind(self, params: KeyValueParams, schema: pl.Schema, env: Env) -> Bound | EagerBound:
        """Lazy with declared keys; otherwise the rows are held in hand to find the keys."""
        check_text(schema, params.field)
        if params.types is not None:
            return _key_value_bound(params, schema, declared(params.types, "types"))

        def run(frame: pl.DataFrame) -> Made:
            keys = _keys(frame[params.field].cast(pl.String), params)
            types = dict.fromkeys(keys, pl.String())
            return applied(_key_value_bound(params, frame.schema, types), frame)

        return EagerBound(run, None)


_QUOTED = r'"((?:[^"\\]|\\.)*)"'


def _pair(params: KeyValueParams) -> tuple[str, str]:
    """Patterns of a key and of a value."""
    between, equals = re.escape(params.between), re.escape(params.equals)
    return f'[^{between}{equals}"]+', f'(?:{_QUOTED}|([^{between}"]*))'


def _key_value_bound(
    params: KeyValueParams, schema: pl.Schema, types: Mapping[str, pl.DataType]
) -> Bound:
    between, equals = re.escape(params.between), re.escape(params.equals)
    key, value = _pair(params)
    pair = f"{key}{equals}{value}"
    whole = f"^(?s:{between}*{pair}(?:{between}+{pair})*{between}*)$"

    def parsed(text: pl.Expr) -> pl.Expr:
        texts: dict[str, pl.Expr] = {}
        for name in types:
            pattern = f"(?s)(?:^|{between}){re.escape(name)}{equals}{value}(?:{between}|$)"
            quoted = text.str.extract(pattern, 1).str.replace_all(r"\\(.)", "$1")
            texts[name] = pl.coalesce(quoted, text.str.extract(pattern, 2))
        return struct_of(texts, types, ~text.str.contains(whole))

    reasons = (Reason("bad_key_value", "the text is not a row of key-value pairs"), _BAD_FIELD)
    return text_bound(params, schema, types, parsed, reasons)


def _keys(texts: pl.Series, params: KeyValueParams) -> list[str]:
    """All keys of the texts, in the order in which they are first met."""
    key, value = _pair(params)
    between, equals = re.escape(params.between), re.escape(params.equals)
    found = texts.str.extract_all(f"(?s)(?:^|{between}){key}{equals}{value}").explode().drop_nulls()
    name = found.str.strip_chars_start(params.between).str.split(params.equals).list.first()
    return name.unique(maintain_order=True).to_list()


class AccessLogParams(TextParams):
    """A text field of web server log lines."""

    format: Literal["common", "combined", "auto"] = Field(
        "auto", description="`combined` has referer and agent at its end; `auto` takes either"
    )


_ACCESS_FIELDS: dict[str, pl.DataType] = {
    "client": pl.String(),
    "ident": pl.String(),
    "user": pl.String(),
    "time": pl.Datetime("us", "UTC"),
    "method": pl.String(),
    "path": pl.String(),
    "protocol": pl.String(),
    "status": pl.Int32(),
    "bytes": pl.Int64(),
    "referer": pl.String(),
    "agent": pl.String(),
}
_COMMON = (
    r"^(?<client>\S+) (?<ident>\S+) (?<user>\S+) \[(?<time>[^\]]+)\] "
    r'"(?:(?<method>[A-Z]+) (?<path>(?:[^"\\]|\\.)*?)(?: (?<protocol>HTTP/[\d.]+))?'
    r'|(?:[^"\\]|\\.)*)" '
    r"(?<status>\d{3}) (?<bytes>\d+|-)"
)
_COMBINED = r' "(?<referer>(?:[^"\\]|\\.)*)" "(?<agent>(?:[^"\\]|\\.)*)"'
_ENDS = {"common": r"\s*$", "combined": _COMBINED + r"\s*$", "auto": f"(?:{_COMBINED})?" + r"\s*$"}


class AccessLog(Action[AccessLogParams]):
    """Parses the common and the combined log format of web servers.

    Gives client, ident, user, time (UTC), method, path, protocol, status, bytes, referer and agent;
    `-` is null. A request that is not `METHOD path HTTP/x` (a broken client) leaves those three
    null. Lines of another form go to the rejects (`bad_access_log`).
    """

    name = "access_log"
    Params = AccessLogParams
    example = Example(
        params={"format": "common", "keep": False, "prefix": "http_"},
        rows=[
            {"_raw": '::1 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 2326'},
            {"_raw": "something else"},
        ],
        result=[
            {
                "http_client": "::1",
                "http_ident": None,
                "http_user": None,
                "http_time": "2000-10-10T20:55:36Z",
                "http_method": "GET",
                "http_path": "/a",
                "http_protocol": "HTTP/1.0",
                "http_status": 200,
                "http_bytes": 2326,
            }
        ],
    )

    def bind(self, params: AccessLogParams, schema: pl.Schema, env: Env) -> Bound:
        """The fields are fixed by the format."""
        check_text(schema, params.field)
        pattern = _COMMON + _ENDS[params.format]
        last = 9 if params.format == "common" else len(_ACCESS_FIELDS)
        columns = dict(list(_ACCESS_FIELDS.items())[:last])

        def parsed(text: pl.Expr) -> pl.Expr:
            found = text.str.extract_groups(pattern).struct
            texts = {n: found.field(n).replace("-", None) for n in columns if n != "time"}
            time = found.field("time").str.to_datetime(
                "%d/%b/%Y:%H:%M:%S %z", time_unit="us", strict=False
            )
            unparsed = text.is_not_null() & time.is_null()
            return struct_of(texts, columns, unparsed).struct.with_fields(time.alias("time"))

        reasons = (Reason("bad_access_log", "the text is not a line of an access log"), _BAD_FIELD)
        return text_bound(params, schema, columns, parsed, reasons)
