"""The README cannot lie: its commands and its Python run, top to bottom."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.manager_kit import ended

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE)) <= targets


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *(ROOT / "docs").glob("*.md")], ids=lambda p: p.name
)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:\s]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.cluster
def test_five_minutes(tmp_path: Path) -> None:
    shell = "\n".join(block for block in blocks("sh") if "lyftnb" in block)
    bin_dir = Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{bin_dir}{os.pathsep}{os.environ['PATH']}"}
    # `plan` says by its exit code whether there is something to change.
    told = 'lyftnb() { command lyftnb "$@" || [[ $1 == plan && $? == 2 ]]; }'
    tour = f"cat > tour.py <<'END'\n{blocks('python')[0]}END\npython tour.py\n"
    script = f"set -e\n{told}\n{shell}\n{tour}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=180
    )
    ended(tmp_path / "shop")
    assert done.returncode == 0, done.stdout + done.stderr
    for shown in ("chair", "published hello@1", "every segment is sound", "47.5"):
        assert shown in done.stdout
    assert (tmp_path / "shop" / "big_orders.csv").read_text() != ""
