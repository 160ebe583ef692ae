"""Memory is bounded by how input is cut, not by how much of it there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lyftnb as ln
from lyftnb.model import WorkflowSpec

pytestmark = pytest.mark.cluster

SETTINGS = """
[groups.default]
workers = 2

[batch]
split_bytes = "1MiB"
batch_bytes = "4MiB"
"""
ROWS = 60_000


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[ln.Workspace]:
    """Processes of its own: peaks of other tests do not count."""
    (tmp_path / "lyftnb.toml").write_text(SETTINGS)
    with ln.open(tmp_path) as workspace:
        yield workspace


def flow(folder: Path, rows: int) -> WorkflowSpec:
    """Reads rows as text, keeps them in a spool, works on each, and keeps the result."""
    lines = (f'{{"id": {i}, "x": {i % 997}, "kind": "kind-{i % 7}"}}\n' for i in range(rows))
    (folder / f"{rows}.ndjson").write_text("".join(lines))
    steps: dict[str, Any] = {
        "read": {"input": {"files": {"path": f"{rows}.ndjson"}}, "out": "raw"},
        "work": {
            "in": "raw",
            "actions": [{"filter": "x > 10"}, {"derive": {"y": "x * 2", "z": "upper(kind)"}}],
            "out": "done",
        },
    }
    channels = {"raw": {"transport": "spool"}, "done": {"transport": "spool"}}
    document = {"workflow": f"rows_{rows}", "channels": channels, "steps": steps}
    return WorkflowSpec.model_validate(document)


def peaks(ws: ln.Workspace, spec: WorkflowSpec) -> tuple[int, int]:
    """The most that the owner held during a run, and the most of all workers (one of them may have
    had nothing to do), in KiB.
    """
    ws.run(spec)
    found: list[int] = []
    for pid in ("self", *ws._compute.pids):
        status = Path(f"/proc/{pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        found.append(int(line.split()[1]))
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # forget the peak
    return found[0], max(found[1:])


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
def test_row_wise_stages_take_no_more_for_ten_times_the_input(ws: ln.Workspace) -> None:
    small, large = flow(ws.path, ROWS), flow(ws.path, 10 * ROWS)
    for before, after in zip(peaks(ws, small), peaks(ws, large), strict=True):
        assert after < 1.5 * before
