"""How the tests of the faces call the command line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lyftnb.cli.app import app
from tests.manager_kit import ended

Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def call() -> Call:
    """`call("run", "x.yaml", cwd=folder)`: the command in a process of its own."""

    def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lyftnb.cli.app", *words]
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)

    return run


@pytest.fixture
def lyftnb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """`lyftnb("init", "x")`: the command within this process, called in `tmp_path`. A manager that
    it started there ends with the test.
    """
    monkeypatch.chdir(tmp_path)

    def invoke(*words: str) -> subprocess.CompletedProcess[str]:
        done = CliRunner().invoke(app, words)
        return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)

    yield invoke
    ended(tmp_path)


@pytest.fixture(scope="session")
def hello(call: Call, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace as `init` makes it, whose workflow has run once."""
    folder = tmp_path_factory.mktemp("hello")
    for words in (("init", "."), ("run", "workflows/hello.workflow.yaml")):
        done = call(*words, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder
