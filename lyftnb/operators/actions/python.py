"""The action that runs the author's own Python: python."""

from __future__ import annotations

import ast
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

import polars as pl
from pydantic import Field, field_validator

from lyftnb.errors import LyftError, Permanent, Temporary, WorkflowError
from lyftnb.model import SECRET, Params, filled
from lyftnb.operators.base import (
    HIDDEN,
    Action,
    ActionError,
    EagerBound,
    Env,
    Example,
    Made,
    Reason,
)
from lyftnb.operators.batch_state import BatchKv, BatchState
from lyftnb.operators.rejects import row_json

MAX_BAD_ROWS = 100
MAX_BAD_SHARE = 0.01
"""Above both of these, or when it fails on no rows as well, the function is to blame."""

_FILE = "<python action>"


@dataclass(frozen=True, slots=True)
class Context:
    """What a python function may know of its batch, fixed by the claim (a retry sees the same)."""

    batch: str
    split: int
    now: Any
    seed: int
    tables: dict[str, pl.LazyFrame]
    """The step's inputs by name."""
    state: BatchState
    variables: Mapping[str, Any]
    """What `${…}` stands for: `run.id`, `msg.last`, … Secrets come by `values` only."""
    values: Mapping[str, Any] = field(repr=False)
    """The action's `values`, with `${…}` filled in."""

    def kv(self, namespace: str) -> BatchKv:
        """Keys and sets of the state, as of the last commit and with the batch's own changes; what
        is changed is committed with the rows. `./name` is the deployment's own.
        """
        return self.state.kv(namespace)

    def enqueue(self, queue: str, payloads: Iterable[Any], *, priority: int = 0) -> None:
        """Put work items into a queue, once the batch is committed."""
        self.state.enqueue(queue, payloads, priority=priority)

    def lock(self, name: str, ttl: float = 60.0) -> int:
        """Take a lock for this batch; its fencing token. Given back with the commit, which is
        refused if the lock was lost before; held by another, the batch is tried again later.
        """
        return self.state.lock(name, ttl)

    def publish(self, tag: str, payload: Any = None) -> None:
        """Send a message, once the batch is committed."""
        self.state.publish(tag, payload)


class PythonParams(Params):
    """The source of a function over a frame."""

    short = {str: "source"}

    source: str = Field(
        json_schema_extra={"format": "python"},
        description="Python source that defines one function (or `transform` among several) taking "
        "a Polars LazyFrame, and the batch's context if it has a second parameter",
    )
    rowwise: bool = Field(
        True,
        description="whether each row is worked on by itself: then the frame may be cut anywhere, "
        "and a failing frame is halved until the offending rows stand alone",
    )

    values: dict[str, Any] = Field(
        default_factory=dict,
        description="given to the function as `values` of the context, with `${…}` filled in: so "
        "that source needs to hold no secret",
    )

    @field_validator("source")
    @classmethod
    def _is_python(cls, source: str) -> str:
        _entry(_parsed(source))
        return source


class Python(Action[PythonParams]):
    """Runs a Python function over the rows: a Polars LazyFrame in, a LazyFrame or DataFrame out.

    The source is part of the workflow's version. It may import what is installed on the workers of
    the step's group. When a row-wise function raises, the rows that it fails on are found by
    halving and go to the rejects with code `python_error`; above 100 rows and 1 % of them, or when
    it raises on a frame of no rows too, the batch fails instead.
    The context has the batch's name, its time and seed, `tables`, and the state: `ctx.kv("ns")`
    (get, put, increment, scan, sets), `ctx.enqueue(queue, payloads)`, `ctx.publish(tag, payload)`,
    `ctx.lock(name)`. What is read there is checked at the commit, what is changed is committed with
    the rows; a batch of such a step is not cut, and is tried again as a whole if its function
    raises after a change.
    `raise Temporary("…", delay=5)` asks for another try of the whole batch, `raise Permanent("…")`
    fails it for good (both from `lyftnb.errors`).
    """

    name = "python"
    Params = PythonParams
    example = Example(
        params={
            "source": "import polars as pl\n\n"
            "def transform(lf):\n"
            '    return lf.with_columns(initial=pl.col("name").str.slice(0, 1))\n'
        },
        rows=[{"name": "Ada"}, {"name": "Grace"}],
        result=[{"name": "Ada", "initial": "A"}, {"name": "Grace", "initial": "G"}],
    )

    def rowwise(self, params: PythonParams) -> bool:
        """As the author says."""
        return params.rowwise

    def stateful(self, params: PythonParams) -> bool:
        """A function that uses keys must see what the batch before it left."""
        return _uses_state(_parsed(params.source))

    def bind(self, params: PythonParams, schema: pl.Schema, env: Env) -> EagerBound:
        """Compile the source; running it (and its imports) waits for the rows."""
        tree = _parsed(params.source)
        entry = _entry(tree)
        code = _compiled(tree)

        def run(frame: pl.DataFrame) -> Made:
            function = _loaded(code, params.source, entry.name)
            body = _Body(function, params, env, entry.takes_context)
            return body.run(frame, rowwise=params.rowwise)

        return EagerBound(run, None)


class _BadReturn(WorkflowError):
    """The function returned what is no frame: no row is to blame."""


