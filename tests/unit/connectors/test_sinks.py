"""Outputs: nothing shows before publishing, all of it once after, whatever was killed between."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import polars as pl
import pytest

from lyftnb.connectors.base import SinkEnv
from lyftnb.connectors.registry import SINKS
from lyftnb.errors import BadData, StorageError, StorageFull, Temporary

FRAME = pl.DataFrame({"k": ["a", "b", None, "a/x"], "v": [1, 2, 3, 4]})
FILES = {
    "parquet": {"path": "out"},
    "csv": {"path": "out"},
    "ndjson": {"path": "out"},
}
TARGETS = {**FILES, "duckdb": {"path": "out/d.duckdb", "table": "t"}}


def env(folder: Path, **kw: object) -> SinkEnv:
    fields = {"batch": "dep/stage/3", "attempt": 1, "step": "write", "group": "g", "split": 0}
    return SinkEnv(**{**fields, "base_path": folder, **kw})


def stage(kind: str, folder: Path, frame: pl.DataFrame = FRAME, **kw: object):
    sink = SINKS[kind]
    return sink.stage(sink.parse(TARGETS[kind]), [frame], env(folder, **kw))


def published(kind: str, folder: Path) -> list[tuple[object, ...]]:
    """What an outsider sees."""
    out = folder / "out"
    if kind == "duckdb":
        with duckdb.connect(str(out / "d.duckdb")) as connection:
            try:
                return sorted(connection.sql("select v from t").fetchall())
            except duckdb.CatalogException:
                return []
    read = {"parquet": pl.read_parquet, "csv": pl.read_csv, "ndjson": pl.read_ndjson}[kind]
    frames = [read(file) for file in sorted(out.glob("[!.]*"))]
    return sorted(row for frame in frames for row in frame.select("v").rows())


ALL = [(1,), (2,), (3,), (4,)]


@pytest.mark.parametrize("kind", TARGETS)
def test_staged_rows_show_only_when_published_and_then_once(tmp_path, kind):
    publications = stage(kind, tmp_path)
    assert published(kind, tmp_path) == []
    for _ in range(3):
        for publication in publications:
            SINKS[kind].publish(publication)
    assert published(kind, tmp_path) == ALL
    assert not list(tmp_path.rglob(".lyftnb-*"))


@pytest.mark.parametrize("kind", TARGETS)
def test_attempts_that_never_commit_leave_nothing(tmp_path, kind):
    (lost,) = stage(kind, tmp_path)
    (kept,) = stage(kind, tmp_path, attempt=2)
    assert lost.id == kept.id
    SINKS[kind].publish(kept)
    assert published(kind, tmp_path) == ALL
    assert not list(tmp_path.rglob(".lyftnb-*"))


@pytest.mark.parametrize("kind", TARGETS)
def test_a_staged_file_that_is_gone_is_told(tmp_path, kind):
    (publication,) = stage(kind, tmp_path)
    Path(publication.payload["staged"]).unlink()
    with pytest.raises(StorageError, match="gone"):
        SINKS[kind].publish(publication)


@pytest.mark.parametrize("kind", [*TARGETS, "print", "discard"])
def test_no_rows_publish_nothing(tmp_path, kind):
    sink = SINKS[kind]
    params = sink.parse(TARGETS.get(kind, {}))
    assert sink.stage(params, [FRAME.clear()], env(tmp_path)) == ()
    assert not list(tmp_path.iterdir())


# The child kills itself on the n-th call of a function that has effects.
KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[4])
import test_sinks as tests
from itertools import pairwise
from pathlib import Path
from lyftnb.connectors import duckdb_table, publishing
at = int(sys.argv[3])
def counted(owner, name):
    real = getattr(owner, name)
    def call(*args, **kw):
        global at
        at -= 1
        if at < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kw)
    setattr(owner, name, call)
for owner, name in [(publishing, "_sync"), (publishing.os, "rename"), (duckdb_table, "_is_new"),
                    (duckdb_table, "_append"), (duckdb_table, "remove_staged")]:
    counted(owner, name)
kind, folder = sys.argv[1], Path(sys.argv[2])
for publication in tests.stage(kind, folder):
    (folder / "listed").write_text(repr((publication.id, publication.payload)))
    tests.SINKS[kind].publish(publication)
"""


@pytest.mark.crash
@pytest.mark.parametrize("kind", ["parquet", "duckdb"])
def test_killed_anywhere_and_repeated_the_rows_are_there_once(tmp_path, kind):
    died = 0
    for at in (0, 2, 3, 4, 5):
        folder = tmp_path / str(at)
        folder.mkdir()
        arguments = [kind, str(folder), str(at), str(Path(__file__).parent)]
        child = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
        died += child.returncode == -signal.SIGKILL
        listed = folder / "listed"
        if not listed.exists():  # staged at most: the batch is tried again
            (publication,) = stage(kind, folder, attempt=2)
        else:
            stage(kind, folder, attempt=2)
            name, payload = eval(listed.read_text())
            publication = type(publication)(name, "write", kind, "g", payload)
        SINKS[kind].publish(publication)
        SINKS[kind].publish(publication)
        assert published(kind, folder) == ALL
    assert died >= 4


