"""Verbs of the ledger: issues. One row for each code and place, as long as the cause is there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cache
from typing import Any

from lyftnb.model import Issue, IssueDraft, MessageDraft, Severity
from lyftnb.store.engines import pl
from lyftnb.store.families import Setting
from lyftnb.store.numbers import reserve
from lyftnb.store.posting import post
from lyftnb.store.session import Session

ISSUE_RAISED, ISSUE_CLOSED = "issue-raised", "issue-closed"
"""Types of the system messages that tell of issues, when they open and when they close."""
_TOLD_CHARACTERS = 2000
"""So much of a cause goes into a message; the row has all of it."""


class Issues(Session):
    """Issues: raised again, an open one counts up; closed, it stays as history."""

    issues_closed = 0
    """How many were closed while the ledger has been open: whoever remembers which stand may have
    to look again when it grows.
    """

    def raise_issue(
        self,
        code: str,
        place: str,
        cause: str,
        severity: Severity = "error",
        hint: str | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> Issue:
        """Say that something is wrong; see `raise_issues`."""
        draft = IssueDraft(code, place, cause, severity, hint, facts or {})
        return self.raise_issues([draft])[0]

    def raise_issues(self, drafts: Sequence[IssueDraft]) -> list[Issue]:
        """Say what is wrong; the issues in the order of the drafts.

        Where one of the same code and place is open, it counts up and takes over what is said now.
        Only an issue that opens sends a message (`issue-raised`).
        """
        if not drafts:
            return []
        with self.changing() as setting:
            return raise_issues(setting, drafts)

    def close_issue(self, code: str, place: str) -> bool:
        """Say that the cause is gone; False if no such issue was open."""
        with self.changing() as setting:
            rows = setting.database.rows(
                "close_issue", code=code, place=_clean(place), now=setting.now
            )
            self.issues_closed += len(rows)
            return bool(_closed(setting, rows))

    def close_issues(self, place_prefix: str, except_codes: Sequence[str] = ()) -> list[Issue]:
        """Close what is open at a place and below it (`d`: also `d/s` and `d.spool`).

        Args:
            place_prefix: the place; `""` is everywhere.
            except_codes: issues of these codes stay open.
        """
        with self.changing() as setting:
            rows = setting.database.rows(
                "close_issues",
                prefix=_clean(place_prefix),
                except_codes=list(except_codes),
                now=setting.now,
            )
            self.issues_closed += len(rows)
            return _closed(setting, rows)

    def issues(
        self,
        open: bool = True,
        code: str | None = None,
        place_prefix: str = "",
        limit: int = 1000,
    ) -> list[Issue]:
        """Issues, those raised last first.

        Args:
            open: only open ones; otherwise closed ones too.
            code: only of this code.
            place_prefix: only at this place and below it.
            limit: at most so many.
        """
        with self.opened() as database:
            rows = database.rows(
                "issues", open=open, code=code, prefix=_clean(place_prefix), limit=limit
            )
        return [_issue(row) for row in rows]

    def expire_issues(self, before: datetime) -> int:
        """Remove issues that were closed before an instant; how many."""
        with self.changing() as setting:
            return len(setting.database.rows("expire_issues", before=before))


def raise_issues(setting: Setting, drafts: Sequence[IssueDraft]) -> list[Issue]:
    """Raise issues within a transaction; the issues in the order of the drafts."""
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for draft in drafts:
        row = _row(draft, setting.now)
        key = (row["code"], row["place"])
        count = merged[key]["count"] if key in merged else 0
        merged[key] = row | {"count": count + 1}
    found = setting.database.frame("open_issues", pl.DataFrame([*merged], _key(), orient="row"))
    known = {(row["code"], row["place"]): row for row in found.iter_rows(named=True)}
    for key, before in known.items():
        row = merged[key]
        merged[key] = row | {
            "issue": before["issue"],
            "count": before["count"] + row["count"],
            "first_at": before["first_at"],
        }
    new = [row for key, row in merged.items() if key not in known]
    for number, row in zip(reserve(setting, len(new)), new, strict=True):
        row["issue"] = number
    again = [merged[key] for key in known]
    if again:
        setting.database.frame("raise_again", pl.DataFrame(again, _columns()))
    setting.database.insert("issues", pl.DataFrame(new, _columns()))
    opened = [_issue(row) for row in new]
    _tell(setting, ISSUE_RAISED, opened)
    issues = {key: _issue(row) for key, row in merged.items()}
    return [issues[_clean(draft.code), _clean(draft.place)] for draft in drafts]


def _closed(setting: Setting, rows: Sequence[Mapping[str, Any]]) -> list[Issue]:
    issues = [_issue(row) for row in sorted(rows, key=lambda row: row["issue"])]
    _tell(setting, ISSUE_CLOSED, issues)
    return issues


def _tell(setting: Setting, kind: str, issues: Sequence[Issue]) -> None:
    if not issues:
        return
    setting.news.add("issues")
    drafts = [
        MessageDraft(
            payload={
                "issue": issue.id,
                "code": issue.code,
                "place": issue.place,
                "severity": issue.severity,
                "cause": issue.cause[:_TOLD_CHARACTERS],
                "hint": issue.hint,
            },
            kind="system",
            source="manager",
            type=kind,
        )
        for issue in issues
    ]
    post(setting, drafts)


def _row(draft: IssueDraft, now: datetime) -> dict[str, Any]:
    texts = {name: text for name, text in asdict(draft).items() if isinstance(text, str)}
    return {
        **dict.fromkeys(_columns()),
        **{name: _clean(text) for name, text in texts.items()},
        "facts": json.dumps(dict(draft.facts), default=str),
        "count": 1,
        "first_at": now,
        "last_at": now,
    }


def _issue(row: Mapping[str, Any]) -> Issue:
    own = {name: value for name, value in row.items() if name != "issue"}
    return Issue(**own | {"id": row["issue"], "facts": json.loads(row["facts"])})


def _clean(text: str) -> str:
    """Text that UTF-8 can hold: names of files may be any bytes."""
    return text.encode("utf-8", "backslashreplace").decode()


@cache
def _key() -> Mapping[str, Any]:
    return {"code": pl.String, "place": pl.String}


@cache
def _columns() -> Mapping[str, Any]:
    time = pl.Datetime("us", "UTC")
    return {
        "issue": pl.Int64,
        **_key(),
        "severity": pl.String,
        "cause": pl.String,
        "hint": pl.String,
        "facts": pl.String,
        "count": pl.Int64,
        "first_at": time,
        "last_at": time,
        "closed_at": time,
    }
