"""Widgets and magics in a real kernel, spoken to as a front end does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("ipywidgets", reason="needs the extra `lab`")
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

_WAIT_S = 60
TEXT = """\
workflow: doubles
steps:
  rows: {input: {inline: {rows: [{x: 1}, {x: 2}]}}, out: numbers}   # two
  double: {in: numbers, actions: [{derive: {y: x * 2}}], out: out}
"""


class Kernel:
    """A kernel, and what it says."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client
        self._said: list[dict[str, Any]] = []

    def run(self, code: str) -> list[dict[str, Any]]:
        """Run a cell; all that it sent to be shown or done, until it is idle."""
        id = self.client.execute(code)
        found = []
        while True:
            message = self.client.get_iopub_msg(timeout=_WAIT_S)
            if message["parent_header"].get("msg_id") != id:
                continue
            assert message["msg_type"] != "error", message["content"]["traceback"]
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return found
            found.append(message)

    def value(self, code: str) -> str:
        """What an expression shows as text."""
        return self.shown(code)["text/plain"]

    def shown(self, code: str) -> dict[str, Any]:
        """What the last line of a cell shows."""
        kinds = ("execute_result", "display_data")
        return next(m["content"]["data"] for m in self.run(code) if m["msg_type"] in kinds)

    def printed(self, code: str) -> str:
        """What a cell printed."""
        streams = (m["content"]["text"] for m in self.run(code) if m["msg_type"] == "stream")
        return "".join(streams)

    def failed(self, code: str) -> str:
        """What a magic says that was not well put."""
        found = self.client.execute_interactive(code, output_hook=self._said.append)
        assert found["content"]["status"] == "error", found
        return str(found["content"]["evalue"])

    def completed(self, code: str) -> list[str]:
        """What may stand at the end of a cell, instead of the word there."""
        reply = self.client.complete(code, reply=True, timeout=_WAIT_S)["content"]
        return sorted(set(reply["matches"]))

    def say(self, comm: str, data: dict[str, Any]) -> None:
        """Send to a comm, as a view does."""
        message = self.client.session.msg("comm_msg", {"comm_id": comm, "data": data})
        self.client.shell_channel.send(message)

    def heard(self, comm: str, id: str) -> dict[str, Any]:
        """The answer to a question that was asked over a comm."""
        deadline = time.monotonic() + _WAIT_S
        while time.monotonic() < deadline:
            message = self.client.get_iopub_msg(timeout=_WAIT_S)
            content = message["content"]
            if message["msg_type"] == "comm_msg" and content["comm_id"] == comm:
                frame = content["data"].get("content", {})
                if frame.get("id") == id:
                    return frame
        raise AssertionError("no answer")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "doubles.workflow.yaml").write_text(TEXT)
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder))
    try:
        kernel = Kernel(client)
        kernel.run("import lyftnb as ln")
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_edits_in_the_widget_change_the_workflow(kernel: Kernel) -> None:
    shown = kernel.shown("wf = ln.Workflow.load('doubles.workflow.yaml'); w = wf.edit(); w")
    assert shown["text/html"].startswith("<svg") and "doubles" in shown["text/plain"]
    comm = shown["application/vnd.jupyter.widget-view+json"]["model_id"]
    ask = {"id": "v1-1", "op": "draft.open", "params": {"draft": "doubles", "text": TEXT}}
    kernel.say(comm, {"method": "custom", "content": ask})
    assert kernel.heard(comm, "v1-1")["result"]["state"]["revision"] == 1
    text = TEXT.replace("x * 2", "x * 3")
    state = {"subject": {"draft": "doubles", "text": text}}
    kernel.say(comm, {"method": "update", "state": state, "buffer_paths": []})
    assert "x * 3" in kernel.value("wf.to_dict()['steps']['double']['actions']")
    kernel.run("wf.save()")
    assert kernel.printed("print(open('doubles.workflow.yaml').read(), end='')") == text
    kernel.run("w.close()")


def test_changes_that_cross_each_other_come_together(kernel: Kernel) -> None:
    kernel.run("wf = ln.Workflow.from_yaml(open('doubles.workflow.yaml').read()); w = wf.edit()")
    kernel.run("at_first = w.subject['text']; wf.step('double').limit(7)")
    # A view has made something of the text that it had, before it heard of the other.
    kernel.run("drawn = at_first.replace('{x: 1}, {x: 2}', '{x: 5}')")
    kernel.run("w.subject = {**w.subject, 'text': drawn, 'base': at_first}")
    both = kernel.value("w.subject['text']")
    assert "limit: 7" in both and "x: 5" in both and "x: 1" not in both
    assert kernel.value("w.subject['base'] == drawn and wf.text == w.subject['text']") == "True"
    kernel.run("w.close()")


def test_changes_in_python_show_in_the_widget(kernel: Kernel) -> None:
    kernel.run("wf = ln.Workflow.load('doubles.workflow.yaml')")
    kernel.run("w = wf.edit(); v = wf.show().view()")
    kernel.run("wf.step('double').limit(7)")
    for widget in ("w", "v"):
        assert "limit: 7" in kernel.value(f"{widget}.subject['text']")
        assert "# two" in kernel.value(f"{widget}.subject['text']")
    kernel.run("w.close(); wf.step('double').limit(8)")
    assert "limit: 8" not in kernel.value("w.subject['text']")
    assert "limit: 8" in kernel.value("v.subject['text']")
    kernel.run("v.close()")