@dataclass(frozen=True, slots=True)
class _Body:
    function: Callable[..., Any]
    params: PythonParams
    env: Env
    takes_context: bool

    def run(self, frame: pl.DataFrame, *, rowwise: bool) -> Made:
        state = BatchState(self.env)
        try:
            return Made(self._call(frame, state))
        except LyftError:
            raise
        except Exception as error:
            # What it has changed for some rows cannot be told from what it did for the others.
            if not rowwise or frame.height == 0 or state.written:
                raise self._failure(error, frame, "the function raised") from error
            return self._isolated(frame, error)

    def _call(self, frame: pl.DataFrame, state: BatchState | None = None) -> pl.DataFrame:
        state = state or BatchState(self.env)
        extra = (_context(self.env, state, self.params.values),) if self.takes_context else ()
        made = self.function(frame.lazy(), *extra)
        if isinstance(made, pl.LazyFrame):
            made = made.collect()
        if self.env.changes is not None:
            state.hand_over(self.env.changes)
        if not isinstance(made, pl.DataFrame):
            raise _BadReturn(
                f"the function returned {type(made).__name__}, not a frame",
                hint="return a polars LazyFrame or DataFrame",
            )
        kept = [name for name in made.columns if name.startswith(HIDDEN)]
        if kept:
            raise _BadReturn(f"the function made a column '{kept[0]}'", hint="rename it")
        return made

    def _isolated(self, frame: pl.DataFrame, first: Exception) -> Made:
        """Halve until the offending rows stand alone; good halves are kept as they were made."""
        failed: list[tuple[int, Reason]] = []
        made: list[pl.DataFrame] = []
        most = max(MAX_BAD_ROWS, int(frame.height * MAX_BAD_SHARE))
        pieces = [(0, frame.height)]
        while pieces:
            start, length = pieces.pop()
            piece = frame.slice(start, length)
            try:
                made.append(self._call(piece))
            except LyftError:
                raise
            except Exception as error:
                if length > 1:
                    half = length // 2
                    pieces += [(start + half, length - half), (start, half)]
                    continue
                failed.append((start, Reason("python_error", _told(error, self.params.source))))
                if len(failed) > most:
                    why = f"the function raised on more than {most} of {frame.height} rows"
                    raise self._failure(first, frame[failed[0][0]], why) from first
        return Made(self._joined(made) if made else self._of_none(frame, first), tuple(failed))

    def _of_none(self, frame: pl.DataFrame, first: Exception) -> pl.DataFrame:
        """Every row failed. That may be for what they hold (a bad row may well come alone), unless
        the function cannot even take no rows.
        """
        try:
            return self._call(frame.clear())
        except LyftError:
            raise
        except Exception:
            raise self._failure(first, frame, "the function raised on every row") from first

    def _joined(self, made: list[pl.DataFrame]) -> pl.DataFrame:
        try:
            return pl.concat(made, how="vertical_relaxed")
        except pl.exceptions.PolarsError as error:
            raise _BadReturn(
                f"the function gives pieces of the frame other columns or types: {error}",
                hint="give every row the same columns, whatever it holds",
            ) from error

    def _failure(self, error: Exception, frame: pl.DataFrame, what: str) -> LyftError:
        row = row_json(frame.head(1)).to_list()
        shown = f"; the first row: {row[0]}" if row else ""
        return WorkflowError(
            f"{what}: {_told(error, self.params.source)}{shown}",
            hint="correct the function; raise Temporary to have the batch tried again",
        )


def _context(env: Env, state: BatchState, values: Mapping[str, Any]) -> Context:
    variables = {k: v for k, v in env.variables.items() if not k.startswith(SECRET)}
    taken = filled(values, env.variables, ("python", "values"))
    tables = dict(env.tables)
    return Context(env.batch, env.split, env.now, env.seed, tables, state, variables, taken)


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source, _FILE)
    except SyntaxError as error:
        line = (error.text or "").strip()
        raise ValueError(f"line {error.lineno} of the source: {error.msg}: {line}") from error


@dataclass(frozen=True, slots=True)
class _Entry:
    """The function to call."""

    name: str
    takes_context: bool


def _entry(tree: ast.Module) -> _Entry:
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    named = [f for f in functions if f.name == "transform"] or functions
    if len(named) != 1:
        found = ", ".join(f.name for f in functions) or "none"
        raise ValueError(f"the source must define one function, or one 'transform'; found {found}")
    entry = named[0]
    wanted = len(entry.args.args) + len(entry.args.posonlyargs)
    if not 1 <= wanted <= 2:
        raise ValueError(f"{entry.name} must take a frame, or a frame and the context")
    return _Entry(entry.name, wanted == 2)


def _uses_state(tree: ast.Module) -> bool:
    """Whether the function asks its context for the state."""
    entry = next(
        f for f in tree.body if isinstance(f, ast.FunctionDef) and f.name == _entry(tree).name
    )
    names = [arg.arg for arg in (*entry.args.posonlyargs, *entry.args.args)]
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in ("kv", "lock", "state")
        and isinstance(node.value, ast.Name)
        and node.value.id == names[-1]
        for node in ast.walk(entry)
    )


def _compiled(tree: ast.Module) -> CodeType:
    try:
        return compile(tree, _FILE, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise ActionError(f"the source does not compile: {error}") from error


def _loaded(code: CodeType, source: str, name: str) -> Callable[..., Any]:
    space: dict[str, Any] = {"__name__": "lyftnb_python_action"}
    try:
        exec(code, space)
    except (Temporary, Permanent):
        raise
    except Exception as error:
        raise WorkflowError(
            f"the source cannot be loaded: {_told(error, source)}",
            hint="install what it imports on the workers of the step's group",
        ) from error
    function: Callable[..., Any] = space[name]
    return function


def _told(error: Exception, source: str) -> str:
    """The exception with the line of the source that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == _FILE and frame.lineno]
    text = f"{type(error).__name__}: {str(error).strip()}"
    if not lines:
        return text
    code = source.splitlines()[lines[-1] - 1].strip()
    return f"{text} (line {lines[-1]}: {code})"
