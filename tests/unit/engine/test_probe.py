"""The probe file of a storage root."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from lyftnb.engine.joining import Invitation
from lyftnb.errors import StorageFull


def test_a_storage_root_without_room_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_kwargs: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(StorageFull, match="the storage root cannot be written"):
        Invitation.made(tmp_path, {}, {})