def test_ten_widgets_stay_small(kernel: Kernel) -> None:
    kernel.run("import json, ipywidgets\nviews = [wf.edit() for _ in range(10)]")
    size = kernel.value(
        "sum(len(json.dumps(v._repr_mimebundle_())) for v in views)"
        " + len(json.dumps(ipywidgets.Widget.get_manager_state()))"
    )
    assert int(size) < 1_000_000
    kernel.run("[view.close() for view in views]")


def test_a_picture_is_live_in_a_notebook_and_still_elsewhere(kernel: Kernel) -> None:
    shown = kernel.shown("wf.show()")
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert shown["text/html"].startswith("<svg")


def test_magics(kernel: Kernel) -> None:
    kernel.run("%load_ext lyftnb")
    kernel.run("%%workflow made\n" + TEXT)
    assert kernel.value("made.text") == repr(TEXT)
    wrong = kernel.shown("%%workflow bad\n" + TEXT.replace("x * 2", "z * 2"))["text/html"]
    assert "cell:4" in wrong and "unknown column" in wrong
    kernel.run("%%workflow odd\n" + TEXT.replace("actions", "acts"))
    assert "line 4: steps.double.acts" in kernel.value("odd._repr_html_()")
    kernel.run("%%step twice --into made --in out --out more\ndef transform(lf):\n    return lf")
    kernel.run("%%step twice --into made --in out --out more\ndef transform(lf):\n    return lf")
    assert kernel.value("made.to_dict()['steps']['twice']['in']") == "'out'"
    assert kernel.value("len(made.to_dict()['steps']['twice']['actions'])") == "1"
    assert "doubles.workflow.yaml" in kernel.printed("%lyft validate doubles.workflow.yaml")


def test_a_command_shows_its_tables_and_says_what_is_wrong_with_it(kernel: Kernel) -> None:
    kernel.run("%load_ext lyftnb")
    kernel.run("from pathlib import Path\nws = ln.open('.')\nws.publish(wf)\nws.close()")
    shown = kernel.shown("%lyft versions")
    assert "<td style" in shown["text/html"] and "doubles@1" in shown["text/html"]
    assert shown["text/plain"].splitlines()[0].startswith("version")
    assert kernel.failed("%lyft staus") == (
        "No such command 'staus'. Did you mean 'status', 'pause'?; see %lyft --help"
    )
    assert "no manager is up" in kernel.printed("%lyft status")
    assert "publish" in kernel.printed("%lyft --help") and "plan" in kernel.printed("%lyft")


def test_magics_are_completed(kernel: Kernel) -> None:
    kernel.run("%load_ext lyftnb")
    kernel.run("wf = ln.Workflow.load('doubles.workflow.yaml')")
    assert kernel.completed("%lyft depl") == ["deployments"]
    assert {"ls", "show", "sql", "verify"} <= set(kernel.completed("%lyft spool "))
    assert kernel.completed("%lyft plan --con") == ["--context"]
    assert kernel.completed("%lyft validate dou") == ["doubles.workflow.yaml"]
    kernel.run("%reload_ext lyftnb")
    assert kernel.completed("%%step x --fr") == ["--frame"]
    assert kernel.completed("%%step x --frame pa") == ["partition"]
    assert kernel.completed("%%step x --into w") == ["wf"]
    assert kernel.completed("%%step dou") == ["double"]
    assert kernel.completed("%%step x --into wf --in ") == ["numbers", "out"]
    cell = "%%workflow\nworkflow: x\nsteps:\n  a:\n    "
    assert {"input:", "actions:", "out:"} <= set(kernel.completed(cell))
    assert kernel.completed(cell + "frame: pa") == ["partition"]
    assert kernel.completed(cell + "out: one\n  b:\n    in: ") == ["one"]
    assert kernel.completed(cell + "actions:\n      - aggre") == ["aggregate:"]
    assert "print" in kernel.completed("pri"), "Python is completed as before"


def test_names_of_the_workspace_are_completed(kernel: Kernel) -> None:
    kernel.run("%load_ext lyftnb")
    kernel.run(
        "ws = ln.open('.')\nws.publish(wf)\nws.apply('doubles')\nws.queue('work').enqueue([1])"
    )
    try:
        refs = {"doubles", "doubles.workflow.yaml", "doubles@1"}
        assert refs <= set(kernel.completed("%lyft plan doub"))
        assert kernel.completed("%lyft pause ") == ["doubles"]
        assert kernel.completed("%lyft pause doubles ") == ["double", "rows"]
        assert kernel.completed("%lyft jobs retry doubles/d") == ["doubles/double"]
        assert kernel.completed("%lyft queue peek ") == ["work"]
    finally:
        kernel.run("ws.destroy('doubles')\nws.close()")


def test_without_ipywidgets_an_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from lyftnb import Workflow
    from lyftnb.errors import SetupError

    for name in ("ipywidgets", "lyftnb.widgets.widget"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(SetupError, match="ipywidgets") as error:
        Workflow("nothing").edit()
    assert "pip install" in str(error.value)
    assert Workflow("nothing").show()._repr_html_().startswith("<svg")
