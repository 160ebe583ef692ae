"""The page on deployments cannot lie: its workflow, commands and Python run, top to bottom."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import lyftnb as ln

PAGE = (Path(__file__).parents[2] / "docs" / "deployments.md").read_text(encoding="utf-8")
CHANGES = 2

Call = Callable[..., "subprocess.CompletedProcess[str]"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lyftnb.toml").write_text("[groups.default]\nworkers = 1\n")
    (tmp_path / "orders.workflow.yaml").write_text(blocks("yaml")[0])
    return tmp_path


def test_the_commands_of_the_page_run(folder: Path, lyftnb: Call) -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(lines) == 18
    for line in lines:
        words = shlex.split(line)[1:]
        done = lyftnb(*words)
        assert done.returncode in ((0, CHANGES) if words[0] == "plan" else (0,)), (line, done)
    assert done.stdout == "destroyed orders; its data stay\n"
    named = set(re.findall(r"lyftnb (\w+)", " ".join(lines)))
    assert {"plan", "apply", "history", "rollback", "audit", "pause", "resume", "destroy"} <= named


def test_the_renamed_step_of_the_page_is_right() -> None:
    whole, renamed = blocks("yaml")
    text = whole.partition("  pick:")[0] + renamed.removeprefix("steps:\n")
    workflow = ln.Workflow.from_yaml(text)
    assert [str(p) for p in workflow.validate() if p.severity == "error"] == []
    assert workflow.spec.steps["choose"].renamed_from == "pick"


@pytest.mark.cluster
def test_the_python_of_the_page_runs(folder: Path) -> None:
    (script,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "1 ['orders@1']",
        "[('resume', 'orders'), ('pause', 'orders'), ('apply', 'east')]",
    ]
