"""How the tests of the faces call the command line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir
from functools import partial
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


@pytest.fixture(scope="session")
def within() -> Call:
    """`within("run", "x.yaml", cwd=folder)`: the command within this process, which has loaded by
    now what a new one would have to.
    """

    def invoke(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        with chdir(cwd):
            done = CliRunner().invoke(app, words)
        return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)

    return invoke


@pytest.fixture
def lyftnb(within: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """`lyftnb("init", "x")`: the command within this process, called in `tmp_path`. A manager that
    it started there ends with the test.
    """
    monkeypatch.chdir(tmp_path)
    yield partial(within, cwd=tmp_path)
    ended(tmp_path)


@pytest.fixture(scope="session")
def hello(within: Call, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace as `init` makes it, whose workflow has run once."""
    folder = tmp_path_factory.mktemp("hello")
    for words in (("init", "."), ("run", "workflows/hello.workflow.yaml")):
        done = within(*words, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder
