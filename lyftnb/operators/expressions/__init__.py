"""Expressions: one SQL dialect (DuckDB's), parsed once, checked against the schema, compiled to
Polars, so that they stay lazy and fuse with everything around them.

    compiled = compile("distance / (air_time / 60.0)", schema, env)
    frame.with_columns(compiled.expr.alias("speed_mph"))

Rows on which an expression fails (a CAST, an overflow) are named by `Compiled.failures`, never by
an exception. What may be called is data: `registry.FUNCTIONS`. Knows no action, frame or batch.
"""

from lyftnb.operators.expressions import (  # noqa: F401  these fill the table of functions
    aggregates,
    functions_list,
    functions_number,
    functions_pattern,
    functions_text,
    functions_time,
)
from lyftnb.operators.expressions.compile import Compiled, compile, known
from lyftnb.operators.expressions.parse import Expression, columns, parse
from lyftnb.operators.expressions.values import Failure

__all__ = ["Compiled", "Expression", "Failure", "columns", "compile", "known", "parse"]
