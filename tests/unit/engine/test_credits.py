"""Who may go next: bounds hold, suspects go alone, and everybody goes in the end."""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from lyftnb.engine.credits import BUNDLE, WINDOW, Bundle, Credits, Ticket

GROUPS = ("a", "b")
MIB = 2**20
POOL_BYTES = 10
REPLICAS = {"x": 1, "y": 2, "z": 3}


def taken(credits: Credits, *tickets: Ticket) -> list[int]:
    """Which of the tickets the credits let out, by index."""
    credits.add(tickets)
    return [tickets.index(ticket) for bundle in credits.take_ready() for ticket in bundle]


def test_a_window_per_slot() -> None:
    tickets = [Ticket("s", ("a",)) for _ in range(10)]
    assert taken(Credits({"a": 2}), *tickets) == list(range(2 * WINDOW))


def test_a_lane_that_waits_holds_only_itself_back() -> None:
    one = [("s/one", 1)]
    tickets = [
        Ticket("s", ("a",), tuple(one)),
        Ticket("s", ("a",), tuple(one)),
        Ticket("s", ("b",)),
        Ticket("t", ("b",)),
    ]
    assert taken(Credits({"a": 4, "b": 4}), *tickets) == [0, 3]


def test_a_suspect_waits_for_its_group_and_then_has_it_alone() -> None:
    credits = Credits({"a": 2, "b": 1})
    running, suspect, other = (
        Ticket("s", ("a",)),
        Ticket("t", ("a",), deaths=1),
        Ticket("u", ("a",)),
    )
    credits.add([running])
    assert credits.take_ready() == [(running,)]
    elsewhere = Ticket("v", ("b",))
    assert taken(credits, suspect, other, elsewhere) == [2]
    credits.give_back((running,))
    assert credits.take_ready() == [(suspect,)], "nobody overtakes it, nobody joins it"
    credits.give_back((suspect,))
    assert credits.take_ready() == [(other,)]
    credits.give_back((elsewhere,))


def test_dropped_tickets_never_go() -> None:
    credits = Credits({"a": 1})
    dropped = Ticket("s", ("a",), dropped=True)
    assert taken(credits, dropped, Ticket("s", ("a",))) == [1]


def test_a_lane_with_much_to_do_starves_nobody() -> None:
    """Whoever comes later is served as much as who was there first, from then on."""
    credits = Credits({"a": 1})
    much = [Ticket("much", ("a",), bytes=10 * MIB) for _ in range(50)]
    credits.add(much)
    out = deque(credits.take_ready())
    little = [Ticket("little", ("a",), bytes=5 * MIB) for _ in range(10)]
    credits.add(little)
    order: list[Ticket] = []
    while out:
        credits.give_back(out.popleft())
        for bundle in credits.take_ready():
            out.append(bundle)
            order += bundle
    last = order.index(little[-1])
    assert sum(ticket in much for ticket in order[:last]) <= 6


def test_bytes_in_flight_are_bounded_and_nobody_overtakes_who_waits_for_them() -> None:
    credits = Credits({"a": 4}, slot_bytes=MIB)
    first, large, small, elsewhere = (
        Ticket("s", ("a",), bytes=MIB),
        Ticket("t", ("a",), bytes=4 * MIB),
        Ticket("u", ("a",), bytes=1),
        Ticket("v", ("b",), bytes=1),
    )
    assert taken(credits, first, large, small, elsewhere) == [0, 3]
    credits.give_back((first,))
    assert credits.take_ready() == [(large,)]
    credits.give_back((large,))
    assert credits.take_ready() == [(small,)]


def test_what_is_larger_than_the_pool_goes_alone() -> None:
    credits = Credits({"a": 4}, slot_bytes=MIB)
    huge, other, look = (
        Ticket("s", ("a",), bytes=100 * MIB),
        Ticket("t", ("a",), bytes=1),
        Ticket("u", ("a",)),
    )
    assert taken(credits, huge, other, look) == [0, 2], "what reads nothing waits for no bytes"
    credits.give_back((huge,))
    assert credits.take_ready() == [(other,)]


def test_small_ones_go_out_as_one() -> None:
    credits = Credits({"a": 1, "b": 1})
    small = [Ticket(f"s{number}", ("a",), small=True) for number in range(BUNDLE + 2)]
    large = Ticket("t", ("a",))
    away = Ticket("u", ("b",), small=True)
    credits.add([*small, large, away])
    assert credits.wanted() == {"a": 3, "b": 1}
    assert credits.take_ready() == [tuple(small[:BUNDLE]), tuple(small[BUNDLE:]), (away,)]
    credits.give_back(tuple(small[:BUNDLE]))
    assert credits.take_ready() == [(large,)]


def test_a_step_has_no_more_in_a_bundle_than_it_may_have_out() -> None:
    credits = Credits({"a": 1})
    tickets = [Ticket(lane, ("a",), ((lane, 1),), small=True) for lane in "sstt"]
    assert taken(credits, *tickets) == [0, 2]


@st.composite
def tickets(draw: st.DrawFn) -> Ticket:
    groups = tuple(draw(st.lists(st.sampled_from(GROUPS), min_size=1, max_size=3)))
    lane = draw(st.sampled_from("xyz"))
    limits = ((lane, REPLICAS[lane]),) if draw(st.booleans()) else ()
    deaths = draw(st.sampled_from((0, 0, 0, 1)))
    small, size = draw(st.booleans()), draw(st.integers(0, 40))
    return Ticket(lane, groups, limits, bytes=size, small=small, deaths=deaths)


@given(
    st.lists(tickets(), max_size=40),
    st.dictionaries(st.sampled_from(GROUPS), st.integers(0, 3), min_size=2),
    st.randoms(use_true_random=False),
)
def test_bounds_hold_and_everybody_goes(
    waiting: list[Ticket], slots: dict[str, int], chance: Random
) -> None:
    credits = Credits(slots, POOL_BYTES)
    for ticket in waiting:  # a suspect has been out before: it comes back in front
        if ticket.deaths:
            credits.add_first(ticket)
        else:
            credits.add([ticket])
    out: list[Bundle] = []
    went: dict[Ticket, int] = {}
    for turn in itertools.count():
        for bundle in credits.take_ready():
            out.append(bundle)
            went |= dict.fromkeys(bundle, turn)
        check_bounds(out, slots)
        if not out:
            break
        credits.give_back(out.pop(chance.randrange(len(out))))
    assert went.keys() == set(waiting) and credits.busy_groups() == set()
    for lane in "xyz":
        turns = [went[t] for t in waiting if t.lane == lane and not t.deaths]
        assert turns == sorted(turns), "nobody overtakes who came before in the same lane"


def check_bounds(out: Sequence[Bundle], slots: dict[str, int]) -> None:
    for bundle in out:
        assert len(bundle) == 1 or all(t.small and not t.deaths for t in bundle)
        assert len(bundle) <= BUNDLE
        if bundle[0].alone:
            mine = set(bundle[0].groups)
            assert all(other is bundle or mine.isdisjoint(other[0].groups) for other in out)
    steps = Counter(step for bundle in out for t in bundle for step, _most in t.limits)
    assert all(count <= REPLICAS[step] for step, count in steps.items())
    for group, count in Counter(g for bundle in out for g in set(bundle[0].groups)).items():
        assert count <= WINDOW * max(1, slots[group])
        sizes = [t.bytes for bundle in out for t in bundle if group in t.groups and t.bytes]
        assert len(sizes) <= 1 or sum(sizes) <= POOL_BYTES * max(1, slots[group])
