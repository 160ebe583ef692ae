"""How the tests of the faces call the command line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def call() -> Call:
    """`call("run", "x.yaml", cwd=folder)`: the command in a process of its own."""

    def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lyftnb.cli.app", *words]
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)

    return run


@pytest.fixture
def lyftnb(call: Call, tmp_path: Path) -> Call:
    """`lyftnb("run", "x.yaml")`: the command, called in `tmp_path`."""
    return lambda *words: call(*words, cwd=tmp_path)


@pytest.fixture(scope="session")
def hello(call: Call, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace as `init` makes it, whose workflow has run once."""
    folder = tmp_path_factory.mktemp("hello")
    for words in (("init", "."), ("run", "workflows/hello.workflow.yaml")):
        done = call(*words, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder
