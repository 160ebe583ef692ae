"""What crosses between processes arrives as it was, over buffers that are not copied."""

import pickle
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from polars.testing.parametric import dataframes

from lyftnb.engine.parcels import Freight, lay_out, opened_once, packed, sealed, unpacked
from lyftnb.errors import StorageError, WorkflowError


def arrived(freight: Freight) -> dict[str, Any]:
    """What is unloaded after the way that Dask sends it."""
    buffers: list[pickle.PickleBuffer] = []
    sent = pickle.dumps(freight, 5, buffer_callback=buffers.append)
    rows: dict[str, Any] = pickle.loads(sent, buffers=[b.raw() for b in buffers]).unloaded()
    return rows


@given(
    st.lists(
        dataframes(
            max_cols=4,
            max_size=20,
            allowed_dtypes=[
                pl.Int64,
                pl.String,
                pl.List(pl.Boolean),
                pl.Int128,
                pl.List(pl.Int128),
            ],
        ),
        max_size=3,
    ),
    st.booleans(),
)
def test_tables_arrive_whole(
    tmp_path_factory: pytest.TempPathFactory, frames: list[pl.DataFrame], on_disk: bool
) -> None:
    folder = tmp_path_factory.mktemp("hops") if on_disk else None
    rows = {f"c{i}": packed(frame) for i, frame in enumerate(frames)}
    for i, one in enumerate(arrived(Freight.loaded(rows, folder)).values()):
        assert_frame_equal(unpacked(one), frames[i])


@pytest.mark.parametrize("text", ["few rows out of many, whose texts lie elsewhere", "short"])
def test_texts_of_rows_that_are_not_sent_stay_behind(text: str) -> None:
    frame = pl.DataFrame({"n": range(10_000)}).with_columns(t=pl.lit(text) + pl.col("n").cast(str))
    few = frame.filter(pl.col("n") % 500 == 0)
    freight = Freight.loaded({"c": packed(few)}, None)
    assert sum(freight.lengths) < 5_000
    assert_frame_equal(unpacked(arrived(freight)["c"]), few)


def test_on_disk_no_rows_travel(tmp_path: Path) -> None:
    table = pl.DataFrame({"n": range(100_000)}).to_arrow()
    freight = Freight.loaded({"c": table}, tmp_path)
    assert len(pickle.dumps(freight)) < 2_000
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) >= table.nbytes


def test_a_folder_that_cannot_be_written_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "hops").write_text("not a folder")
    with pytest.raises(StorageError, match="rows on their way to another group"):
        lay_out(tmp_path / "hops" / "0")


def test_who_writes_when_the_folder_is_gone_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="rows on their way to another group"):
        Freight.loaded({}, tmp_path / "hops" / "0")
    assert not list(tmp_path.iterdir())


def test_python_objects_do_not_cross_as_addresses() -> None:
    frame = pl.DataFrame({"o": pl.Series([object()], dtype=pl.Object)})
    with pytest.raises(WorkflowError, match="column 'o' has Python objects"):
        packed(frame)


def test_what_many_are_sent_is_opened_once() -> None:
    parcel = sealed({"a": [1]})
    assert opened_once(parcel) is opened_once(bytes(parcel))
