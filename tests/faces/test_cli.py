"""The command line: what it prints where, how it exits, what it says when something is wrong."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from lyftnb.cli import screen
from lyftnb.cli.app import app

HELLO = "workflows/hello.workflow.yaml"


Call = Callable[..., "subprocess.CompletedProcess[str]"]
Printed = Callable[..., Any]


@pytest.fixture(scope="session")
def printed(within: Call, hello: Path) -> Printed:
    """What a command prints with `--json` in the workspace `hello`."""

    def parsed(*words: str) -> Any:
        done = within(*words, "--json", cwd=hello)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return parsed


def test_help_loads_no_engine() -> None:
    code = (
        "import sys; from lyftnb.cli.app import app; app(['--help'], standalone_mode=False); "
        "sys.exit(bool({'polars', 'duckdb', 'dask', 'distributed', 'sqlglot', 'pydantic'}"
        " & set(sys.modules) or {'fastapi', 'uvicorn', 'httpx'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_the_version_is_the_packages() -> None:
    shown = CliRunner().invoke(app, ["--version"])
    assert (shown.exit_code, shown.stdout) == (0, f"lyftnb {version('lyftnb')}\n")


def test_what_speaks_to_a_manager_loads_no_engine() -> None:
    code = (
        "import sys, lyftnb.cli.app, lyftnb.workspace.entering, lyftnb.workspace.remote; "
        "from lyftnb.workspace.progress import watching; "
        "from lyftnb.manager.progress import Progress; "
        "from lyftnb.store.remote import StateClient; "
        "sys.exit(', '.join({'polars', 'duckdb', 'dask', 'distributed', 'sqlglot', 'fastapi'}"
        " & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("spool", "ls"),
        ("kv", "ls"),
        ("queue", "ls"),
        ("runs", "ls"),
        ("issues", "ls"),
        ("messages", "ls"),
        ("jobs", "ls"),
        ("lock", "ls"),
        ("status",),
        ("versions",),
        ("logs",),
        ("deployments",),
        ("context", "ls"),
        ("secret", "ls"),
        ("run", "flights"),
    ],
    ids=" ".join,
)
def test_what_reads_makes_no_workspace(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1 and "lyftnb init" in done.stderr, done.output
    assert list(tmp_path.iterdir()) == []


def test_init_makes_a_workspace_once(lyftnb: Call, tmp_path: Path) -> None:
    assert lyftnb("init", "shop").returncode == 0
    assert sorted(p.name for p in (tmp_path / "shop").iterdir()) == [
        "lyftnb.toml",
        "notebooks",
        "workflows",
    ]
    again = lyftnb("init", "shop")
    assert again.returncode == 1
    assert again.stderr.startswith("error: shop/lyftnb.toml exists")
    assert lyftnb("-w", "yard", "init").returncode == 0 and (tmp_path / "yard").is_dir()


def test_schema_is_that_of_the_document(lyftnb: Call) -> None:
    schema = json.loads(lyftnb("schema").stdout)
    assert {"workflow", "channels", "steps"} <= set(schema["properties"])


def test_validate_exits_1_on_errors_and_names_the_line(lyftnb: Call, tmp_path: Path) -> None:
    lyftnb("init", ".")
    good = lyftnb("validate", HELLO)
    assert (good.returncode, good.stderr) == (0, "")
    file = tmp_path / HELLO
    file.write_text(file.read_text().replace("in: orders", "in: oders"))
    bad = lyftnb("validate", HELLO)
    assert bad.returncode == 1
    assert f"{HELLO}:18" in bad.stdout
    assert "'orders'" in bad.stdout
    found = json.loads(lyftnb("validate", HELLO, "--json").stdout)
    assert [p["line"] for p in found if p["severity"] == "error"] == [18]


WRONG = [
    (("run", "nothing.workflow.yaml"), "there is no file nothing.workflow.yaml"),
    (("run", "helo@2"), "unknown workflow version"),
    (("plan", "broken.workflow.yaml"), "broken.workflow.yaml"),
    (("run", "binary.workflow.yaml"), "binary.workflow.yaml:2: not UTF-8"),
    (("run", "workflows"), "there is no file workflows"),
    (("spool", "show", "nowhere"), "nowhere"),
    (("spool", "sql", "SELEC 1"), "SELEC"),
    (("spool", "show", "x", "--at", "yesterday"), "neither a snapshot nor a time"),
    (("demo", "/dev/null/demo"), "/dev/null"),
]


@pytest.mark.parametrize(("words", "says"), WRONG, ids=lambda v: v[0] if len(v) else "")
def test_an_error_is_a_sentence_on_stderr(
    lyftnb: Call, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    (tmp_path / "broken.workflow.yaml").write_text("workflow: broken\nsteps: {a: {in: [")
    (tmp_path / "workflows").mkdir(exist_ok=True)
    (tmp_path / "lyftnb.toml").write_text("[groups.default]\nworkers = 1\n")
    (tmp_path / "binary.workflow.yaml").write_bytes(b"workflow: binary\n\xff\xfe")
    done = lyftnb(*words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_debug_shows_the_traceback(call: Call, tmp_path: Path) -> None:
    assert "Traceback" in call("--debug", "run", "nothing.workflow.yaml", cwd=tmp_path).stderr


def test_a_wrong_command_line_exits_2(lyftnb: Call) -> None:
    done = lyftnb("rnu", "x")
    assert done.returncode == 2
    assert "No such command 'rnu'" in done.stderr


@pytest.mark.cluster
def test_run_and_what_it_leaves(hello: Path, within: Call, printed: Printed) -> None:
    listed = {s["spool"]: s["rows"] for s in printed("spool", "ls")}
    assert listed["hello_draft.orders"] == 2
    assert listed["hello_draft.receive_rejects"] == 1
    rejects = printed("spool", "show", "receive_rejects")
    assert json.loads(rejects[0]["_row"])["item"] == "chair"
    rows = printed("spool", "sql", "SELECT item, total FROM big_orders")
    assert rows == [{"item": "desk", "total": 250.0}]
    assert printed("spool", "verify") == []
    assert [c["ok"] for c in printed("doctor")] == [True] * 8
    text = within("spool", "sql", "SELECT item, total FROM big_orders", cwd=hello).stdout
    assert text.split() == ["item", "total", "desk", "250.0"]


def test_rows_too_wide_for_the_terminal_are_turned(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pl.DataFrame({"a": [1000, 2000, None], "long_name": ["x" * 12, "y", "z" * 40]})
    screen.print_frame(frame, 2)
    assert len(capsys.readouterr().out.splitlines()) == 4
    monkeypatch.setattr(screen, "_ENDLESS", 32)
    screen.print_frame(frame, 3)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[:3] == [
        ["row", "1", "row", "2"],
        ["a", "1000", "2000"],
        ["long_name", "x" * 12, "y"],
    ]
    assert lines[3:5] == [["row", "3"], ["a"]]
    assert "".join("".join(line) for line in lines[5:]) == "long_name" + "z" * 40


def test_signs_that_a_terminal_would_obey_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    screen.print_frame(pl.DataFrame({"a": ["red\x1b[31m\r\x9b1A", "two\nlines"]}), 2)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["a", r"red\x1b[31m\x0d\x9b1A", "two", "lines"]


def test_sums_of_whole_numbers_are_numbers_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    frame = pl.DataFrame({"sum": [Decimal(7)], "price": [Decimal("7.00")]})
    screen.print_json(screen.records(frame.cast({"sum": pl.Decimal(38, 0)})))
    assert json.loads(capsys.readouterr().out) == [{"sum": 7, "price": "7.00"}]


def test_the_title_of_a_narrow_table_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    screen.print_frame(pl.DataFrame({"a": [1]}), 1, title="receive: celsius[0]")
    assert capsys.readouterr().out.splitlines()[0].rstrip() == "receive: celsius[0]"


@pytest.mark.cluster
def test_ctrl_c_ends_a_wait_without_end(lyftnb: Call, tmp_path: Path) -> None:
    lyftnb("init", ".")
    lyftnb("messages", "publish", "landed")
    command = [sys.executable, "-m", "lyftnb.cli.app", "messages", "follow", "--after", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True) as following:
        assert following.stdout is not None and following.stderr is not None
        assert "landed" in following.stdout.readline()
        following.send_signal(signal.SIGINT)
        try:
            assert following.wait(timeout=60) == 130
        finally:
            following.kill()
        assert "error: stopped" in following.stderr.read()


@pytest.mark.cluster
def test_a_second_run_does_nothing_again(printed: Printed) -> None:
    summary = printed("run", HELLO)
    assert (summary["status"], summary["batches"]) == ("done", 0)


@pytest.mark.cluster
def test_progress_goes_to_stderr_in_plain_lines(hello: Path, call: Call) -> None:
    done = call("run", HELLO, "--fresh", cwd=hello)
    assert done.returncode == 0, done.stderr
    assert "receive: done, 3 rows" in done.stderr
    assert "\x1b" not in done.stderr + done.stdout
    assert "2 batches, 1 reject\n" in done.stdout
    assert "lyftnb spool show hello_draft.receive_rejects" in done.stdout


@pytest.mark.cluster
def test_export_writes_whole_files_and_overwrites_none(
    hello: Path, within: Call, tmp_path: Path
) -> None:
    file = tmp_path / "orders.parquet"
    assert within("spool", "export", "orders", str(file), cwd=hello).returncode == 0
    assert pl.read_parquet(file).height == 2
    again = within("spool", "export", "orders", str(file), cwd=hello)
    assert "add --force" in again.stderr
    odd = within("spool", "export", "orders", str(tmp_path / "orders.xlsx"), cwd=hello)
    assert ".csv, .ndjson, .parquet" in odd.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["orders.parquet"]


@pytest.mark.cluster
def test_publish_trace_and_plan(hello: Path, within: Call, printed: Printed) -> None:
    assert printed("publish", HELLO)["ref"] == "hello@1"
    assert printed("publish", HELLO)["created"] is False
    assert [v["ref"] for v in printed("versions")] == ["hello@1"]
    traced = printed("trace", HELLO, "--step", "pick")
    assert [t["action"] for t in traced] == ["input", "derive[0]", "filter[1]"]
    assert [len(t["rows"]) for t in traced] == [2, 2, 1]
    assert "orders" in within("plan", "hello@1", cwd=hello).stdout
    planned = within("plan", HELLO, "--json", cwd=hello)
    assert planned.returncode == 2
    assert json.loads(planned.stdout)["deployment"] == "hello_draft"


@pytest.mark.cluster
def test_ctrl_c_stops_with_a_sentence(lyftnb: Call, tmp_path: Path) -> None:
    lyftnb("init", ".")
    endless = {"generate": {"rows": 2_000_000_000, "columns": {"n": "sequence"}}}
    document = {"workflow": "endless", "channels": {"c": {"transport": "spool"}},
                "steps": {"s": {"input": endless, "out": "c"}}}  # fmt: skip
    (tmp_path / "endless.workflow.yaml").write_text(json.dumps(document))
    command = [sys.executable, "-m", "lyftnb.cli.app", "run", "endless.workflow.yaml"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        said = running.stderr.readline()  # the run has begun
        running.send_signal(signal.SIGINT)
        said += running.stderr.read()
        assert running.wait(timeout=60) == 130, said
    assert "error: stopped; what was committed stays" in said
    assert "Traceback" not in said
