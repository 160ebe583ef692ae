"""What wakes a step up, and what it says when it is done."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lyftnb.model.names import Duration, Name


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


Overlap = Literal["queue", "coalesce", "skip"]


class WindowSpec(_Model):
    """The stretch of time that one fire covers, ending `offset` before the fire."""

    size: Duration | None = Field(
        None, description="left out: each window begins where the last one ended"
    )
    offset: Duration = Field(0, description="the window ends so long before the fire")
    catch_up: Literal["all", "last", "none"] = Field(
        "all", description="which of the windows run that were missed while nothing could run"
    )


class MessageFilter(_Model):
    """Which messages fire the trigger; all given filters must match."""

    tag: str | None = None
    type: str | None = None
    source: str | None = None
    job: str | None = None
    when: str | None = Field(None, description="a SQL condition over the payload")


class TriggerSpec(_Model):
    """One trigger: exactly one of `interval`, `cron`, `message`, `watch`, or the word `manual`."""

    interval: Duration | None = Field(None, description="fire every so often")
    cron: str | None = Field(
        None, description="5 fields from minute to day of the week, or 6 with seconds first"
    )
    zone: str | None = Field(None, description="the IANA time zone of `cron`; left out: UTC")
    message: MessageFilter | None = None
    watch: Duration | None = Field(None, description="look for new data every so often")
    manual: bool | None = None
    jitter: Duration | None = Field(None, description="begin up to so much later than the fire")
    window: WindowSpec | None = None
    overlap: Overlap | None = Field(
        None,
        description="what becomes of a fire while a run of the last one is going on; "
        "left out: `queue` with a window, else `coalesce`",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"manual": True} if value == "manual" else value

    @property
    def timed(self) -> bool:
        """Whether the clock fires it."""
        return self.interval is not None or self.cron is not None

    @property
    def overlapping(self) -> Overlap:
        """`overlap` with its default: no window is lost, and no run is for nothing."""
        return self.overlap or ("coalesce" if self.window is None else "queue")

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
