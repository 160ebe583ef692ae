"""The websocket of the server extension, with a real Jupyter server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import websocket
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.jupyter_kit import Client, Server
from tests.manager_kit import ended

TEXT = """\
# numbers
workflow: doubles
channels:
  out: {transport: spool}
steps:
  rows: {input: {inline: {rows: [{x: 1}, {x: 2}]}}, out: numbers}   # two
  double: {in: numbers, actions: [{derive: {y: x * 2}}], out: out}
"""


def opened(client: Client) -> None:
    client.ask("draft.open", draft="d", text=TEXT, file="d.workflow.yaml")


def test_a_draft_is_edited_in_order_without_a_manager(server: Server, folder: Path) -> None:
    with server.client(folder.name) as client:
        opened(client)
        path = ["steps", "double", "actions", 0, "derive", "y"]
        sent = [
            client.send(
                "draft.change",
                draft="d",
                revision=i,
                ops=[{"op": "put", "path": path, "value": f"x * {i}"}],
            )
            for i in range(1, 20)
        ]
        revisions = [client.answer(id)["result"]["revision"] for id in sent]
        assert revisions == list(range(2, 21))
        text = client.ask("draft.text", draft="d")["text"]
        assert text == TEXT.replace("x * 2", "x * 19")
        traced = client.ask("trace.run", draft="d")
        assert [p["rows"] for p in traced["points"]] == [2, 2, 2]
        assert client.ask("workspace")["state"] == "down"
    assert not (folder / ".lyftnb").exists()


@pytest.mark.parametrize("token", ["", "wrong"])
def test_strangers_are_refused(server: Server, token: str) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        server.connect(token=token)
    assert refused.value.status_code == 403


def test_other_origins_are_refused(server: Server) -> None:
    browser = {"token": "", "cookie": server.cookie()}
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        server.connect(origin="http://elsewhere.example", **browser)
    assert refused.value.status_code == 403
    server.connect(origin=f"http://{server.host}", **browser).close()


@pytest.mark.parametrize("path", ["..", "../..", "no/such", "/etc", "link"])
def test_folders_outside_are_refused(server: Server, path: str) -> None:
    link = server.folder / "link"
    if not link.is_symlink():
        link.symlink_to("/")
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        server.connect(path)
    assert refused.value.status_code in (400, 404)


def test_garbage_is_answered_and_does_no_harm(server: Server, folder: Path) -> None:
    garbage = st.one_of(
        st.binary(max_size=50),
        st.text(max_size=50).map(lambda t: t.encode(errors="replace")),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=9),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["id", "op", "params", "draft"]), inner, max_size=4
                )
            ),
        ).map(lambda value: json.dumps(value).encode()),
        st.sampled_from(["draft.change", "trace.rows", "sql", "compare", "nope"]).map(
            lambda op: json.dumps({"id": "g", "op": op, "params": {"draft": 7}}).encode()
        ),
    )
    with server.client(folder.name) as client:
        opened(client)

        @settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
        @given(garbage)
        def send(frame: bytes) -> None:
            client.connection.send_binary(frame)
            problem = client.next()["problem"]
            assert problem["message"] and "Traceback" not in json.dumps(problem)

        send()
        assert client.ask("draft.text", draft="d")["text"] == TEXT


def test_publish_plan_apply_watch_and_a_manager_that_ends(server: Server, folder: Path) -> None:
    with server.client(folder.name) as client:
        opened(client)
        assert client.ask("workspace", start=True)["state"] == "up"
        client.ask("watch")
        version = client.ask("publish", draft="d")
        assert version["ref"] == "doubles@1"
        plan = client.ask("plan", ref="doubles@1")
        marks = {part["name"]: part["mark"] for part in plan["parts"] if part["part"] == "step"}
        assert marks == {"rows": "create", "double": "create"}
        applied = client.ask("apply", plan=plan["id"])
        assert applied["revision"] == 1
        client.until("run", lambda run: run["status"] == "done" and run["deployment"] == "doubles")
        view = client.ask("deployment", deployment="doubles")
        assert view["drifted"] == [] and view["status"]["sync"] == "synced"
        spool = client.ask("spool", spool="doubles.out")
        assert [snapshot["total"] for snapshot in spool["snapshots"]] == [2]
        assert client.ask("spool.rows", spool="doubles.out")["rows"] == [[1, 2], [2, 4]]
        ended(folder)
        client.until("workspace", lambda workspace: workspace["state"] == "down")
        assert client.ask("workspace", start=True)["state"] == "up"
        client.until("workspace", lambda workspace: workspace["state"] == "up")
        assert [d["name"] for d in client.ask("deployments")] == ["doubles"]
        assert client.refused("version", ref="nope")["code"] == "not_found"
