"""Every question of the studio, asked of a workspace with a manager."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lyftnb.errors import NotFound, Temporary
from lyftnb.workspace.finding import find
from lyftnb.workspace.remote import RemoteWorkspace
from lyftnb.workspace.studio.exchange import Exchange
from lyftnb.workspace.studio.home import Home
from lyftnb.workspace.studio.protocol.questions import QUESTIONS
from lyftnb.workspace.studio.schema import release
from tests.manager_kit import ended, managed

TEXT = """\
workflow: shop
channels:
  sold: {transport: spool, partition: k, schema: evolve}
  totals: {transport: spool}
steps:
  sales:
    input: {inline: {rows: [{n: 1, k: a}, {n: 2, k: b}, {n: -1, k: b}]}}
    actions: [{assert: {that: "n > 0"}}]
    out: {kept: sold, told: told}
    dispatch: clone
  tell:
    in: told
    actions: [{filter: "n > 1"}]
    output: {discard: {}}
  sums:
    in: sold
    trigger: {cron: "0 4 * * *"}
    actions: [{aggregate: {by: [k], compute: {s: sum(n)}}}]
    out: totals
"""


class Asker:
    """Asks through an exchange, as any front end does."""

    def __init__(self, root: Path) -> None:
        self.frames: queue.Queue[dict[str, Any]] = queue.Queue()
        self.news: list[dict[str, Any]] = []
        self.asked: set[str] = set()
        self.exchange = Exchange(root, self.frames.put)

    def frame(self, op: str, params: dict[str, Any]) -> dict[str, Any]:
        self.asked.add(op)
        self.exchange.take({"id": op, "op": op, "params": params})
        while True:
            frame = self.frames.get(timeout=60)
            if frame.get("id") == op:
                return frame
            self.news.append(frame)

    def __call__(self, op: str, **params: Any) -> Any:
        frame = self.frame(op, params)
        assert "result" in frame, frame
        return frame["result"]

    def until(self, topic: str, wanted: Any) -> Any:
        while True:
            frame = self.news.pop(0) if self.news else self.frames.get(timeout=60)
            if frame.get("topic") == topic and wanted(frame["data"]):
                return frame["data"]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[RemoteWorkspace]:
    (tmp_path / "lyftnb.toml").write_text("[groups.default]\nworkers = 1\n")
    with managed(tmp_path) as found:
        yield found


@pytest.fixture
def ask(workspace: RemoteWorkspace) -> Iterator[Asker]:
    asker = Asker(workspace.path)
    yield asker
    asker.exchange.close()


def test_every_question_is_answered(ask: Asker, workspace: RemoteWorkspace) -> None:
    workspace.contexts.create("prod")
    workspace.contexts.set("prod", "region", "eu")
    workspace.secrets.set("shop/key", "hunter2-hunter2")
    workspace.kv("prices").put("a", {"usd": 1})
    workspace.queue("work").enqueue([{"page": 1}])
    workspace.queue("work").lease(1, ttl=600)
    _drafts(ask)
    ask("watch")
    _deployed(ask)
    _looked_back(ask)
    _state(ask)
    _held(ask)
    assert ask("unwatch") is None
    refused = {op: ask.frame(op, {}) for op in QUESTIONS.keys() - ask.asked}
    assert {"retry", "skip", "fire", "run.cancel"} <= refused.keys()
    for frame in refused.values():
        assert frame["problem"]["message"] and frame["problem"]["hint"]


def _drafts(ask: Asker) -> None:
    assert ask("workspace")["contexts"] == ["prod"]
    assert ask("release") == release().model_dump()
    assert ask("palette")["groups"]
    ask("draft.open", draft="d", text=TEXT)
    assert ask("draft.change", draft="d", revision=1, ops=[])["revision"] == 2
    assert ask("draft.replace", draft="d", revision=2, text=TEXT)["readable"]
    merged = ask("draft.merge", draft="d", revision=3, base=TEXT, theirs=TEXT + "# more\n")
    assert merged["conflicts"] == []
    assert ask("draft.text", draft="d")["text"].endswith("# more\n")
    assert ask("draft.plan", draft="d", context="prod")["stages"]
    assert ask("draft.schemas", draft="d")["channels"]["totals"]
    traced = ask("trace.run", draft="d")
    place = {"trace": traced["trace"], "step": "sales", "at": "input"}
    assert ask("trace.rows", **place)["total"] == 3
    assert ask("trace.follow", **place, row=0)["sightings"]
    assert ask("trace.cancel", draft="d") is None


def _deployed(ask: Asker) -> None:
    begun = ask("run.begin", draft="d")
    ask.until("run", lambda run: {"run": begun["run"], "status": "done"}.items() <= run.items())
    assert ask("publish", draft="d")["ref"] == "shop@1"
    assert [v["ref"] for v in ask("versions")] == ["shop@1"]
    assert ask("version", ref="shop")["document"]["workflow"] == "shop"
    assert ask("compare", before="d", after="shop@1")["parts"] == []
    plan = ask("plan", ref="shop", context="prod", replicas={"sums": 1})
    assert plan["deployment"] == "shop_prod" and not plan["empty"]
    assert ask("plan", ref="shop", name="east")["deployment"] == "east"
    assert ask("apply", plan=plan["id"])["name"] == "shop_prod"
    done = {"status": "done", "deployment": "shop_prod"}
    ask.until("run", lambda run: done.items() <= run.items())
    view = ask("deployment", deployment="shop_prod")
    assert view["history"][0]["cause"] == "apply" and view["drifted"] == []
    assert ask("deployments")[0]["name"] == "shop_prod"


def _looked_back(ask: Asker) -> None:
    assert {run["deployment"] for run in ask("runs")} == {"shop_draft", "shop_prod"}
    assert all(run["deployment"] == "shop_prod" for run in ask("runs", deployment="shop_prod"))
    batch = ask("batches", deployment="shop_prod")[-1]
    assert (batch["stage"], batch["rows_in"], batch["rows_out"], batch["rejects"]) == (
        "sales", 3, 2, 1)  # fmt: skip
    issues = ask("issues", deployment="shop_prod")
    assert {"rows_rejected"} <= {issue["code"] for issue in issues}
    assert ask("issue.close", issue=issues[0]["id"]) is None
    assert len(ask("issues", deployment="shop_prod")) == len(issues) - 1
    assert len(ask("issues", deployment="shop_prod", closed=True)) == len(issues)
    assert isinstance(ask("messages"), list)
    assert ask("logs")["lines"]
    (schedule,) = ask("schedules")
    assert (schedule["deployment"], schedule["step"]) == ("shop_prod", "sums")
    assert len(schedule["next"]) == 5
    assert "apply" in {entry["what"] for entry in ask("audit")}


def _state(ask: Asker) -> None:
    names = [info["spool"] for info in ask("spools", deployment="shop_prod")]
    assert "shop_prod.sold" in names
    view = ask("spool", spool="shop_prod.sold")
    assert [(s["kind"], s["total"]) for s in view["snapshots"]] == [("append", 2)]
    assert sorted(segment["partition"] for segment in view["segments"]) == ["a", "b"]
    assert [c["name"] for c in view["schemas"][-1]["columns"]] == ["n", "k"]
    rows = ask("spool.rows", spool="shop_prod.sold")
    assert sorted(rows["rows"]) == [[1, "a"], [2, "b"]] and rows["total"] == 2
    assert ask("spool.rows", spool="shop_prod.sold", at=0)["rows"] == []
    facts = {fact["name"]: fact for fact in ask("spool.facts", spool="shop_prod.sold")}
    assert (facts["n"]["min"], facts["n"]["max"], facts["n"]["distinct"]) == ("1", "2", 2)
    assert ask("sql", text="SELECT sum(n) AS n FROM shop_prod.sold")["rows"] == [[3]]
    assert ask("state", what="namespaces")["rows"] == [["prices", 1]]
    assert ask("state", what="keys", name="prices")["rows"][0][:2] == ["a", '{"usd":1}']
    assert ask("state", what="queues")["total"] == 1
    (item,) = ask("state", what="items", name="work")["rows"]
    assert item[:3] == [None, "leased", '{"page":1}']
    assert ask("state", what="locks")["total"] == 0
    assert ask("state", what="contexts", name="prod")["rows"] == [["prod", None, "region", '"eu"']]
    assert "hunter2" not in str(ask("state", what="secrets"))


def _held(ask: Asker) -> None:
    assert ask("pause", deployment="shop_prod")["pauses"]["whole"]
    assert not ask("resume", deployment="shop_prod")["pauses"]["whole"]
    assert ask.frame("rollback", {"deployment": "shop_prod"})["problem"]["code"] == "not_found"
    assert ask.frame("issue.close", {"issue": 7})["problem"]["code"] == "not_found"
    assert ask("destroy", deployment="shop_prod") is None
    assert ask("draft.close", draft="d") is None


def test_who_looks_on_starts_no_manager(ask: Asker, workspace: RemoteWorkspace) -> None:
    ask("watch")
    ask.until("status", lambda statuses: statuses == [])
    looking = Home(workspace.path).onlooker()
    assert looking.spools() == []
    ended(workspace.path)
    with pytest.raises(Temporary, match="no manager"):
        looking.status()
    ask.until("workspace", lambda told: told["state"] == "down")
    assert ask("workspace")["state"] == "down"
    ask("draft.open", draft="d", text=TEXT)
    assert find(workspace.path) is None


def test_a_stranger_of_a_file_is_not_read(ask: Asker, tmp_path: Path) -> None:
    secret = tmp_path / "secret.workflow.yaml"
    secret.write_text("workflow: hidden\n")
    for op, field in (("version", "ref"), ("plan", "ref"), ("run.begin", "ref")):
        frame = ask.frame(op, {field: str(secret)})
        assert frame["problem"]["code"] == "not_found" and "hidden" not in str(frame)


def test_events_lags_and_runs_are_the_same_from_everywhere(workspace: RemoteWorkspace) -> None:
    import lyftnb as ln

    over = threading.Event()
    events = workspace.events(over, "0-0-0")  # from the beginning of all
    begun = workspace.begin(ln.Workflow.from_yaml(TEXT))
    seen = []
    summary = workspace.follow(begun, seen.append)
    assert summary.status == "done" and seen
    kinds = set()
    for _id, kind, what in events:
        kinds.add(kind)
        if kind == "run" and what.status == "done":
            over.set()
            workspace.bus.publish("over", {})  # it looks whether it is over when there is news
    assert "run" in kinds  # and the stream has ended, for it is over
    asker = Asker(workspace.path)
    asker("watch")
    workspace.publish(ln.Workflow.from_yaml(TEXT))
    workspace.apply("shop")
    done = {"status": "done", "deployment": "shop"}
    asker.until("run", lambda run: done.items() <= run.items())
    (lag,) = workspace.lags("shop")
    assert (lag.deployment, lag.step, lag.channel, lag.rows) == ("shop", "sums", "sold", 2)
    (later,) = workspace.lags()
    assert 0 < lag.age_s < later.age_s and lag.bytes == later.bytes > 0
    with pytest.raises(NotFound, match="shop"):
        workspace.lags("mall")
    waiting = {"step": "sums", "rows": 2}
    numbers = asker.until(
        "progress", lambda told: told["lags"] and waiting.items() <= told["lags"][0].items()
    )
    older = asker.until("progress", lambda told: told["lags"] != numbers["lags"])
    assert older["lags"][0]["age_s"] > numbers["lags"][0]["age_s"], "it ages, though nothing moves"
    asker.exchange.close()


DRIFTING = """\
workflow: shop
context: {least: 0}
channels: {sold: {transport: spool}}
steps:
  sales: {input: {inline: {rows: [{n: 1}, {n: 2}]}}, out: sold}
  large: {in: sold, actions: [{filter: "n > {{least}}"}], out: kept}
  small: {in: kept, actions: [{filter: "n < 9"}], output: {print: {}}}
"""


def test_steps_that_drift_are_marked_while_somebody_watches(
    ask: Asker, workspace: RemoteWorkspace
) -> None:
    file = workspace.path / "workflows" / "shop.workflow.yaml"
    file.parent.mkdir()
    file.write_text(DRIFTING)

    def drifted(*steps: str) -> None:
        def wanted(told: dict[str, Any]) -> bool:
            signs = told["signs"]
            return len(signs) == 3 and {s for s in signs if signs[s] == "drifted"} == {*steps}

        ask.until("progress", wanted)

    workspace.apply(workspace.publish(file).ref)
    ask("watch")
    drifted()
    file.write_text(DRIFTING.replace("n < 9", "n < 8"))
    drifted("small")
    file.write_text(DRIFTING)
    drifted()
    workspace.contexts.set("deployment:shop", "least", 5)
    drifted("large")
    assert ask("deployment", deployment="shop")["drifted"] == ["large"]
    workspace.apply("shop")
    drifted()