def test_partitions_become_folders(tmp_path):
    sink = SINKS["parquet"]
    params = sink.parse({"path": "out", "partition_by": "k", "compression": "lz4"})
    for publication in sink.stage(params, [FRAME], env(tmp_path)):
        sink.publish(publication)
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "k=a",
        "k=b",
        "k=a%2Fx",
        "k=__HIVE_DEFAULT_PARTITION__",
    }
    back = pl.scan_parquet(tmp_path / "out/**/*.parquet", hive_partitioning=True).collect()
    assert back.sort("v").select("k", "v").equals(FRAME)
    with pytest.raises(BadData, match="'nope'"):
        sink.stage(sink.parse({"path": "out", "partition_by": "nope"}), [FRAME], env(tmp_path))


def test_csv_refuses_nested_columns(tmp_path):
    with pytest.raises(BadData, match="'n' is nested"):
        stage("csv", tmp_path, pl.DataFrame({"n": [[1]]}))


def test_a_table_takes_new_columns_and_refuses_what_does_not_fit(tmp_path):
    def publish(frame: pl.DataFrame, number: int) -> None:
        (publication,) = stage("duckdb", tmp_path, frame, batch=f"dep/stage/{number}")
        SINKS["duckdb"].publish(publication)

    publish(FRAME, 1)
    publish(pl.DataFrame({"v": [5], "new": ["x"]}), 2)
    with pytest.raises(BadData, match="do not fit the table 't'"):
        publish(pl.DataFrame({"v": ["no number"]}), 3)
    with duckdb.connect(str(tmp_path / "out/d.duckdb")) as connection:
        assert connection.sql("select k, v, new from t where v >= 4 order by v").fetchall() == [
            ("a/x", 4, None),
            (None, 5, "x"),
        ]


def into_table(folder: Path, *frames: pl.DataFrame) -> list[tuple[object, ...]]:
    """The rows and the type of the only column, after one batch of each frame."""
    for number, frame in enumerate(frames):
        (publication,) = stage("duckdb", folder, frame, batch=f"dep/stage/{number}")
        SINKS["duckdb"].publish(publication)
    with duckdb.connect(str(folder / "out/d.duckdb")) as connection:
        found = connection.sql("from t")
        return [(str(found.types[0]),), *found.fetchall()]


@pytest.mark.parametrize(
    ("first", "then", "kind"),
    [
        ([1], [1.5], "DOUBLE"),
        ([None], ["x"], "VARCHAR"),
        ([[]], [["x"]], "VARCHAR[]"),
        ([{"x": 1}], [{"x": 1, "y": 2}], "STRUCT(x BIGINT, y BIGINT)"),
        ([timedelta(days=1)], [timedelta(microseconds=-1)], "INTERVAL"),
        (pl.Series([2**127 - 1], dtype=pl.Int128), [1], "HUGEINT"),
        (pl.Series([[2**100]], dtype=pl.List(pl.Int128)), [[1]], "HUGEINT[]"),
    ],
    ids=str,
)
def test_a_table_holds_the_values_as_they_are(tmp_path, first, then, kind):
    frames = [pl.DataFrame({"v": values}) for values in (first, then)]
    told, *rows = into_table(tmp_path, *frames)
    assert told == (kind,)
    values = [row[0] for row in rows]
    if kind.startswith("STRUCT"):
        assert values == [{"x": 1, "y": None}, {"x": 1, "y": 2}]
    else:
        assert values == [value for frame in frames for value in frame["v"].to_list()]


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        ([date(2026, 1, 1)], [datetime(2026, 1, 1, 5)], "cannot hold 2026-01-01 05:00:00"),
        ([True], [5], "is BOOLEAN, which cannot hold 5"),
    ],
    ids=str,
)
def test_a_table_is_not_given_what_it_would_change(tmp_path, first, then, said):
    frames = [pl.DataFrame({"v": values}) for values in (first, then)]
    with pytest.raises(BadData, match=said) as caught:
        into_table(tmp_path, *frames)
    assert caught.value.hint.startswith('alter table "t" alter "v" type ')
    assert into_table(tmp_path)[1:] == [(first[0],)]


def test_names_that_differ_in_case_only_are_one_name_to_duckdb(tmp_path):
    with pytest.raises(BadData, match="'v' and 'V' have one name"):
        into_table(tmp_path, pl.DataFrame({"v": [1], "V": [2]}))


