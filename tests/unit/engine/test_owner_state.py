"""Where a worker finds the owner's state."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from lyftnb import connectors
from lyftnb.connectors import Discovery, SourceEnv
from lyftnb.engine.owner_state import introduction, meet, part, state_of_owner
from lyftnb.engine.run import discover_source
from lyftnb.errors import Temporary
from lyftnb.model import InputSpec
from lyftnb.store.remote import StateAddress

ROOT = "/nowhere/spools"


@pytest.fixture
def address() -> Iterator[StateAddress]:
    yield StateAddress("127.0.0.1", 1, "a certificate", "a token")
    part(ROOT)


def test_nobody_has_introduced_himself() -> None:
    assert state_of_owner("/nowhere/else") is None


def test_one_client_serves_all_tasks_and_later_owners(address: StateAddress) -> None:
    meet(ROOT, address)
    client = state_of_owner(ROOT)
    part(ROOT)
    meet(ROOT, StateAddress("127.0.0.1", 2, "another", "another"))
    assert client is not None and state_of_owner(ROOT) is client


def test_an_introduction_travels_and_can_be_undone(address: StateAddress) -> None:
    from distributed.protocol.pickle import dumps

    sent = dumps(introduction(ROOT + "/b", address))
    plugin = pickle.loads(sent)
    asyncio.run(plugin.setup(worker=None))
    assert state_of_owner(ROOT + "/b") is not None
    plugin.teardown(worker=None)
    assert address.token not in repr(plugin)


def test_a_source_gets_a_client_that_connects_only_when_it_is_asked(
    address: StateAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet(ROOT, address)
    seen: list[Any] = []

    class Curious:
        def parse(self, raw: Any) -> Any:
            return raw

        def discover(self, params: Any, position: Any, env: SourceEnv) -> Discovery:
            seen.append(env.state)
            return Discovery()

    monkeypatch.setattr(connectors, "SOURCES", {"curious": Curious()})
    discover_source(InputSpec(kind="curious", params={}), {}, SourceEnv(), {}, ROOT)
    assert seen == [state_of_owner(ROOT)]
    assert "not connected" in repr(seen[0])
    monkeypatch.setattr(seen[0]._line, "_patience_s", 0.0)
    with pytest.raises(Temporary):
        seen[0].snapshot()
    seen[0].close()
