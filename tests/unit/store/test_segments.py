"""Staging and reading segments: what is written comes back, in order, in the spool's columns."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from lyftnb.dtypes import from_text, to_schema, to_stored, to_text
from lyftnb.errors import SegmentDamaged, SegmentMissing, StorageFull, WorkflowError
from lyftnb.model import Schema, SegmentRef, SpoolSpec, StagedSegment, united
from lyftnb.store import cut, scan, write_segments
from lyftnb.store.partitions import event_range

ORIGIN = {"batch": "d/s/1", "attempt": 1, "task": "s", "split": 0}
SPEC = SpoolSpec("d.c")


def refs(staged: tuple[StagedSegment, ...], first_seq: int = 0) -> list[SegmentRef]:
    """Staged segments as a reader would see them, once committed."""
    found = []
    for segment in staged:
        found.append(
            SegmentRef(segment.path, segment.rows, segment.bytes, first_seq, segment.schema)
        )
        first_seq += segment.rows
    return found


def everything() -> pl.DataFrame:
    """A column of every type that a spool can hold."""
    zoned = datetime(2026, 5, 1, 12, tzinfo=UTC)
    columns = {
        "truth": pl.Series([True, None]),
        "tiny": pl.Series([1, None], dtype=pl.Int8),
        "huge": pl.Series([2**63, None], dtype=pl.UInt64),
        "real": pl.Series([0.5, None], dtype=pl.Float32),
        "text": pl.Series(["a", None]),
        "kind": pl.Series(["a", None], dtype=pl.Categorical),
        "raw": pl.Series([b"a", None]),
        "day": pl.Series([date(2026, 5, 1), None]),
        "hour": pl.Series([time(12), None]),
        "span": pl.Series([timedelta(hours=1), None]),
        "local": pl.Series([datetime(2026, 5, 1), None], dtype=pl.Datetime("ns")),
        "zoned": pl.Series([zoned, None]).dt.convert_time_zone("Europe/Berlin"),
        "money": pl.Series([Decimal("1.20"), None], dtype=pl.Decimal(12, 2)),
        "list": pl.Series([[1, 2], None]),
        "struct": pl.Series([{"a b": 1, 'q"': ["x"]}, None]),
        "nothing": pl.Series([None, None]),
    }
    return pl.DataFrame(columns)


def test_every_type_comes_back_as_it_went(tmp_path: Path) -> None:
    frame = everything()
    staged = write_segments(frame, tmp_path, SPEC, **ORIGIN)
    expected = to_stored(frame)
    assert_frame_equal(scan(refs(staged), to_schema(frame.schema), tmp_path).collect(), expected)
    for dtype in expected.dtypes:
        assert from_text(to_text(dtype)) == dtype


def test_an_empty_frame_is_no_segment(tmp_path: Path) -> None:
    assert write_segments(pl.DataFrame({"x": []}), tmp_path, SPEC, **ORIGIN) == ()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("partition", "labels"),
    [
        ("1h", ["2026-05-01T10:00", "(null)", "2026-05-02T00:00"]),
        ("1d", ["2026-05-01", "(null)", "2026-05-02"]),
        ("1w", ["2026-04-27", "(null)"]),
        ("1mo", ["2026-05-01", "(null)"]),
        ("origin", ["JFK", "(null)", "LGA"]),
    ],
)
def test_rows_go_to_their_partition(tmp_path: Path, partition: str, labels: list[str]) -> None:
    at = [datetime(2026, 5, 1, 10, 30), None, datetime(2026, 5, 2)]
    frame = pl.DataFrame({"at": at, "origin": ["JFK", None, "LGA"]})
    spec = SpoolSpec("d.c", event_time="at", partition=partition)
    staged = write_segments(frame, tmp_path, spec, **ORIGIN)
    assert [segment.partition for segment in staged] == labels
    assert staged[0].event_min == datetime(2026, 5, 1, 10, 30, tzinfo=UTC)
    assert [segment.order for segment in staged] == [(0, i) for i in range(len(labels))]
    assert sum(segment.rows for segment in staged) == 3


def test_a_zoned_event_time_is_cut_in_utc(tmp_path: Path) -> None:
    at = pl.Series([datetime(2026, 5, 1, 23, 30, tzinfo=UTC)]).dt.convert_time_zone("Asia/Tokyo")
    spec = SpoolSpec("d.c", event_time="at", partition="1d")
    (segment,) = write_segments(pl.DataFrame({"at": at}), tmp_path, spec, **ORIGIN)
    assert segment.partition == "2026-05-01"


def test_an_event_time_that_is_no_time_says_what_to_do(tmp_path: Path) -> None:
    spec = SpoolSpec("d.c", event_time="at", partition="1d")
    with pytest.raises(WorkflowError, match="not a time"):
        write_segments(pl.DataFrame({"at": ["monday"]}), tmp_path, spec, **ORIGIN)
    with pytest.raises(WorkflowError, match="names no event_time"):
        spec = SpoolSpec("d.c", partition="1d")
        write_segments(pl.DataFrame({"at": [1]}), tmp_path, spec, **ORIGIN)


def test_a_given_partition_labels_all_rows(tmp_path: Path) -> None:
    frame = pl.DataFrame({"x": [1]})
    (segment,) = write_segments(frame, tmp_path, SPEC, **ORIGIN, partition="2026-05-01")
    assert segment.partition == "2026-05-01"


def test_a_task_that_runs_twice_writes_two_files(tmp_path: Path) -> None:
    frame = pl.DataFrame({"x": [1]})
    paths = {write_segments(frame, tmp_path, SPEC, **ORIGIN)[0].path for _ in range(2)}
    assert len(paths) == 2


def test_a_large_frame_becomes_several_segments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lyftnb.store.segments._SEGMENT_BYTES", 100)
    frame = pl.DataFrame({"x": range(40)})
    staged = write_segments(frame, tmp_path, SPEC, **ORIGIN)
    assert len(staged) == 4
    assert_frame_equal(scan(refs(staged), to_schema(frame.schema), tmp_path).collect(), frame)


def test_a_full_disk_is_an_error_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageFull, match="No space left"):
        write_segments(pl.DataFrame({"x": [1]}), tmp_path, SPEC, **ORIGIN)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs Linux's /dev/full")
@pytest.mark.parametrize("rows", [1, 200_000])
def test_a_disk_that_fills_while_a_segment_is_encoded_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """Of a segment that is one write, and of one that Polars writes piece by piece."""
    full = open("/dev/full", "wb", buffering=0)  # noqa: SIM115 (the writer closes it)
    monkeypatch.setattr(Path, "open", lambda *_, **__: full)
    with pytest.raises(StorageFull, match="No space left"):
        write_segments(pl.DataFrame({"x": range(rows)}), tmp_path, SPEC, **ORIGIN)
    assert full.closed


def test_a_missing_or_damaged_file_is_named_not_skipped(tmp_path: Path) -> None:
    (segment,) = refs(write_segments(pl.DataFrame({"x": [1]}), tmp_path, SPEC, **ORIGIN))
    file = tmp_path / segment.path
    content = file.read_bytes()
    for damaged in (content[:-1], content[:-4] + b"junk"):
        file.write_bytes(damaged)
        with pytest.raises(SegmentDamaged, match=segment.path):
            scan([segment], segment.schema, tmp_path)
    file.unlink()
    with pytest.raises(SegmentMissing, match=segment.path):
        scan([segment], segment.schema, tmp_path)


def test_older_segments_are_read_in_the_present_schema(tmp_path: Path) -> None:
    frames = [
        pl.DataFrame({"a": [1], "s": [{"p": 1}]}, schema_overrides={"a": pl.Int16}),
        pl.DataFrame({"b": ["x"], "a": [None]}),
        pl.DataFrame({"a": [0.5], "s": [{"p": 2, "q": "y"}]}),
    ]
    staged = [write_segments(f, tmp_path, SPEC, **{**ORIGIN, "split": i}) for i, f in
              enumerate(frames)]  # fmt: skip
    schema = Schema()
    for frame in frames:
        schema, clashes = united(schema, to_schema(frame.schema))
        assert not clashes
    found = scan(refs(sum(staged, ())), schema, tmp_path).collect().to_dicts()
    assert found == [
        {"a": 1.0, "s": {"p": 1, "q": None}, "b": None},
        {"a": None, "s": None, "b": "x"},
        {"a": 0.5, "s": {"p": 2, "q": "y"}, "b": None},
    ]


def test_filters_and_columns_reach_the_files(tmp_path: Path) -> None:
    frame = pl.DataFrame({"x": range(10), "y": range(10)})
    segments = refs(write_segments(frame, tmp_path, SPEC, **ORIGIN))
    plan = (
        scan(segments, to_schema(frame.schema), tmp_path)
        .filter(pl.col("x") > 3)
        .select("x")
        .explain()
    )
    assert "SELECTION" in plan and "PROJECT 1/2" in plan


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    gap=st.integers(0, 3),
    data=st.data(),
)
def test_a_range_gives_exactly_its_rows_with_their_numbers(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], gap: int, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("spool")
    segments, first = [], 0
    for split, size in enumerate(sizes):
        frame = pl.DataFrame({"x": range(first, first + size)})
        segments += refs(write_segments(frame, root, SPEC, **{**ORIGIN, "split": split}), first)
        first += size + gap
    since = data.draw(st.integers(0, first))
    until = data.draw(st.integers(since, first))
    pieces = [cut(s, since, until) for s in segments]
    pieces = [piece for piece in pieces if piece.rows]
    found = scan(pieces, Schema.from_mapping({"x": "BIGINT"}), root, seq=True).collect()
    due = [x for s in segments for x in range(s.first_seq, s.first_seq + s.rows)]
    assert found["x"].to_list() == [x for x in due if since <= x < until]
    assert found["_seq"].to_list() == found["x"].to_list()


def test_an_event_time_beyond_the_year_9999_ends_the_range_there() -> None:
    last = pl.Series([datetime(9999, 12, 31, 23)]).dt.cast_time_unit("us")
    frame = pl.DataFrame({"at": last.dt.offset_by("1h")})
    spec = SpoolSpec(spool="d.c", event_time="at")
    assert event_range(frame, spec) == (datetime.max.replace(tzinfo=UTC),) * 2
