"""What a stage has yet to read: every row once, however it is cut."""

from __future__ import annotations

import math

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from manager_kit import claim_next, fill, planned, run_of

from lyftnb.clock import ManualClock
from lyftnb.manager.claims import misfit
from lyftnb.manager.feeds import Pace
from lyftnb.store import Ledger
from tests.ledger_kit import blank


@given(
    waves=st.lists(st.lists(st.integers(1, 9), max_size=5), max_size=4),
    rows=st.integers(1, 20),
    size=st.integers(10, 200),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_row_once_and_in_order(
    tmp_path_factory: object, waves: list[list[int]], rows: int, size: int
) -> None:
    folder = tmp_path_factory.mktemp("feed")  # type: ignore[attr-defined]
    with Ledger.open(blank(folder), ManualClock()) as ledger:
        plan = planned()
        run = run_of(ledger, plan, batch_rows=rows, batch_bytes=size)
        seen = 0
        for wave in waves:
            fill(ledger, *wave)
            while not run.feed.drained:
                claim = claim_next(ledger, run)
                segments = [s for split in claim.splits for s in split.segments]
                assert len(segments) == 1 or sum(s.rows for s in segments) <= rows
                assert [a.expected for a in claim.advances] == [run.next_number - 1]
                run.next_number += 1
                for segment in segments:
                    assert segment.first_seq == seen
                    seen += segment.rows
        assert seen == sum(map(sum, waves)) and run.feed.next_piece() is None


def test_batches_are_cut_to_a_time_of_the_slots_there_are() -> None:
    slots = 2
    pace = Pace(lambda: slots, aim_s=0.25)
    assert pace.splits == math.inf, "nothing is known yet: bytes and rows alone bound it"
    pace.learn(splits=4, seconds=0.2)
    assert pace.splits == 10
    slots = 4
    assert pace.splits == 20
    pace.learn(splits=1, seconds=100.0)
    assert pace.splits == 4, "however long they take, no slot is to be idle"
    slots = 0
    assert pace.splits == 1, "the group's workers are gone for now"


def test_where_others_wait_the_first_and_the_last_batches_are_smaller() -> None:
    pace = Pace(lambda: 2, aim_s=1.0, fed=True)
    pace.learn(splits=1, seconds=0.25)
    left, sizes = 30, []
    while left:
        sizes.append(min(left, int(pace.most(left))))
        pace.took(sizes[-1])
        left -= sizes[-1]
    assert sizes == [2, 6, 8, 8, 4, 2]


def test_an_open_claim_fits_the_same_stage_only(ledger: Ledger) -> None:
    plan = planned()
    fill(ledger, 3)
    claim = claim_next(ledger, run_of(ledger, plan))

    def why(work: dict[str, object]) -> str | None:
        edited = planned(work)
        run = run_of(ledger, edited)
        return misfit(claim, edited, run.stage, run.feed.places)

    assert why({}) is None
    assert why({"actions": [{"filter": "n > 0"}]}) is None, "other actions read the same input"
    assert "frame 'batch'" in str(why({"frame": "run"}))
    assert "reads 'raw'" in str(why({"in": {"other_name": "raw"}}))
    table = {"raw": "raw", "t": {"channel": "extra", "as": "table"}}
    extra = {"input": {"inline": {"rows": [{"n": 1}]}}, "out": "extra"}
    joined = planned({"in": table}, more=extra)
    run = run_of(ledger, joined)
    assert "tables" in str(misfit(claim, joined, run.stage, run.feed.places))


def test_an_open_claim_does_not_fit_where_its_input_has_moved_on(ledger: Ledger) -> None:
    plan = planned()
    fill(ledger, 3)
    run = run_of(ledger, plan)
    claim = claim_next(ledger, run)
    assert "stands elsewhere" in str(misfit(claim, plan, run.stage, run.feed.places))
