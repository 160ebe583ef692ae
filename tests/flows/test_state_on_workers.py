"""Tasks ask the owner about state, wherever they run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_engine_scheduler import Site

import lyftnb as ln
from lyftnb.engine import Cluster
from lyftnb.engine.owner_state import plugin_name
from lyftnb.model import WorkflowSpec

pytestmark = pytest.mark.cluster


def flow(ws: ln.Workspace, name: str, rows: int = 3) -> WorkflowSpec:
    """Each row gets the owner's newest snapshot, asked for on the worker."""
    body = (
        "def work(lf):\n"
        "    from lyftnb.engine.owner_state import state_of_owner\n"
        "    import os\n"
        f"    owner = state_of_owner({str(ws._storage)!r})\n"
        "    return lf.with_columns(snapshot=owner.snapshot(), pid=os.getpid())\n"
    )
    return WorkflowSpec.model_validate(
        {
            "workflow": name,
            "channels": {"kept": {"transport": "spool"}},
            "steps": {
                "read": {
                    "input": {"inline": {"rows": [{"n": n} for n in range(rows)]}},
                    "actions": [{"python": {"source": body}}],
                    "out": "kept",
                },
            },
        }
    )


def asked(ws: ln.Workspace, name: str) -> list[int]:
    """The snapshots that a run's rows were given."""
    before = ws._ledger.snapshot()
    assert ws.run(flow(ws, name), fresh=True).status == "done"
    rows = ws.spool(f"{name}_draft.kept").scan().collect()
    assert set(rows["pid"]).isdisjoint({os.getpid()})
    assert all(snapshot >= before for snapshot in rows["snapshot"])
    return rows["snapshot"].to_list()


def test_on_an_embedded_cluster_also_after_a_worker_has_died(ws: ln.Workspace) -> None:
    assert len(asked(ws, "asking")) == 3
    for pid in ws._compute.pids:
        os.kill(pid, signal.SIGKILL)
    assert len(asked(ws, "asking")) == 3


def test_other_processes_of_the_user_ask_through_the_state_directory(ws: ln.Workspace) -> None:
    asked(ws, "asking")
    script = (
        "import sys, pathlib\n"
        "from lyftnb.store.remote import StateClient\n"
        "with StateClient.of(pathlib.Path(sys.argv[1]), patience_s=5) as owner:\n"
        "    print(owner.snapshot(), *(s.spool for s in owner.spools()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, str(ws.path / ".lyftnb")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    snapshot, *spools = done.stdout.split()
    assert int(snapshot) == ws._ledger.snapshot()
    assert "asking_draft.kept" in spools


def test_nothing_secret_is_an_argument_of_a_process(ws: ln.Workspace) -> None:
    asked(ws, "asking")
    token = json.loads((ws.path / ".lyftnb/state.json").read_text())["token"]
    for pid in ws._compute.pids:
        for file in ("cmdline", "environ"):
            assert token.encode() not in Path(f"/proc/{pid}/{file}").read_bytes()


# -- an existing scheduler


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("state-site"))
    try:
        site.worker("default")
        yield site
    finally:
        site.close()


def test_on_an_existing_scheduler_by_workers_old_and_new(site: Site, tmp_path: Path) -> None:
    (tmp_path / "lyftnb.toml").write_text(f'[cluster]\nscheduler = "{site.address}"\n')
    with ln.open(tmp_path) as ws:
        asked(ws, "there")
        site.children[-1].kill()
        site.worker("default")
        ws._compute._cluster.wait_for(["default"], 120)  # type: ignore[union-attr]
        asked(ws, "there")
        name = plugin_name(str(ws._storage))
        assert name in introduced(site)
    assert name not in introduced(site)
    # A new owner is introduced in the place of the one before, to the same workers.
    with ln.open(tmp_path) as ws:
        asked(ws, "there")
        with ln.open(_another(tmp_path, site)) as other:
            asked(other, "elsewhere")
            asked(ws, "there")


def test_a_worker_without_lyftnb_may_join(site: Site, tmp_path: Path) -> None:
    (tmp_path / "lyftnb.toml").write_text(f'[cluster]\nscheduler = "{site.address}"\n')
    (tmp_path / "without.py").write_text("import sys\nsys.modules['lyftnb'] = None\n")
    with ln.open(tmp_path) as ws:
        asked(ws, "shared")
        site.worker("foreign", "--preload", str(tmp_path / "without.py"))
        ws._compute._cluster.wait_for(["foreign"], 120)  # type: ignore[union-attr]
        asked(ws, "shared")


def _another(folder: Path, site: Site) -> Path:
    other = folder / "other"
    other.mkdir()
    (other / "lyftnb.toml").write_text(f'[cluster]\nscheduler = "{site.address}"\n')
    return other


def introduced(site: Site) -> set[str]:
    """The plugins that a scheduler gives to its workers."""
    with Cluster.connect(site.address) as cluster:
        found = cluster.client.run_on_scheduler(
            lambda dask_scheduler: set(dask_scheduler.worker_plugins)
        )
    return set(found)
