"""What wakes a step up, and what it says when it is done."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lyftnb.model.names import Duration, Name


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class WindowSpec(_Model):
    """The stretch of time that one fire covers, ending `offset` before the fire."""

    size: Duration
    offset: Duration | None = None
    catch_up: Literal["all", "last", "none"] = "all"


class MessageFilter(_Model):
    """Which messages fire the trigger; all given filters must match."""

    tag: str | None = None
    type: str | None = None
    source: str | None = None
    job: str | None = None
    when: str | None = Field(None, description="a SQL condition over the payload")


class TriggerSpec(_Model):
    """One trigger: exactly one of `interval`, `cron`, `message`, `watch`, or the word `manual`."""

    interval: Duration | None = None
    cron: str | None = None
    zone: str | None = None
    message: MessageFilter | None = None
    watch: Duration | None = None
    manual: bool | None = None
    jitter: Duration | None = None
    window: WindowSpec | None = None
    overlap: Literal["queue", "coalesce", "skip"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"manual": True} if value == "manual" else value

    @model_validator(mode="after")
    def _one_kind(self) -> TriggerSpec:
        words = ("interval", "cron", "message", "watch", "manual")
        kinds = [w for w in words if getattr(self, w) is not None and getattr(self, w) is not False]
        if len(kinds) != 1:
            raise ValueError(
                "a trigger has exactly one of interval, cron, message, watch, manual; found "
                + (", ".join(kinds) or "none")
            )
        return self


class EmitSpec(_Model):
    """A message that goes out with a commit."""

    tag: str
    per: Literal["run", "batch"] = "run"
    fields: dict[str, str] = Field(default_factory=dict)
    empty: bool = False


class MessageEdge(_Model):
    """A message edge declared from outside: `{from: clean.rejects, tag: bad_rows, to: alert}`."""

    from_: str = Field(alias="from")
    tag: str
    to: Name
    per: Literal["batch", "row"] = "batch"
