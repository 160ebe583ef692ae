"""A secret is planted, used and made to fail in every way; then every surface and every file is
searched for it, in all the forms in which a text may have it.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from typer.testing import CliRunner

import lyftnb as ln
from lyftnb.cli.app import app
from lyftnb.errors import LyftError
from lyftnb.store import query
from lyftnb.store.sql import STATE_VIEWS
from tests.manager_kit import ended

PLANTED = 'pl4nted "v@lue"+22/x'
NAME = "db/password"
FORMS = {
    PLANTED,
    repr(PLANTED)[1:-1],
    json.dumps(PLANTED)[1:-1],
    html.escape(PLANTED),
    quote(PLANTED),
    quote(PLANTED, safe=""),
    quote_plus(PLANTED),
    base64.b64encode(PLANTED.encode()).decode(),
    base64.b64encode(f"user:{PLANTED}!".encode()).decode()[8:-4],
    # What a shortened text would still show.
    "pl4nted",
}
STEPS: dict[str, Any] = {
    "make": {
        "input": {"inline": {"rows": [{"id": 1, "run": "${run.id}"}, {"id": 2, "run": "x"}]}},
        "out": "made",
    },
    # Used as it should be: in an expression, in Python, in the parameters of an output.
    "use": {
        "in": "made",
        "actions": [
            {"derive": {"tag": "md5(run || ${secret.db/password})"}},
            {
                "python": {
                    "source": "def transform(lf, ctx):\n"
                    "    assert len(ctx.values['key']) == 20\n"
                    "    assert 'secret.db/password' not in ctx.variables\n"
                    "    return lf",
                    "values": {"key": "${secret.db/password}"},
                }
            },
        ],
        "out": "used",
    },
    "keep": {
        "in": "used",
        "output": {"ndjson": {"path": "out/${secret.db/password}"}},
    },
    # Rows that hold it and are rejected: each text of a reject would show it.
    "brew": {
        "in": "used",
        "actions": [{"derive": {"token": "'Basic ' || ${secret.db/password} || id"}}],
        "out": "brewed",
    },
    "leak": {
        "in": "brewed",
        "actions": [
            {
                "python": {
                    "source": "def transform(lf, ctx):\n"
                    "    if lf.collect().height:\n"
                    "        raise ValueError('refused ' + ctx.values['key'])\n"
                    "    return lf",
                    "values": {"key": "${secret.db/password}"},
                }
            },
        ],
        "out": "leaked",
    },
}


def _failing(body: dict[str, Any]) -> dict[str, Any]:
    step = {"input": {"inline": {"rows": [{"id": 1}]}}, "out": "c", "retry": {"attempts": 1}}
    return {"only": step | body}


def _raising(statement: str) -> dict[str, Any]:
    values = {"key": "${secret.db/password}"}
    source = f"def transform(lf, ctx):\n    key = ctx.values['key']\n    {statement}\n"
    return {"actions": [{"python": {"source": source, "values": values}}]}


FAILING = {
    "expression": _failing(
        {"actions": [{"filter": "CAST(${secret.db/password} AS INTEGER) = id"}], "on_error": "fail"}
    ),
    "path": _failing({"input": {"files": {"path": "in/${secret.db/password}/*.csv"}}}),
    "format": _failing({"input": {"files": {"path": "x.csv", "format": "${secret.db/password}"}}}),
    "output": _failing(
        {"output": {"duckdb": {"path": "lyftnb.toml/${secret.db/password}", "table": "t"}}}
    ),
    "python": _failing(_raising("raise RuntimeError(f'no way in with {key}')")),
    "chained": _failing(
        _raising(
            "import logging, pathlib\n"
            "    logging.getLogger('driver').warning('trying %s', key)\n"
            "    try:\n"
            "        pathlib.Path('/nowhere/' + key).read_text()\n"
            "    except OSError as error:\n"
            "        raise LookupError(key) from error"
        )
    ),
    "encoded": _failing(
        _raising(
            "import base64\n"
            "    from urllib.parse import quote\n"
            "    basic = base64.b64encode(f'user:{key}!'.encode())\n"
            "    raise ValueError(basic, quote(key, safe=''))"
        )
    ),
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's home, and a workspace in it to work in."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "ws"
    folder.mkdir()
    (folder / "lyftnb.toml").write_text("[groups.default]\nworkers = 1\n")
    monkeypatch.chdir(folder)
    yield folder
    ended(folder)


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """Every log record of this process, formatted, whatever its level."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler = Keep(logging.DEBUG)
    logger = logging.getLogger()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield lines
    logger.removeHandler(handler)
    logger.setLevel(level)


Surfaces = dict[str, str]


def _cli(surfaces: Surfaces, *words: str, given: str | None = None) -> None:
    done = CliRunner().invoke(app, words, input=given)
    surfaces[" ".join(words)] = f"{done.stdout}{done.stderr}{done.exception!r}"


def _shown(surfaces: Surfaces, label: str, call: Callable[[], Any]) -> Any:
    """What a call gives, in all its words; or the error with all that led to it."""
    try:
        value = call()
    except LyftError as error:
        trail: BaseException | None = error
        words = [repr(error.facts), *error._render_traceback_()]
        while trail is not None:
            words += [str(trail), repr(trail), repr(vars(trail))]
            trail = trail.__cause__ or trail.__context__
        surfaces[label] = "\n".join(words)
        return None
    as_html = value._repr_html_() if hasattr(value, "_repr_html_") else ""
    surfaces[label] = f"{value!r}\n{value}\n{as_html}"
    return value


