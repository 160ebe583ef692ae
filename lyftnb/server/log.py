"""The manager's log: a file that is rotated, and what libraries print goes there, too."""

from __future__ import annotations

import logging
import os
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

_BYTES = 5 * 2**20
_FILES = 3
_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class Log(RotatingFileHandler):
    """The newest of the log's files; stdout and stderr may be that file as well."""

    def __init__(self, file: Path) -> None:
        self._outputs = False
        super().__init__(file, maxBytes=_BYTES, backupCount=_FILES, encoding="utf-8")
        self.setFormatter(logging.Formatter(_FORMAT))

    def take_outputs(self) -> None:
        """Have stdout and stderr be the file from now on, over all rotations."""
        self._outputs = True
        if self.stream is not None:
            self._point(self.stream)

    def _open(self) -> TextIOWrapper:
        stream = super()._open()
        if self._outputs:
            self._point(stream)
        return stream

    @staticmethod
    def _point(stream: TextIOWrapper) -> None:
        for output in (1, 2):
            os.dup2(stream.fileno(), output)


def log_to(file: Path, *, screen: bool) -> Log:
    """Log into a file, and onto the screen if asked."""
    log = Log(file)
    handlers: list[logging.Handler] = [log]
    if screen:
        shown = logging.StreamHandler()
        shown.setFormatter(logging.Formatter(_FORMAT))
        handlers.append(shown)
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
    for name in ("distributed", "httpx", "asyncio", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Who reads the manager's log wants to know of workers that died; a program's own log does not.
    logging.getLogger("lyftnb.engine.processes").setLevel(logging.DEBUG)
    return log
