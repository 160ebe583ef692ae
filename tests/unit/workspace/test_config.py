"""Settings: what may stand in lyftnb.toml, and how wrong ones are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from lyftnb.errors import ConfigError
from lyftnb.workspace import config
from lyftnb.workspace.config import Config, WorkerRange

FOUR = WorkerRange(min=4, max=4)


def test_a_folder_without_a_file_has_one_group_with_a_worker_for_each_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config.os, "cpu_count", lambda: 16)
    groups = Config.load(tmp_path, environ={}).groups
    assert list(groups) == ["default"]
    assert (groups["default"].workers, groups["default"].threads) == (FOUR, 1)


def test_every_section_is_read(tmp_path: Path) -> None:
    (tmp_path / "lyftnb.toml").write_text(
        '[groups.etl]\nworkers = 2\nthreads = 3\nmemory = "1.5GiB"\n'
        '[cluster]\nscheduler = "tcp://10.0.0.5:8786"\nstart_timeout = "2m"\n'
        '[storage]\nroot = "/data/spools"\n'
        '[batch]\nsplit_bytes = "1MiB"\nbatch_rows = 10\n'
        "[limits]\nmemory = 1000\n"
    )
    found = Config.load(tmp_path, environ={})
    assert found.groups["etl"].memory == 1610612736
    assert found.cluster.scheduler == "tcp://10.0.0.5:8786"
    assert found.cluster.start_timeout == 120.0
    assert found.storage.root == "/data/spools"
    assert (found.batch.split_bytes, found.batch.batch_rows) == (2**20, 10)
    assert found.limits.memory == 1000


WRONG = [
    ("[groups.etl]\nworkrs = 2", "lyftnb.toml:2", "unknown key 'groups.etl.workrs'", "'workers'"),
    ("\n\n[grops.etl]\nworkers = 2", "lyftnb.toml:3", "unknown key 'grops'", "'groups'"),
    ("batch = 3", "lyftnb.toml:1", "'batch' is a section", "[batch]"),
    ("[groups]\nEtl = {workers = 1}", "lyftnb.toml:2", "'Etl' is no name", "small letters"),
    ("[batch]\nsplit_bytes = '16 potatoes'", "lyftnb.toml:2", "is not a size", ""),
    ("[cluster]\nscheduler = 'here'", "lyftnb.toml:2", "tcp://10.0.0.5:8786", ""),
    ("[groups.etl]\nworkers = -1", "lyftnb.toml:2", "a number of workers, or a range", ""),
    ("[groups.etl]\nworkers = {min = 2, max = 1}", "lyftnb.toml:2", "no range of workers", ""),
    ("[groups.etl]\nworkers = {min = 0, max = 1}", "lyftnb.toml:2", "min of at least 1", ""),
    ("[groups.etl]\nworkers = {most = 3}", "lyftnb.toml:2", "unknown key", "max"),
    ("[cluster]\nclass = 'KubeCluster'", "lyftnb.toml:2", "import path", ""),
    ("[cluster]\nclas = 'a.B'", "lyftnb.toml:2", "unknown key 'cluster.clas'", "'class'"),
    ("[cluster]\nworkers = 2", "lyftnb.toml:1", "are for a `class`", ""),
    ("[groups]", "lyftnb.toml:1", "groups", ""),
    ("a = = 3", "lyftnb.toml:1", "not valid TOML", "key = value"),
]


@pytest.mark.parametrize(("text", "place", "message", "hint"), WRONG)
def test_a_wrong_setting_is_named_with_its_line(
    text: str, place: str, message: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_toml(text)
    assert caught.value.where == place
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_all_wrong_settings_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_toml("[batch]\nrows = 1\n[limits]\nmemroy = 1\n")
    assert "lyftnb.toml:2: unknown key 'batch.rows'" in str(caught.value)
    assert "lyftnb.toml:4: unknown key 'limits.memroy' (did you mean 'memory'?)" in str(
        caught.value
    )


def test_the_environment_overrides_the_file() -> None:
    environ = {"LYFTNB_GROUPS__ETL__WORKERS": "4", "LYFTNB_BATCH__SPLIT_BYTES": "2MiB"}
    found = Config.from_toml("[groups.etl]\nworkers = 2\nthreads = 2", environ=environ)
    assert (found.groups["etl"].workers, found.groups["etl"].threads) == (FOUR, 2)
    assert found.batch.split_bytes == 2**21


@pytest.mark.parametrize(
    ("variable", "value"),
    [("LYFTNB_GROUPS__ETL__WORKERS", "many"), ("LYFTNB_BATCH__SPLIT", "1"), ("LYFTNB_A__B", "1")],
)
def test_a_wrong_variable_is_named(variable: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_toml("", environ={variable: value})
    assert caught.value.where == f"environment variable {variable}"
