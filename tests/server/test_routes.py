"""What the routes answer: to strangers, to mistakes, in pages, and as streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import polars as pl
import pytest

from lyftnb import errors
from lyftnb.errors import InternalError, LyftError
from lyftnb.model import IssueDraft, Problem, WorkflowSpec
from lyftnb.server.app import Hall
from lyftnb.server.events import events
from lyftnb.workspace.happenings import Position, Reader
from lyftnb.workspace.local import Workspace
from lyftnb.workspace.wire import API, ARROW, PROBLEM, error_of, problem_of

ROWS = {"input": {"inline": {"rows": [{"x": 1}]}}, "out": "numbers"}


def workflow(name: str) -> dict[str, Any]:
    channels = {"numbers": {"transport": "spool"}}
    return {"workflow": name, "channels": channels, "steps": {"rows": ROWS}}


def operations(http: httpx.Client) -> Iterator[tuple[str, str]]:
    """Method and path of every route, its parameters filled in."""
    for path, methods in http.get(f"{API}/openapi.json").json()["paths"].items():
        for method in methods:
            yield method.upper(), path.replace("{", "").replace("}", "")


# -- who comes in


def test_every_route_refuses_strangers(stranger: httpx.Client, http: httpx.Client) -> None:
    found = [*operations(http), ("GET", f"{API}/openapi.json"), ("GET", "/"), ("GET", "/docs")]
    assert len(found) > 45
    wrong = ({}, *({"Authorization": text} for text in ("Bearer no", "Bearer", "Basic x", "é")))
    for method, path in found:
        for headers in wrong:
            encoded = {k: v.encode() for k, v in headers.items()}
            answer = stranger.request(method, path, headers=encoded)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["content-type"] == PROBLEM
            assert answer.headers["www-authenticate"] == "Bearer"


def test_bodies_are_bounded(http: httpx.Client) -> None:
    large = "x" * (33 * 2**20)
    assert http.post(f"{API}/sql", json={"text": large}).status_code == 413

    def pieces() -> Iterator[bytes]:
        yield b'{"text": "'
        for _ in range(33):
            yield b"x" * 2**20

    answer = http.post(f"{API}/sql", content=pieces())
    assert 400 <= answer.status_code < 500


def test_no_body_leads_to_a_file(http: httpx.Client, ws: Workspace) -> None:
    secret = ws.path / "private.workflow.yaml"
    secret.write_text(json.dumps(workflow("private")))
    for ref in (str(secret), "private.workflow.yaml", "../private.workflow.yaml", "/etc/passwd"):
        answer = http.post(f"{API}/workflows/validate", json={"ref": ref})
        assert answer.status_code == 404, answer.text
        answer = http.post(f"{API}/runbooks/publish", json={"text": ref})
        assert answer.status_code == 422 and "private" not in answer.json()["facts"]
    for text in ("FROM '/etc/passwd'", "FROM read_text('/etc/passwd')", f"FROM '{secret}'"):
        answer = http.post(f"{API}/sql", json={"text": text})
        assert answer.status_code in (404, 422), answer.text
        assert "root:" not in answer.text


def test_a_secret_is_never_repeated(http: httpx.Client) -> None:
    planted = "planted-value-77"
    path = f"{API}/secrets/db%2Fpassword"
    answers = [
        http.post(path, json={"value": {"nested": planted}}),
        http.post(path, json={"value": planted, "extra": planted}),
        http.post(path, json={"value": planted}),
        http.post(path, json={"value": planted}),
        http.get(f"{API}/secrets"),
        http.post(f"{API}/sql", json={"text": "FROM lyftnb.secrets"}),
        http.delete(path),
    ]
    assert [a.status_code for a in answers] == [422, 422, 200, 400, 200, 200, 204]
    assert all(planted not in answer.text for answer in answers)


# -- errors


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, LyftError)
    ],
)
def test_an_error_crosses_and_comes_back(kind: type[LyftError]) -> None:
    problem = Problem("x", "error", ("steps", 0), "wrong", "mend it", "f.yaml", 3)
    error = kind("what", where="place", hint="do", problems=(problem,), n=1)
    details = problem_of(error)
    assert details.status >= 400 and details.code == kind.code
    back = error_of(json.loads(details.model_dump_json()))
    assert type(back) is kind and str(back) == str(error)
    assert back.facts["problems"] == (problem,) and back.facts["n"] == 1


def test_what_is_not_ours_becomes_an_internal_error(
    http: httpx.Client, ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("broken \ud800")

    monkeypatch.setattr(ws, "sweep", broken)
    answer = http.post(f"{API}/spools/sweep")
    assert answer.status_code == 500 and answer.headers["content-type"] == PROBLEM
    assert isinstance(error_of(answer.json()), InternalError)


def test_mistakes_in_requests_are_problems(http: httpx.Client) -> None:
    cases = [
        http.post(f"{API}/workflows/validate", json={}),
        http.post(f"{API}/workflows/validate", json={"ref": "a", "text": "b"}),
        http.post(f"{API}/workflows/validate", content=b"{"),
        http.post(f"{API}/messages", content=b'{"tag": "x", "payload": "\\ud800"}'),
        http.get(f"{API}/nowhere"),
        http.put(f"{API}/health"),
        http.get(f"{API}/events", headers={"Last-Event-ID": "x"}),
        http.get(f"{API}/spools", params={"limit": 0}),
        http.get(f"{API}/versions/x@{'9' * 5000}"),
    ]
    for answer in cases:
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.headers["content-type"] == PROBLEM
        error = error_of(answer.json())
        assert error.message and error.hint


# -- listings, tables


def test_listings_come_in_pages(http: httpx.Client) -> None:
    for n in range(5):
        assert http.post(
            f"{API}/workflows/publish", json={"document": workflow(f"paged{n}")}
        ).is_success
        assert http.post(f"{API}/messages", json={"tag": "paged", "payload": n}).is_success
    seen, offset = [], 0
    while offset is not None:
        page = http.get(f"{API}/versions", params={"offset": offset, "limit": 2}).json()
        assert len(page["items"]) <= 2
        seen += [item["workflow"] for item in page["items"] if "paged" in item["workflow"]]
        offset = page["next"]
    assert seen == [f"paged{n}" for n in range(5)]
    first = http.get(f"{API}/messages", params={"tag": "paged", "limit": 2}).json()
    rest = http.get(
        f"{API}/messages", params={"tag": "paged", "limit": 9, "after": first["next"]}
    ).json()
    assert [m["payload"] for m in first["items"] + rest["items"]] == list(range(5))
    assert rest["next"] is None


def test_a_table_is_rows_or_arrow(http: httpx.Client) -> None:
    body = {"text": "SELECT 1 AS a, 'nan'::DOUBLE AS f, 'x'::BLOB AS b, DATE '2026-05-01' AS d"}
    answer = http.post(f"{API}/sql", json=body)
    assert answer.json() == [{"a": 1, "f": None, "b": "eA==", "d": "2026-05-01"}]
    arrow = http.post(f"{API}/sql", json=body, headers={"Accept": ARROW})
    assert pl.read_ipc_stream(arrow.content)["b"].to_list() == [b"x"]


def test_numbers_for_prometheus(http: httpx.Client, ws: Workspace) -> None:
    ws._ledger.raise_issues([IssueDraft("test", "here", "because")])
    ws.queue("measured").enqueue([1, 2])
    steps = {
        "read": {"input": {"inline": {"rows": [{"n": 1}]}}, "out": "raw"},
        "pick": {"in": "raw", "actions": [{"filter": "n > 0"}], "output": {"print": {}}},
    }
    document = {"workflow": "lagging", "channels": {"raw": {"transport": "spool"}}, "steps": steps}
    ws.apply(ws.publish(WorkflowSpec.model_validate(document)).ref)
    text = http.get(f"{API}/metrics").text
    assert 'lyftnb_open_issues{severity="error"} 1.0' in text
    assert 'lyftnb_queue_items{queue="measured",state="ready"} 2.0' in text
    labels = 'channel="raw",deployment="lagging",stage="pick"'
    for name in ("rows", "bytes", "seconds"):
        assert f"lyftnb_lag_{name}{{{labels}}} 0.0" in text
    ws.destroy("lagging")
    assert http.get(f"{API}/health").json()["status"] == "ok"
    assert (
        'lyftnb_http_requests_total{route="/health",status="200"}'
        in http.get(f"{API}/metrics").text
    )
    ws.issues.close(*ws.issues.list())


# -- what happens


class Asked:
    """A request whose client stays for a number of looks."""

    def __init__(self, hall: Hall) -> None:
        self.app = type("App", (), {"state": type("State", (), {"hall": hall})})

    async def is_disconnected(self) -> bool:
        return False


def told(hall: Hall, ws: Workspace, last: Position, count: int) -> list[tuple[str, str, Any]]:
    """The first so many events behind `last`."""

    async def take() -> list[tuple[str, str, Any]]:
        found = []
        flow = events(Asked(hall), ws, last, frozenset())  # type: ignore[arg-type]
        async for text in flow:
            if text.startswith(":"):
                continue
            id, kind, data = (line.partition(": ")[2] for line in text.strip().split("\n"))
            found.append((id, kind, json.loads(data)))
            if len(found) == count:
                break
        await flow.aclose()  # type: ignore[attr-defined]
        return found

    return asyncio.run(asyncio.wait_for(take(), 30))


def test_a_stream_goes_on_behind_the_last_event(hall: Hall, ws: Workspace) -> None:
    start = Reader(ws, frozenset()).now()
    for n in range(3):
        ws.bus.publish("streamed", n)
    first = told(hall, ws, start, 1)
    assert [(kind, data["payload"]) for _id, kind, data in first] == [("message", 0)]
    ws._ledger.raise_issues([IssueDraft("streamed", "here", "because")])
    rest = told(hall, ws, Position.of(first[-1][0]), 4)
    payloads = [data["payload"] for _id, kind, data in rest if kind == "message"]
    assert payloads[:2] == [1, 2]
    issue = next(data for _id, kind, data in rest if kind == "issue")
    assert issue["code"] == "streamed"
    ws.issues.close(issue["id"])
    closed = told(hall, ws, Position.of(rest[-1][0]), 2)
    assert any(kind == "issue" and data["closed_at"] for _id, kind, data in closed)
