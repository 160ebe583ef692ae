"""notify: tell people about rows."""

from __future__ import annotations

import json
from typing import Literal

import polars as pl
from pydantic import Field

from lyftnb.model import Params
from lyftnb.operators.base import Action, EagerBound, Env, Example, Guard, Made, Problems
from lyftnb.operators.binding import condition, conditions, reasons, scalar
from lyftnb.operators.parameters import Sql
from lyftnb.operators.state_changes import each

NOTIFICATION = "notification"
"""The type of messages that are for people."""


class NotifyParams(Params):
    """What to say, and about which rows."""

    short = {str: "text"}

    text: Sql = Field(description="what to say: an expression over the row")
    when: Sql | None = Field(None, description="about which rows; left out: all")
    level: Literal["info", "warning", "error"] = Field("info", description="how urgent it is")
    tag: str = Field("notification", min_length=1, description="of the message")


class Notify(Action[NotifyParams]):
    """Tells people about rows: a message of the type `notification` with the text of the first row,
    how many rows there were, and the level. The rows pass on as they are.

    There is one message for each piece of a batch that has such rows, and it is sent with the
    commit. `lyftnb messages ls --type notification` shows them.
    """

    name = "notify"
    Params = NotifyParams
    example = Example(
        params={"text": "'late: ' || flight", "when": "delay > 60", "level": "warning"},
        rows=[{"flight": "UA1", "delay": 75}, {"flight": "UA2", "delay": 0}],
        result=[{"flight": "UA1", "delay": 75}, {"flight": "UA2", "delay": 0}],
    )

    def bind(self, params: NotifyParams, schema: pl.Schema, env: Env) -> EagerBound:
        """Compile the text and the condition."""
        problems = Problems()
        guards: list[Guard] = []
        exprs: list[pl.Expr] = []
        with problems.at("text"):
            text = scalar(f"CAST({params.text} AS VARCHAR)", schema, env)
            guards += zip(conditions(text), reasons(text), strict=True)
            exprs.append(text.expr.alias("text"))
        with problems.at("when"):
            wanted = condition(params.when or "TRUE", schema, env)
            guards += zip(conditions(wanted), reasons(wanted), strict=True)
            exprs.append(wanted.expr.alias("wanted"))
        problems.raise_any()

        def run(frame: pl.DataFrame) -> Made:
            about = each(frame, exprs).filter(pl.col("wanted"))
            if env.changes is not None and about.height:
                payload = {"text": about["text"][0], "rows": about.height, "level": params.level}
                message = {
                    "kind": "user",
                    "type": NOTIFICATION,
                    "tag": params.tag,
                    "payload": json.dumps(payload),
                    "job": env.place.rpartition("/")[0],
                }
                env.changes.add_rows("messages", [message])
            return Made(frame)

        return EagerBound(run, schema, tuple(guards))
