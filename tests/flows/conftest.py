"""One workspace with a real cluster for all flows; the ledger's invariants hold after each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

import lyftnb as ln
from lyftnb.testing import invariants

SETTINGS = """
[groups.default]
workers = 2

[groups.edge]

[batch]
split_bytes = "4KiB"
batch_bytes = "16KiB"
"""

Rows = Callable[[str], pl.DataFrame]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ln.Workspace]:
    """The workspace; each flow has a name of its own and so a deployment of its own."""
    folder = tmp_path_factory.mktemp("flows")
    (folder / "lyftnb.toml").write_text(SETTINGS)
    with ln.open(folder) as workspace:
        yield workspace


@pytest.fixture
def ws(shared: ln.Workspace) -> Iterator[ln.Workspace]:
    """The shared workspace, its ledger checked after the test."""
    yield shared
    invariants.check(shared._ledger)


@pytest.fixture
def folder(ws: ln.Workspace) -> Path:
    """Where relative paths in workflows start."""
    return ws.path


@pytest.fixture
def rows(ws: ln.Workspace) -> Rows:
    """Rows of a spool, in order."""
    return lambda name: ws.spool(name).scan().collect()
