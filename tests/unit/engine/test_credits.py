"""Who may go next: bounds hold, suspects go alone, and everybody goes in the end."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lyftnb.engine.credits import WINDOW, Credits, Ticket

GROUPS = ("a", "b")
REPLICAS = {"x": 1, "y": 2, "z": 3}


def taken(credits: Credits, *tickets: Ticket) -> list[int]:
    """Which of the tickets the credits let out, by index."""
    credits.add(tickets)
    ready = credits.take_ready()
    return [tickets.index(ticket) for ticket in ready]


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
    credits.take_ready()
    elsewhere = Ticket("v", ("b",))
    assert taken(credits, suspect, other, elsewhere) == [2]
    credits.give_back(running)
    assert credits.take_ready() == [suspect], "nobody overtakes it, nobody joins it"
    credits.give_back(suspect)
    assert credits.take_ready() == [other]
    credits.give_back(elsewhere)


def test_dropped_tickets_never_go() -> None:
    credits = Credits({"a": 1})
    dropped = Ticket("s", ("a",), dropped=True)
    assert taken(credits, dropped, Ticket("s", ("a",))) == [1]


@st.composite
def tickets(draw: st.DrawFn) -> Ticket:
    groups = tuple(draw(st.lists(st.sampled_from(GROUPS), min_size=1, max_size=3)))
    lane = draw(st.sampled_from("xyz"))
    limits = ((lane, REPLICAS[lane]),) if draw(st.booleans()) else ()
    return Ticket(lane, groups, limits, deaths=draw(st.sampled_from((0, 0, 0, 1))))


@given(
    st.lists(tickets(), max_size=25),
    st.dictionaries(st.sampled_from(GROUPS), st.integers(0, 3), min_size=2),
    st.randoms(use_true_random=False),
)
def test_bounds_hold_and_everybody_goes(
    waiting: list[Ticket], slots: dict[str, int], chance: object
) -> None:
    credits = Credits(slots)
    credits.add(waiting)
    out: list[Ticket] = []
    order: list[Ticket] = []
    while True:
        before = len(out)
        for ticket in credits.take_ready():
            out.append(ticket)
            order.append(ticket)
        check_bounds(out, slots)
        if not out:
            break
        assert len(out) >= before
        back = out.pop(chance.randrange(len(out)))  # type: ignore[attr-defined]
        credits.give_back(back)
    assert set(order) == set(waiting) and credits.busy_groups() == set()
    for lane in "xyz":
        mine = [ticket for ticket in waiting if ticket.lane == lane]
        assert [ticket for ticket in order if ticket.lane == lane] == mine


def check_bounds(out: list[Ticket], slots: dict[str, int]) -> None:
    groups = Counter(group for ticket in out for group in ticket.groups)
    for ticket in out:
        if ticket.alone:
            mine = set(ticket.groups)
            assert all(other is ticket or mine.isdisjoint(other.groups) for other in out)
    steps = Counter(step for ticket in out for step, _most in ticket.limits)
    assert all(count <= REPLICAS[step] for step, count in steps.items())
    for group, count in groups.items():
        # A ticket with several tasks in one group may pass the window by what it adds itself.
        assert count <= WINDOW * max(1, slots[group]) + 2
