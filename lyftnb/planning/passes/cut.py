"""Cut the jobs into stages, at the spools."""

from __future__ import annotations

from dataclasses import replace

from lyftnb.model import Job
from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.graph import topological


def cut(draft: Draft, setting: Setting) -> Draft:
    """Gather each stage's jobs, root first, and put the stages in order over spools."""
    members: dict[str, list[Job]] = {}
    for job in draft.jobs.values():
        members.setdefault(draft.root_of[job.step], []).append(job)
    order = topological(tuple(members), draft.upstream)
    return replace(draft, stages={root: tuple(members[root]) for root in order})
