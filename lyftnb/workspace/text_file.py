"""The text of files that people write."""

from __future__ import annotations

from pathlib import Path

from lyftnb.errors import LyftError, WorkflowError


def text_of(path: Path, kind: type[LyftError] = WorkflowError) -> str:
    """The text of a file.

    Raises:
        LyftError: of that kind: it is not UTF-8.
    """
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise kind(
            f"not UTF-8: byte 0x{raw[error.start]:02x}",
            where=f"{path}:{line}",
            hint="it must be a text file; save it in the encoding UTF-8",
        ) from None


def newline_of(path: Path) -> str:
    """How the lines of a file end, by its first one; `\\n` where there is none."""
    try:
        with path.open("rb") as file:
            return "\r\n" if file.readline().endswith(b"\r\n") else "\n"
    except FileNotFoundError:
        return "\n"
