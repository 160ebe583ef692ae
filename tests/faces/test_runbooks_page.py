"""The pages on runbooks and messages cannot lie: their files, Python and commands run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lyftnb.manager.questions import QUESTIONS

DOCS = Path(__file__).parents[2] / "docs"

Call = Callable[..., "subprocess.CompletedProcess[str]"]


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the files of the page."""
    made = tmp_path_factory.mktemp("runbooks")
    workflow, runbook = blocks("runbooks.md", "yaml")
    (made / "lyftnb.toml").write_text("[groups.default]\nworkers = 1\n")
    (made / "orders.workflow.yaml").write_text(workflow)
    (made / "backfill_customer.runbook.yaml").write_text(runbook)
    return made


@pytest.mark.cluster
def test_the_page_on_runbooks_runs(folder: Path, within: Call) -> None:
    (script,) = blocks("runbooks.md", "python")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("done backfill_customer_1-1")
    assert "30" in done.stdout
    for line in blocks("runbooks.md", "sh")[0].splitlines():
        words = re.sub(r"^lyftnb ", "", line).split()
        done = within(*words, cwd=folder)
        assert done.returncode == 0, done.stderr
    assert "backfill_customer-2" in done.stdout and "customer=bob, least=0" in done.stdout


@pytest.mark.cluster
def test_the_page_on_messages_runs(folder: Path) -> None:
    (script,) = blocks("messages.md", "python")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "landed" in done.stdout and "'health': 'healthy'" in done.stdout


def test_every_question_stands_in_the_page() -> None:
    page = (DOCS / "messages.md").read_text(encoding="utf-8")
    assert all(f"| {kind} | `{ask}` |" in page for kind in QUESTIONS for ask in QUESTIONS[kind])


@pytest.mark.cluster
def test_the_commands_of_runbooks(folder: Path, within: Call) -> None:
    def printed(*words: str, code: int = 0) -> object:
        done = within(*words, "--json", cwd=folder)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    file = "backfill_customer.runbook.yaml"
    within("publish", "orders.workflow.yaml", cwd=folder)
    within("runbook", "publish", file, cwd=folder)
    assert printed("runbook", "publish", file)["created"] is False  # type: ignore[index]
    assert printed("runbook", "validate", file) == []
    assert printed("runbook", "ls")[0]["workflow"] == "orders@1"  # type: ignore[index]
    shown = within("runbook", "show", "backfill_customer", cwd=folder).stdout
    assert "whose orders" in shown and "required" in shown
    (folder / "given.json").write_text('{"customer": "ada", "least": 1}')
    run = ("runbook", "run", "backfill_customer", "--params", "given.json", "--param", "least=2")
    made = printed(*run, "--key", "k")
    assert made["parameters"] == {"customer": "ada", "least": 2}  # type: ignore[index]
    assert made["status"] == "done"  # type: ignore[index]
    again = printed(*run, "--key", "k")
    assert again["invocation"] == made["invocation"]  # type: ignore[index]
    assert printed("runbook", "wait", made["invocation"]) == again  # type: ignore[index]
    plan = within(*run, "--dry-run", cwd=folder).stdout
    assert plan.startswith("plan of orders@1")
    assert printed("messages", "request", "manager", "issues") == []
    published = printed("messages", "publish", "hello", '{"n": 1}')
    followed = within(
        "messages",
        "follow",
        "--tag",
        "hello",
        "--after",
        "0",
        "--timeout",
        "0",
        "--json",
        cwd=folder,
    )
    assert json.loads(followed.stdout)["id"] == published["id"]  # type: ignore[index]
    assert printed("messages", "ls", "--tag", "hello", "--limit", "1") == [published]


WRONG = [
    (("runbook", "run", "nothing"), "unknown runbook 'nothing'"),
    (("runbook", "run", "x", "--param", "n"), "'n' is no parameter"),
    (("runbook", "run", "x", "--params", "bad.json"), "bad.json: not JSON"),
    (("runbook", "publish", "bad.runbook.yaml"), "bad.runbook.yaml:2: titel"),
    (("runbook", "wait", "x-1"), "no invocation 'x-1'"),
    (("runbook", "invocations", "--status", "lots"), "did you mean 'lost'?"),
    (("messages", "publish", "t", "{"), "the payload is not JSON"),
    (("messages", "request", "manger", "state"), "did you mean 'manager'?"),
]


@pytest.mark.parametrize(("words", "says"), WRONG, ids=lambda v: " ".join(v[:2]) if len(v) else "")
def test_errors_say_what_to_do(
    lyftnb: Call, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    (tmp_path / "lyftnb.toml").touch()
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "bad.runbook.yaml").write_text("runbook: bad\ntitel: x\nworkflow: w\n")
    done = lyftnb(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr and "Traceback" not in done.stderr
