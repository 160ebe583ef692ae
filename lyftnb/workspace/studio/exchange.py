"""One line to somebody who asks: questions come in as JSON, answers and news go out.

Questions that change a draft are done in the order in which they come; all others are answered side
by side, so that a trace or a slow query holds up no keystroke.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from lyftnb.errors import LyftError, SetupError
from lyftnb.workspace.studio.protocol.questions import QUESTIONS, TOPICS
from lyftnb.workspace.studio.studio import Studio, Work
from lyftnb.workspace.studio.troubles import trouble_of
from lyftnb.workspace.wire import adapter

Send = Callable[[dict[str, Any]], None]
"""Sends a frame of plain JSON values; called on threads of this package, one at a time."""

_log = logging.getLogger(__name__)
_AT_ONCE = 8
"""Answers at a time."""


class Exchange:
    """Speaks the protocol for one asker, in front of a `Studio` of its own."""

    def __init__(self, root: Path, send: Send) -> None:
        self.studio = Studio(root, self._tell)
        self._send = send
        self._sending = threading.Lock()
        self._desk = ThreadPoolExecutor(1, "lyftnb-desk")
        self._pool = ThreadPoolExecutor(_AT_ONCE, "lyftnb-answers")
        self._closed = False

    def receive(self, text: str | bytes) -> None:
        """Take a frame; returns at once."""
        try:
            frame = json.loads(text)
        except (ValueError, RecursionError):
            frame = None
        self.take(frame)

    def take(self, frame: Any) -> None:
        """Take a question; returns at once. One that cannot be read is answered as such."""
        id = frame.get("id") if isinstance(frame, Mapping) else None
        with suppress(RuntimeError):  # closed meanwhile: nobody waits for the answer
            if not isinstance(frame, Mapping) or not isinstance(frame.get("op"), str):
                error = SetupError("this is no question", hint='send {"id", "op", "params"}')
                self._pool.submit(self._refuse, id, error)
            else:
                self._desk.submit(self._begin, id, frame["op"], frame.get("params"))

    def close(self) -> None:
        """Hang up. What is under way ends by itself, unheard."""
        self._closed = True
        self._desk.shutdown(wait=False, cancel_futures=True)
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.studio.close()

    # -- inside

    def _begin(self, id: Any, op: str, params: Any) -> None:
        try:
            work = self.studio.begin(op, params)
        except BaseException as error:
            self._refuse(id, error)
            return
        with suppress(RuntimeError):
            self._pool.submit(self._answer, id, op, work)

    def _answer(self, id: Any, op: str, work: Work) -> None:
        try:
            self._out({"id": id, "result": _plain(QUESTIONS[op][1], work())})
        except BaseException as error:
            self._refuse(id, error)

    def _refuse(self, id: Any, error: BaseException) -> None:
        if not isinstance(error, LyftError):
            _log.exception("a question could not be answered", exc_info=error)
        self._out({"id": id, "problem": trouble_of(error).model_dump(mode="json")})

    def _tell(self, topic: str, data: Any) -> None:
        self._out({"topic": topic, "data": _plain(TOPICS[topic], data)})

    def _out(self, frame: dict[str, Any]) -> None:
        if self._closed:
            return
        with self._sending:
            self._send(frame)


def _plain(kind: Any, value: Any) -> Any:
    """A value as JSON has it; what JSON has no word for is text."""
    return from_json(adapter(kind).dump_json(value, by_alias=True, fallback=str))
