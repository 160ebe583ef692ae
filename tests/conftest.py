"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("soak", parent=settings.get_profile("default"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture
def workspace_dir(tmp_path: Path) -> Iterator[Path]:
    """A workspace folder with three worker groups."""
    (tmp_path / "lyftnb.toml").write_text(
        "[groups.default]\nworkers = 2\n\n[groups.edge]\n\n[groups.etl]\nworkers = 2\n"
    )
    yield tmp_path
