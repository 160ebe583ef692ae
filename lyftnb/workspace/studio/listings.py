"""Pages of what happens: runs, issues, messages, batches, logs, schedules, audit."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from lyftnb.errors import LyftError
from lyftnb.model import AuditEntry, Deployment, Issue, Message, Run
from lyftnb.redaction import redact
from lyftnb.workspace.finding import LOG_FILE
from lyftnb.workspace.folders import STATE_DIR
from lyftnb.workspace.given import Ref
from lyftnb.workspace.next_fires import NextFire
from lyftnb.workspace.studio.home import Home
from lyftnb.workspace.studio.protocol.listings import (
    BatchInfo,
    CloseIssue,
    Listing,
    LogLines,
    Schedule,
)

_BATCHES = """
WITH shown AS (
    SELECT b.batch, b.stage, b.snapshot, s.committed_at, b.attempt
    FROM lyftnb.batches AS b JOIN lyftnb.snapshots AS s USING (snapshot)
    {where}
    ORDER BY b.snapshot DESC LIMIT {limit} OFFSET {offset}
),
counted AS (
    SELECT snapshot, batch, sum(t.rows_in) FILTER (t.step = shown.stage) AS rows_in,
           sum(t.rejects) AS rejects
    FROM shown JOIN lyftnb.steps AS t USING (snapshot, batch) GROUP BY ALL
),
written AS (  -- a stage may write to several spools, and end in steps that write to none
    SELECT shown.snapshot, batch, sum(g.rows) AS rows_out
    FROM shown JOIN lyftnb.segments AS g USING (batch) JOIN lyftnb.spools AS p USING (spool)
    WHERE g.added_snapshot = shown.snapshot AND NOT p.rejects AND p.state IS NULL GROUP BY ALL
)
SELECT shown.*, coalesce(rows_in, 0)::BIGINT AS rows_in, coalesce(rows_out, 0)::BIGINT AS rows_out,
       coalesce(rejects, 0)::BIGINT AS rejects
FROM shown LEFT JOIN counted USING (snapshot, batch) LEFT JOIN written USING (snapshot, batch)
ORDER BY snapshot DESC
"""
_FIRES = 5


class Listings:
    """What happened, newest first. Views ask for it again at every news, so no manager is started
    for it: it would come back by itself when it has been ended.
    """

    def __init__(self, home: Home) -> None:
        self._home = home

    def runs(self, asked: Listing) -> tuple[Run, ...]:
        """Runs."""
        found = self._home.onlooker().runs(asked.deployment, limit=asked.offset + asked.limit)
        return tuple(found[asked.offset :])

    def issues(self, asked: Listing) -> tuple[Issue, ...]:
        """Issues, those raised last first."""
        found = self._home.onlooker().issues.list(
            closed=asked.closed, place=asked.deployment or "", limit=asked.offset + asked.limit
        )
        return tuple(found[asked.offset :])

    def close_issue(self, asked: CloseIssue) -> None:
        """Say that the cause of one is gone."""
        self._home.workspace().issues.close(asked.issue)

    def messages(self, asked: Listing) -> tuple[Message, ...]:
        """Messages; of a deployment: those that its jobs sent."""
        recent = self._home.onlooker().bus.messages(1000 if asked.deployment else _end(asked))
        mine = [
            message
            for message in reversed(recent)
            if asked.deployment is None or (message.job or "").partition("/")[0] == asked.deployment
        ]
        return tuple(mine[asked.offset : _end(asked)])

    def batches(self, asked: Listing) -> tuple[BatchInfo, ...]:
        """Committed batches."""
        name = (asked.deployment or "").replace("'", "''")
        where = f"WHERE b.deployment = '{name}'" if asked.deployment else ""
        text = _BATCHES.format(where=where, limit=asked.limit, offset=asked.offset)
        rows = self._home.onlooker().sql(text).iter_rows(named=True)
        return tuple(BatchInfo(**row) for row in rows)

    def logs(self, asked: Listing) -> LogLines:
        """The manager's log, its newest lines last; of a deployment: those that name it."""
        file = self._home.root / STATE_DIR / LOG_FILE
        if not file.is_file():
            return LogLines(lines=())
        with file.open(encoding="utf-8", errors="replace") as log:
            mine = (line for line in log if not asked.deployment or asked.deployment in line)
            newest = deque(mine, maxlen=_end(asked))
        lines = list(newest)[: len(newest) - asked.offset]
        return LogLines(lines=tuple(redact(line.rstrip("\n")) for line in lines))

    def schedules(self, asked: Listing) -> tuple[Schedule, ...]:
        """Triggers of deployments that the clock fires."""
        workspace = self._home.onlooker()
        found: list[Schedule] = []
        for deployment in workspace.deployments:
            if asked.deployment in (None, deployment.name):
                try:
                    fires = workspace.next_fires(Ref(deployment.ref), _FIRES)
                except LyftError:
                    continue  # its context is gone: its status says so
                found += _schedules(deployment, fires)
        return tuple(found[asked.offset : _end(asked)])

    def audit(self, asked: Listing) -> tuple[AuditEntry, ...]:
        """Changes of what is desired."""
        found = self._home.onlooker().audit(asked.deployment, None, _end(asked))
        return tuple(found[asked.offset :])


def _end(asked: Listing) -> int:
    return asked.offset + asked.limit


def _schedules(deployment: Deployment, fires: list[NextFire]) -> Iterator[Schedule]:
    """The fires of each trigger together."""
    pauses = deployment.pauses
    for step, trigger in dict.fromkeys((fire.step, fire.trigger) for fire in fires):
        mine = [fire.at for fire in fires if (fire.step, fire.trigger) == (step, trigger)]
        yield Schedule(
            deployment=deployment.name,
            step=step,
            trigger=trigger,
            next=tuple(mine),
            paused=pauses.whole or pauses.stages.get(step, False),
        )
