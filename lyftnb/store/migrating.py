"""What an apply does to positions and state: moves, restarts and drops, in the apply's transaction.

All that is changed becomes visible as one snapshot. Rows of spools stay where they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lyftnb.model import CheckpointChange, DeploymentPlan, JobChange, StateChange
from lyftnb.store.families import Setting
from lyftnb.store.forget import empty, lower, restart
from lyftnb.store.mirror import Standing
from lyftnb.store.newest import Newest
from lyftnb.store.runs import move_triggers

_GONE = "its step was removed"


@dataclass(slots=True)
class Migration:
    """Carries the changes of one plan out. An overlay cannot delete: what is `gone` must leave the
    mirror after the commit.
    """

    setting: Setting
    plan: DeploymentPlan
    gone: list[tuple[str, str]] = field(default_factory=list)
    """(map of the mirror, key) of what is there no more."""
    _rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def carry_out(self) -> None:
        """Change what the plan says, in one snapshot; none if it leaves all as it is."""
        changes = self.plan.changes
        jobs = [c for c in changes if isinstance(c, JobChange)]
        self._rename_steps(self.plan.renames)
        self._remove_steps([j.step for j in jobs if j.verb == "remove"])
        checkpoints = [c for c in changes if isinstance(c, CheckpointChange) and _moves(c)]
        states = [c for c in changes if isinstance(c, StateChange) and _moves(c)]
        if not (checkpoints or states):
            return
        state = self.setting.state
        state.snapshot += 1
        state.committed_at = max(self.setting.now, state.committed_at)
        for checkpoint in checkpoints:
            self._checkpoint(checkpoint)
        self._abandon({c.step for c in checkpoints if c.accept is not None and not c.now})
        for change in states:
            self._frames(change) if change.kept_as == "frames" else self._marks(change)
        stamp = {"snapshot": state.snapshot}
        for table, rows in self._rows.items():
            self.setting.database.append(table, [row | stamp for row in rows])
        at = {"committed_at": state.committed_at}
        self.setting.database.append("resets", [stamp | at])

    # -- positions

    def _checkpoint(self, change: CheckpointChange) -> None:
        key = f"{self.plan.deployment}/{change.key}"
        if change.moved_from is not None:
            self._move(f"{self.plan.deployment}/{change.moved_from}/{change.input}", key)
        elif change.now:
            self._begin_at_the_end(change, key)
        elif change.accept is not None:
            self._restart(key)

    def _begin_at_the_end(self, change: CheckpointChange, key: str) -> None:
        """Let an input begin behind the rows that its spool has at this moment."""
        state = self.setting.state
        streams = self.plan.compiled.stage_of(change.step).streams
        name = next(s for s in streams if s.name == change.input).spool(self.plan.deployment)
        spool = state.spools.get(name)
        version = (state.positions.get(key) or Standing()).version + 1
        items = {"seq": spool.next_seq if spool else 0}
        state.positions[key] = Standing(version, items)
        self._note("positions", {"key": key, "version": version, "items": items})

    def _move(self, old: str, new: str) -> None:
        state = self.setting.state
        there = state.positions.get(new) or Standing()
        moved = state.positions[old]
        items = {**dict.fromkeys(there.items), **moved.items}
        state.positions[new] = Standing(there.version + 1, dict(moved.items))
        self._note("positions", {"key": new, "version": there.version + 1, "items": items})
        floor = state.floors.get(old)
        if floor is not None:
            state.floors[new] = floor
            self._note("floors", {"key": new, "fields": [[f.name, f.type] for f in floor.fields]})
        self._restart(old)

    def _restart(self, key: str) -> None:
        state = self.setting.state
        if key in state.positions:
            self._note("positions", restart(state, key))
        if state.floors.get(key):
            self._note("floors", lower(state, key))

    # -- what actions keep

    def _frames(self, change: StateChange) -> None:
        name, old = (
            f"{self.plan.deployment}.{step}__{change.action}_state"
            for step in (change.step, change.moved_from)
        )
        if change.fate in ("reset", "drop"):
            for kept in [name] if change.moved_from is None else [name, old]:
                self._empty(kept)
            return
        if change.moved_from is None:
            return
        for query in ("rename_segments", "rename_spool", "rename_schemas"):
            self.setting.database.run(query, old=old, new=name)
        spool = self.setting.state.spools[old]
        self.setting.state.spools[name] = replace(spool, spec=replace(spool.spec, spool=name))
        self.setting.state.newest[name] = self.setting.state.newest[old] = Newest()
        self.gone.append(("spools", old))

    def _empty(self, name: str) -> None:
        state = self.setting.state
        spool = state.spools.get(name)
        if spool is None:
            return
        if spool.schema:
            self._note("spool_schemas", empty(state, spool))
        state.newest[name] = Newest()
        self.setting.database.run(
            "remove_segments", spools=[name], partitions=None, snapshot=state.snapshot
        )

    def _marks(self, change: StateChange) -> None:
        database, deployment = self.setting.database, self.plan.deployment
        scope, old = (
            f"{deployment}/{step}/{change.action}" for step in (change.step, change.moved_from)
        )
        if change.fate in ("reset", "drop"):
            scopes = [scope] if change.moved_from is None else [scope, old]
            database.run("forget_scopes", scopes=scopes)
        elif change.moved_from is not None:
            database.run("move_scope", old=old, new=scope)

    # -- steps

    def _rename_steps(self, renames: Mapping[str, str]) -> None:
        """Triggers, fires that wait, and what is kept for a run's end follow the step."""
        database, deployment = self.setting.database, self.plan.deployment
        for new, old in renames.items():
            old_key, new_key = f"{deployment}/{old}", f"{deployment}/{new}"
            database.run("rename_emit_parts", old=old_key, new=new_key)
            database.run(
                "rename_open_runs",
                deployment=deployment,
                old=old,
                new=new,
                old_key=f"{old_key}/",
                new_key=f"{new_key}/",
            )
            self._triggers(f"{old_key}/", f"{new_key}/")

    def _remove_steps(self, steps: list[str]) -> None:
        if not steps:
            return
        deployment = self.plan.deployment
        keys = [f"{deployment}/{step}" for step in steps]
        self.setting.database.run("forget_emit_parts", keys=keys)
        self.setting.database.run(
            "cancel_open_runs",
            deployment=deployment,
            stages=steps,
            note=_GONE,
            instant=self.setting.now,
        )
        for key in keys:
            self._triggers(f"{key}/", None)
        self._abandon(steps)

    def _triggers(self, prefix: str, new: str | None) -> None:
        """Move where triggers stand to other keys, or forget it."""
        triggers = self.setting.state.triggers
        found = {key: json.loads(text) for key, text in triggers.items() if key.startswith(prefix)}
        if new is not None:
            moved = {f"{new}{key.removeprefix(prefix)}": state for key, state in found.items()}
            move_triggers(self.setting, moved)
        self.setting.database.run("forget_triggers", keys=list(found))
        self.gone += [("triggers", key) for key in found]

    def _abandon(self, stages: Iterable[str]) -> None:
        """Batches that were begun from positions which are there no more must not commit."""
        deployment, state = self.plan.deployment, self.setting.state
        names = sorted(stages)
        for batch, fence in list(state.fences.items()):
            if any(batch.startswith(f"{deployment}/{name}/") for name in names):
                state.fences[batch] = replace(fence, abandoned=True)
        self.setting.database.run(
            "abandon_stages", deployment=deployment, stages=names, instant=self.setting.now
        )

    def _note(self, table: str, row: dict[str, Any]) -> None:
        self._rows.setdefault(table, []).append(row)


def _moves(change: CheckpointChange | StateChange) -> bool:
    """Whether there is something to do for it: what starts is made by its first batch."""
    if isinstance(change, CheckpointChange) and change.now:
        return True
    return change.changes and change.fate != "start"