def test_huge_numbers_are_numbers_to_others_who_read_parquet(tmp_path):
    huge = pl.Series("v", [10**37, None], dtype=pl.Int128)
    for publication in stage("parquet", tmp_path, pl.DataFrame({"v": huge, "n": [[1], []]})):
        SINKS["parquet"].publish(publication)
    found = duckdb.sql(f"select v from read_parquet('{tmp_path}/out/*.parquet')")
    assert found.fetchall() == [(10**37,), (None,)]
    with pytest.raises(BadData, match="more than 38 digits"):
        stage("parquet", tmp_path, pl.DataFrame({"v": pl.Series([10**38], dtype=pl.Int128)}))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("ndjson", '{"b":"eP8=","d":"PT1S","n":[{"b":"eQ=="}]}\n'),
        ("csv", "b,d\neP8=,PT1S\n"),
    ],
)
def test_bytes_and_durations_are_text_in_text_files(tmp_path, kind, text):
    frame = pl.DataFrame({"b": [b"x\xff"], "d": [timedelta(seconds=1)], "n": [[{"b": b"y"}]]})
    for publication in stage(kind, tmp_path, frame if kind == "ndjson" else frame.drop("n")):
        SINKS[kind].publish(publication)
    (file,) = (tmp_path / "out").glob("[!.]*")
    assert file.read_text() == text


@pytest.mark.parametrize("form", ["ndjson", "csv", "table"])
def test_bytes_can_be_printed(tmp_path, form):
    sink = SINKS["print"]
    frame = pl.DataFrame({"b": [b"x"]})
    (publication,) = sink.stage(sink.parse({"format": form}), [frame], env(tmp_path))
    assert ('b"x"' if form == "table" else "eA==") in sink.publish(publication)


def test_a_locked_database_is_a_temporary_failure(tmp_path):
    sink = SINKS["duckdb"]
    params = sink.parse({"path": "d.duckdb", "table": "t", "wait": 0})
    (publication,) = sink.stage(params, [FRAME], env(tmp_path))
    hold = "import duckdb,sys; c=duckdb.connect(sys.argv[1]); print('open',flush=True); input()"
    command = [sys.executable, "-c", hold, str(tmp_path / "d.duckdb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(Temporary, match="another process"):
            sink.publish(publication)
        holder.communicate(b"\n")
    sink.publish(publication)
    with duckdb.connect(str(tmp_path / "d.duckdb")) as connection:
        assert connection.sql("select count(*) from t").fetchall() == [(4,)]


@pytest.mark.parametrize("kind", TARGETS)
def test_rows_that_come_in_pieces_are_published_once_each(tmp_path, kind):
    sink = SINKS[kind]
    pieces = [FRAME.clear(), FRAME.head(1), FRAME.clear(), FRAME.slice(1)]
    publications = sink.stage(sink.parse(TARGETS[kind]), pieces, env(tmp_path))
    assert len({publication.id for publication in publications}) == len(publications)
    for publication in publications:
        sink.publish(publication)
    assert published(kind, tmp_path) == ALL


@pytest.mark.parametrize("compression", ["none", "gz", "zst"])
def test_a_csv_file_written_in_pieces_is_one_table(tmp_path, compression):
    sink = SINKS["csv"]
    params = sink.parse({"path": "out", "compression": compression})
    (publication,) = sink.stage(params, [FRAME.head(1), FRAME.slice(1)], env(tmp_path))
    sink.publish(publication)
    (file,) = (tmp_path / "out").glob("[!.]*")
    assert pl.read_csv(file)["v"].to_list() == FRAME["v"].to_list()


@pytest.mark.parametrize("cuts", [[0, 4], [0, 1, 4], [0, 3, 4]])
def test_print_gives_its_text_once_published(cuts):
    sink = SINKS["print"]
    pieces = [FRAME.slice(a, b - a) for a, b in pairwise(cuts)]
    (publication,) = sink.stage(sink.parse({"limit": 2}), pieces, env(Path(".")))
    text = sink.publish(publication)
    assert text is not None and "… and 2 rows more" in text


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs Linux's /dev/full")
@pytest.mark.parametrize("kind", FILES)
def test_a_full_disk_is_told_from_other_faults(tmp_path, kind):
    params = SINKS[kind].parse(FILES[kind])
    # Through a link: what is staged is removed again, and that must never be the device itself.
    staged = tmp_path / "staged"
    staged.symlink_to("/dev/full")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lyftnb.connectors.publishing._staged_path", lambda *_: staged)
        with pytest.raises(StorageFull, match="No space left"):
            SINKS[kind].stage(params, [FRAME], env(tmp_path))


def test_an_output_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="cannot be written"):
        stage("parquet", tmp_path)
