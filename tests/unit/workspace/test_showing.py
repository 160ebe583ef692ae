"""What people see of a run: progress in logs and notebooks, tables in HTML, the doctor's words."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lyftnb.errors import ConfigError, InternalError
from lyftnb.manager.progress import Progress, StageProgress
from lyftnb.model import Message, Problem, RunSummary, StepCount
from lyftnb.store import RunbookVersion
from lyftnb.workspace.doctor import examine
from lyftnb.workspace.nouns import Problems
from lyftnb.workspace.progress import LineWatcher, NotebookWatcher, progress_table
from lyftnb.workspace.reprs import message_html, runbook_html, summary_html


def progress(state: Any, rows: int, *texts: str) -> Progress:
    stage = StageProgress(
        stage="clean",
        state=state,
        rows_in=rows,
        rows_out=rows,
        rejects=2,
        batches=1,
        skipped=0,
        rows_per_s=1234.5,
        units_done=1,
        units=2,
    )
    return Progress("flights", 1.5, (stage,), texts)


def test_logs_get_a_line_when_a_stage_changes_its_state(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watcher = LineWatcher()
    for state, rows in (("running", 10), ("running", 20), ("done", 30)):
        watcher.show(progress(state, rows, *(["printed by a step"] if rows == 20 else [])))
    said = capsys.readouterr().err.splitlines()
    assert [line.partition("s  ")[2] or line for line in said] == [
        "clean: running, 10 rows, 1,234 rows/s, 1 batch, 2 rejects",
        "printed by a step",
        "clean: done, 30 rows, 1,234 rows/s, 1 batch, 2 rejects",
    ]


def test_an_error_in_a_notebook_is_its_sentence_and_a_defect_its_way() -> None:
    assert ConfigError("wrong", hint="mend it")._render_traceback_() == [
        "ConfigError: wrong\n  hint: mend it"
    ]
    try:
        raise InternalError("oops")
    except InternalError as error:
        assert "raise InternalError" in "".join(error._render_traceback_())


def test_a_notebook_redraws_one_table_and_always_the_last() -> None:
    shown: list[str] = []

    class Handle:
        def update(self, data: dict[str, str], *, raw: bool) -> None:
            shown.append(data["text/html"])

    def display(data: dict[str, str], **_: Any) -> Handle:
        shown.append(data["text/html"])
        return Handle()

    watcher = NotebookWatcher(display)
    for rows in range(100):
        watcher.show(progress("running", rows))
    watcher.show(progress("done", 100))
    assert len(shown) < 10
    assert "done" in shown[-1]
    assert ">100<" in shown[-1]


def test_a_terminal_gets_a_line_per_stage() -> None:
    assert progress_table(progress("running", 10)).row_count == 1


def test_html_is_escaped() -> None:
    counts = (StepCount("clean", 1000, 990, 10),)
    summary = RunSummary("run", "d", "done", 1.0, 3, counts, ("a <b> file",))
    html = summary_html(summary)
    assert "1,000" in html
    assert "a &lt;b&gt; file" in html
    problem = Problem("bad", "error", ("steps", "x"), "1 < 2", "try <this>")
    assert "1 &lt; 2" in Problems([problem])._repr_html_()
    assert "try &lt;this&gt;" in Problems([problem])._repr_html_()
    assert Problems()._repr_html_() == "<p>no problems</p>"


def test_the_doctor_finds_what_is_wrong_and_changes_nothing(tmp_path: Path) -> None:
    assert all(check.ok for check in examine(tmp_path))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "lyftnb.toml").write_text("[group.etl]\n")
    wrong = {check.name: check for check in examine(tmp_path) if not check.ok}
    assert "unknown key 'group'" in wrong["settings"].found
    assert wrong["settings"].hint == "did you mean 'groups'?"
    assert not all(check.ok for check in examine(tmp_path / "nowhere"))


def test_messages_and_runbooks_are_shown_escaped() -> None:
    at = datetime(2026, 5, 1, tzinfo=UTC)
    message = Message(7, at, "<tag>", {"a": "<b>"}, "user", "client", "message")
    assert "&lt;tag&gt;, 2026-05-01 00:00:00 UTC from client" in message_html(message)
    assert "<b>7</b>" in message_html(message) and "&lt;b&gt;" in message_html(message)
    schema = {"properties": {"n": {"type": "integer", "default": 3}, "c": {}}, "required": ["c"]}
    document = {"workflow": "w@1", "title": "Now & then", "parameters": schema}
    shown = runbook_html(RunbookVersion("r", 2, "d", document, at))
    for part in ("r@2 on w@1: Now &amp; then", ">n<", ">integer<", ">3<", ">required<"):
        assert part in shown
