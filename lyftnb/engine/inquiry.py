"""Questions to a worker, beside its tasks: one that is busy answers too.

A worker runs one task at a time, and others wait behind it. A question takes another way: Dask's
out-of-band call runs on the worker's event loop, which hands it to a thread of its own, so that
neither a long task nor a slow disk stands in between.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lyftnb.engine.answers import answering
from lyftnb.errors import InternalError, LyftError, SetupError, WorkerDied, unknown
from lyftnb.installed import versions

if TYPE_CHECKING:
    from lyftnb.engine.cluster import Cluster, Member

_JOINING_S = 0.05
"""A worker of our own that has not joined yet is looked for again after so long."""
_SHOWN_FILES = 500
_LOOKED_AT = 50_000
_LOW_DISK_BYTES = 2**30

BATCH = "batch-"
"""How the keys of a batch's tasks begin. Dask keeps a record for ever of whatever stands before the
first dash of a key, so that must be one of few words."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question, with what a worker must know to answer it."""

    ask: str
    options: Mapping[str, Any]
    base_path: str
    """The workspace's folder."""
    storage_root: str


async def inquire(cluster: Cluster, whom: str, inquiry: Inquiry) -> Any:
    """Ask a worker, by its name or as any one of its group; its answer is JSON.

    Raises:
        NotFound: there is no such worker or group, or no such question.
        WorkerDied: it was lost before it answered.
    """
    member = await _find(cluster, whom)
    answer = (await cluster.run_on(member.address, respond, inquiry))[member.address]
    if isinstance(answer, LyftError):
        raise answer
    if isinstance(answer, OSError):
        raise WorkerDied(
            f"worker '{member.name}' was lost before it answered: {answer}",
            hint="workers of our own are started again: ask once more",
        )
    if isinstance(answer, BaseException):
        raise InternalError(
            f"worker '{member.name}' cannot answer: {type(answer).__name__}: {answer}",
            hint="workers need the same versions of Python and lyftnb as the owner",
        )
    return answer


async def _find(cluster: Cluster, whom: str) -> Member:
    """The worker of that name, or of a group the one that was heard of last."""
    while True:
        members = await cluster.members()
        meant = [m for m in members if m.name == whom] or [
            m for m in members if m.ready and whom in m.groups
        ]
        if meant:
            return max(meant, key=lambda member: member.heard_at)
        if not cluster.expects(whom):
            known = {name for m in members for name in (m.name, *m.groups)}
            raise unknown("worker or worker group", whom, known)
        await asyncio.sleep(_JOINING_S)


# -- on the worker


async def respond(inquiry: Inquiry, dask_worker: Any) -> Any:
    """Answer on the worker; an error is an answer, too."""
    answer = _ANSWERS.get(inquiry.ask)
    if answer is None:
        return unknown("question to a worker", inquiry.ask, _ANSWERS)
    try:
        return await asyncio.to_thread(answering, answer, inquiry, dask_worker)
    except LyftError as error:
        return error


def _state(inquiry: Inquiry, worker: Any) -> dict[str, Any]:
    import psutil

    process = psutil.Process()
    running = [task.key for task in list(worker.state.executing)]
    waiting = [task.key for task in list(worker.state.tasks.values()) if task.state in _WAITING]
    return {
        "name": str(worker.name),
        "groups": sorted(
            name.removeprefix("group:") for name in worker.state.total_resources if ":" in name
        ),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "since": datetime.fromtimestamp(process.create_time(), UTC).isoformat(timespec="seconds"),
        "memory_bytes": process.memory_info().rss,
        "running": [_work(key) for key in running],
        "waiting": len(waiting),
    }


_WAITING = frozenset({"constrained", "ready", "waiting"})


def _work(key: str) -> str:
    """What a task does: its batch, or `discover_source` and `publish`."""
    kind, name = key.split("~")[:2]
    return name if kind == BATCH else kind.rstrip("-")


def _versions(_inquiry: Inquiry, _worker: Any) -> dict[str, str]:
    return versions()


def _files(inquiry: Inquiry, _worker: Any) -> dict[str, Any]:
    """Files below the workspace's folder; links that lead out of it are counted, not followed."""
    pattern = inquiry.options.get("glob", "*")
    if not isinstance(pattern, str) or not pattern:
        raise SetupError("`glob` is a pattern of files, as text", hint="such as data/*.csv")
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise SetupError(
            f"the pattern '{pattern}' leads out of the workspace",
            hint="write it from the workspace's folder on, such as data/*.csv",
        )
    root = Path(inquiry.base_path).resolve()
    try:
        found = list(islice(root.glob(pattern), _LOOKED_AT))
    except (ValueError, NotImplementedError) as error:
        raise SetupError(f"'{pattern}' is no pattern of files: {error}") from None
    inside = [path for path in found if path.is_file() and path.resolve().is_relative_to(root)]
    outside = sum(not path.resolve().is_relative_to(root) for path in found)
    visible = [path for path in sorted(inside) if not _hidden(path.relative_to(root))]
    return {
        "folder": str(root),
        "files": [_file(path, root) for path in visible[:_SHOWN_FILES]],
        "more": max(0, len(visible) - _SHOWN_FILES),
        "outside": outside,
    }


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _file(path: Path, root: Path) -> dict[str, Any]:
    facts = path.stat()
    changed = datetime.fromtimestamp(facts.st_mtime, UTC).isoformat(timespec="seconds")
    return {
        "path": path.relative_to(root).as_posix(),
        "bytes": facts.st_size,
        "changed_at": changed,
    }


def _health(inquiry: Inquiry, worker: Any) -> dict[str, Any]:
    """Whether it can do its work: it reads the workspace, writes the storage, and has room."""
    problems: list[str] = []
    if not os.access(inquiry.base_path, os.R_OK | os.X_OK):
        problems.append(f"the workspace's folder {inquiry.base_path} cannot be read")
    took = _write_s(Path(inquiry.storage_root), problems)
    free = shutil.disk_usage(inquiry.storage_root).free if took is not None else None
    if free is not None and free < _LOW_DISK_BYTES:
        problems.append(f"only {free >> 20} MiB are free under {inquiry.storage_root}")
    return {
        "health": "degraded" if problems else "healthy",
        "problems": problems,
        "storage_write_s": took,
        "disk_free_bytes": free,
        "memory_bytes": _state(inquiry, worker)["memory_bytes"],
    }


def _write_s(root: Path, problems: list[str]) -> float | None:
    """How long it takes to write and read back a small file; None where that fails."""
    word = secrets.token_hex(8)
    probe = root / f".lyftnb-probe-{word}"
    began = time.perf_counter()
    try:
        probe.write_text(word)
        same = probe.read_text() == word
    except OSError as error:
        problems.append(f"the storage root {root} cannot be written: {error.strerror}")
        return None
    finally:
        probe.unlink(missing_ok=True)
    if not same:
        problems.append(f"the storage root {root} does not give back what was written")
    return round(time.perf_counter() - began, 6)


_ANSWERS: Mapping[str, Callable[[Inquiry, Any], Any]] = {
    "state": _state,
    "versions": _versions,
    "files": _files,
    "health": _health,
}
