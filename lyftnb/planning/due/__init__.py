"""When triggers fire: cron expressions and intervals as instants, and what is due at one of them.

Pure like the rest of planning: the present instant is an argument, and what must survive a restart
is a value (`ScheduleState`) that the caller keeps in the ledger. Zones come from the IANA data that
`zoneinfo` finds. It must not know runs, ledgers or threads: it says what to hand out, and the
manager writes the fires and the new state down in one transaction.
"""

from lyftnb.planning.due.cron import Cron, Fault, parse_cron
from lyftnb.planning.due.fires import cadence, next_fires, zone_problem
from lyftnb.planning.due.schedule import (
    BACKLOG,
    LATE,
    Fire,
    ScheduleState,
    due,
    ended,
    jitter,
    next_due,
    reopened,
    start,
)
from lyftnb.planning.due.sentences import describe_trigger

__all__ = [
    "BACKLOG",
    "LATE",
    "Cron",
    "Fault",
    "Fire",
    "ScheduleState",
    "cadence",
    "describe_trigger",
    "due",
    "ended",
    "jitter",
    "next_due",
    "next_fires",
    "parse_cron",
    "reopened",
    "start",
    "zone_problem",
]