def _workflow(name: str, steps: dict[str, Any]) -> ln.Workflow:
    channels = {"leaked": {"transport": "spool"}, "used": {"transport": "spool"}}
    return ln.Workflow.from_dict(
        {"workflow": name, "steps": steps, "channels": channels if "make" in steps else {}}
    )


def _search(text: str, where: str) -> None:
    found = [form for form in FORMS if form in text]
    assert not found, f"{where} shows {found}: {text[:2000]}"


def test_a_planted_secret_shows_nowhere(
    home: Path, logged: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    surfaces: Surfaces = {}
    _cli(surfaces, "secret", "set", NAME, given=PLANTED + "\n")
    sent: list[bytes] = []
    with ln.open(home) as ws:
        _use(ws, surfaces, sent)
        for name in ("leak_rejects", "used"):
            surfaces[f"spool {name}"] = json.dumps(
                ws.spool(name).scan().collect().to_dicts(), default=str
            )
        reasons = ws.spool("leak_rejects").scan().collect()
        assert reasons.height == 2
        assert "refused ${secret.db/password" in reasons["reason"][0]
        assert "${secret.db/password" in reasons["_row"][0]
        for view in STATE_VIEWS:
            rows = query(ws._ledger, f"FROM lyftnb.{view}").to_dicts()
            surfaces[f"lyftnb.{view}"] = json.dumps(rows, default=str)
    _after(surfaces)
    ended(home)  # the manager that `apply` has started
    surfaces["terminal"] = "".join(capfd.readouterr())
    surfaces["log"] = "\n".join(logged)
    surfaces["tasks"] = b"".join(sent).decode("latin-1")
    for where, text in surfaces.items():
        _search(text, where)
    files = [file for file in home.rglob("*") if file.is_file() and "out" not in file.parts]
    assert home / ".lyftnb" / "ledger.duckdb" in files
    for file in files:
        _search(file.read_bytes().decode("latin-1"), str(file))
        _search(str(file), "the name of a file")
    # The one place where it is to be: where the user has an output write it.
    assert any({"id": 1, "run": "good_draft-1"}.items() <= row.items() for row in _written(home))


def _use(ws: ln.Workspace, surfaces: Surfaces, sent: list[bytes]) -> None:
    """Run what works and what fails, and note all that comes of it."""
    _shown(surfaces, "secrets", lambda: ws.secrets)
    good = _workflow("good", STEPS)
    assert not [p for p in ws.validate(good) if p.severity == "error"]
    good.save(ws.path / "good.workflow.yaml")
    _shown(surfaces, "publish", lambda: ws.publish(good))
    _shown(surfaces, "plan", lambda: ws.plan(good))
    surfaces["plan, pickled"] = pickle.dumps(ws.plan(good)).decode("latin-1")
    traced = _shown(surfaces, "trace", lambda: ws.trace(good))
    brewed = traced.step("brew")[-1]
    assert brewed.rows["token"][0] == "Basic ${secret.db/password}1"
    _record_tasks(ws, sent)
    summary = _shown(surfaces, "run", lambda: ws.run(good))
    assert summary.status == "done"
    assert sent, "no task was seen"
    for label, steps in FAILING.items():
        bad = _workflow(label, steps)
        _shown(surfaces, f"{label}: validate", lambda bad=bad: ws.validate(bad))
        _shown(surfaces, f"{label}: trace", lambda bad=bad: ws.trace(bad))
        _shown(surfaces, f"{label}: run", lambda bad=bad: ws.run(bad))
        bad.save(ws.path / f"{label}.workflow.yaml")
    assert "${secret.db/password" in surfaces["python: run"]
    assert "${secret.db/password" in surfaces["chained: trace"]
    assert "${secret.db/password|part}" in surfaces["encoded: run"]


def _record_tasks(ws: ln.Workspace, sent: list[bytes]) -> None:
    """Keep what each task is sent with."""
    cluster = ws._compute._up()
    submit = cluster.client.submit

    def recorded(*args: Any, **kwargs: Any) -> Any:
        sent.append(pickle.dumps([a for a in args if not hasattr(a, "cancel")]))
        return submit(*args, **kwargs)

    cluster.client.submit = recorded


def _after(surfaces: Surfaces) -> None:
    """Every command that shows something."""
    for words in (
        ("secret", "ls"),
        ("secret", "ls", "--json"),
        ("validate", "good.workflow.yaml", "--json"),
        ("plan", "good.workflow.yaml", "--json"),
        ("publish", "good.workflow.yaml"),
        ("apply", "good", "--yes"),
        ("history", "good", "--json"),
        ("deployments", "--json"),
        ("audit", "--json"),
        ("trace", "good.workflow.yaml"),
        ("trace", "good.workflow.yaml", "--json"),
        ("--debug", "run", "chained.workflow.yaml"),
        ("run", "python.workflow.yaml", "--json"),
        ("context", "explain", "good.workflow.yaml"),
        ("versions",),
        ("spool", "ls", "--all"),
        ("spool", "show", "leak_rejects"),
        ("doctor",),
    ):
        _cli(surfaces, *words)


def _written(home: Path) -> list[dict[str, Any]]:
    files = (home / "out" / PLANTED).rglob("*.ndjson")
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]
