"""`${…}` on workers: in the parameters of inputs and outputs, for discovery too; secrets are bound
late, and only where a step names them.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lyftnb as ln
from lyftnb.engine.secrets import FRESH_S
from lyftnb.errors import InvalidWorkflow, LyftError, SetupError
from lyftnb.store.master_keys import VARIABLE
from lyftnb.store.remote import StateClient

KEY = "QUJD" * 10 + "QUI="


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ln.Workspace]:
    """A workspace of its own, whose master key is in the environment."""
    folder = tmp_path_factory.mktemp("secrets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, KEY)
        with ln.open(folder) as workspace:
            yield workspace


def _workflow(name: str, **steps: dict[str, Any]) -> ln.Workflow:
    spools = {step["out"]: {"transport": "spool"} for step in steps.values() if "out" in step}
    return ln.Workflow.from_dict({"workflow": name, "steps": steps, "channels": spools})


def _rows(ws: ln.Workspace, spool: str) -> list[dict[str, Any]]:
    return list(ws.spool(spool).scan().collect().to_dicts())


def test_parameters_are_filled_where_they_are_used(ws: ln.Workspace) -> None:
    for run in ("vars_draft-1", "vars_draft-2"):
        folder = ws.path / "in" / run
        folder.mkdir(parents=True)
        (folder / "x.csv").write_text(f"n\n{run[-1]}\n")
    wf = _workflow(
        "vars",
        read={"input": {"files": {"path": "in/${run.id}/*.csv"}}, "out": "rows"},
        make={
            "input": {"generate": {"rows": "${var.n || 3}", "columns": {"x": "sequence"}}},
            "out": "made",
        },
        keep={"in": "rows", "output": {"ndjson": {"path": "out/${run.id}"}}},
    )
    for count in (1, 2):
        ws.run(wf)
        assert [row["n"] for row in _rows(ws, "vars_draft.rows")] == list(range(1, count + 1))
    assert ws.spool("vars_draft.made").rows == 3
    written = {file.parent.name: file.read_text() for file in (ws.path / "out").rglob("*.ndjson")}
    assert {name: json.loads(text) for name, text in written.items()} == {
        "vars_draft-1": {"n": 1},
        "vars_draft-2": {"n": 2},
    }


def test_a_name_without_a_value_names_the_step(ws: ln.Workspace) -> None:
    wf = _workflow("novalue", read={"input": {"files": {"path": "${msg.path}"}}, "out": "rows"})
    with pytest.raises(LyftError, match=r"\$\{msg\.path\} has no value here") as failed:
        ws.run(wf)
    assert failed.value.where == "step 'read': input.files.path"
    text = {"generate": {"rows": "${run.id}", "columns": {"x": "sequence"}}}
    unfit = _workflow("unfit", read={"input": text, "out": "rows"})
    with pytest.raises(LyftError, match=r"input\.generate\.rows: .* a whole number") as failed:
        ws.run(unfit)
    wrong = _workflow("wrong", read={"input": {"generate": {"rows": "${rum.id}"}}, "out": "rows"})
    with pytest.raises(InvalidWorkflow, match="unknown_placeholder"):
        ws.run(wrong)


def test_a_rotation_takes_effect_without_a_restart(ws: ln.Workspace) -> None:
    ws.secrets.set("app/salt", "first-salt")
    wf = _workflow(
        "late",
        make={"input": {"files": {"path": "late/*.csv"}}, "out": "made"},
        salt={"in": "made", "actions": [{"derive": {"h": "md5(${secret.app/salt})"}}], "out": "h"},
        keep={"in": "h", "output": {"csv": {"path": "out/${secret.app/salt}"}}},
    )
    (ws.path / "late").mkdir()
    (ws.path / "late" / "1.csv").write_text("n\n1\n")
    ws.run(wf)
    pids = ws._compute.pids
    ws.secrets.rotate("app/salt", "second-salt")
    (ws.path / "late" / "2.csv").write_text("n\n2\n")
    # What a worker may still have is this old at most.
    time.sleep(FRESH_S)
    ws.run(wf)
    assert ws._compute.pids == pids
    for n, salt in (("1", "first-salt"), ("2", "second-salt")):
        [file] = (ws.path / "out" / salt).glob("*.csv")
        digest = hashlib.md5(salt.encode()).hexdigest()
        assert file.read_text().splitlines()[1:] == [f"{n},{digest}"]


def test_a_worker_has_only_what_its_steps_name(ws: ln.Workspace) -> None:
    ws.secrets.set("other/token", "not-for-everyone")
    source = (
        "import os\n"
        "def transform(lf, ctx):\n"
        "    import polars as pl\n"
        "    from lyftnb.errors import SetupError\n"
        "    try:\n"
        "        told = ctx.state._env.state.lent_secrets(['other/token'])\n"
        "    except SetupError as error:\n"
        "        told = error.message\n"
        "    return lf.with_columns(told=pl.lit(str(told)),\n"
        f"        key=pl.lit({VARIABLE!r} in os.environ), pid=pl.lit(os.getpid()))\n"
    )
    wf = _workflow(
        "curious",
        look={
            "input": {"inline": {"rows": [{"n": 1}]}},
            "actions": [{"python": source}],
            "out": "seen",
        },
    )
    ws.run(wf)
    [seen] = _rows(ws, "curious_draft.seen")
    assert "nothing that runs here names the secret other/token" in seen["told"]
    assert seen["key"] is False
    assert seen["pid"] != os.getpid()


def test_what_is_lent_ends_with_the_run(ws: ln.Workspace) -> None:
    ws.secrets.set("ended/token", "only-for-a-while")
    wf = _workflow(
        "ends",
        make={
            "input": {"inline": {"rows": [{"n": 1}]}},
            "actions": [{"derive": {"h": "md5(${secret.ended/token})"}}],
            "out": "made",
        },
    )
    ws.run(wf)
    with StateClient.of(ws.path / ".lyftnb") as client, pytest.raises(SetupError, match="names"):
        client.lent_secrets(["ended/token"])


def test_a_missing_secret_stops_the_run_before_it_starts(ws: ln.Workspace) -> None:
    wf = _workflow(
        "lacks", make={"input": {"inline": {"rows": [{"n": "${secret.no/such}"}]}}, "out": "made"}
    )
    assert [p.severity for p in ws.validate(wf) if p.code == "missing_secret"] == ["warning"]
    with pytest.raises(InvalidWorkflow, match="lyftnb secret set no/such"):
        ws.run(wf)


def test_files_are_found_again_although_their_path_is_secret(ws: ln.Workspace) -> None:
    ws.secrets.set("in/folder", "hidden-folder-name")
    folder = ws.path / "hidden-folder-name"
    folder.mkdir()
    (folder / "x.ndjson").write_text('{"n": 1}\n')
    wf = _workflow(
        "hidden", read={"input": {"files": {"path": "${secret.in/folder}/*.ndjson"}}, "out": "rows"}
    )
    ws.run(wf)
    with (folder / "x.ndjson").open("a") as file:
        file.write('{"n": 2}\n')
    ws.run(wf)
    assert _rows(ws, "hidden_draft.rows") == [{"n": 1}, {"n": 2}]
    positions = ws.sql("FROM lyftnb.positions").to_dicts()
    assert "hidden-folder-name" not in json.dumps(positions, default=str)


def test_the_folder_of_the_ledger_holds_no_value(ws: ln.Workspace) -> None:
    state = Path(ws.path) / ".lyftnb"
    for file in state.rglob("*"):
        if file.is_file():
            raw = file.read_bytes()
            assert b"not-for-everyone" not in raw
            assert KEY.encode() not in raw
