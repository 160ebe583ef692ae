"""Master keys: what seals the secrets of a ledger, and where people keep it.

A key is 32 random bytes, as text in URL-safe base64; its id tells it apart and tells nothing of it.
Keys lie where the ledger does not, so that a copy of the workspace gives no secret away:

1. in the keyring of the operating system, where there is one (package `keyring`), by their ids;
2. in the variable `LYFTNB_MASTER_KEY`: one key, or several with commas, the present one first;
3. as files `ID.key` of a folder, `~/.config/lyftnb/keys` by default, for its user's eyes alone.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lyftnb.errors import SetupError

VARIABLE = "LYFTNB_MASTER_KEY"

_KEY_BYTES = 32
_SERVICE = "lyftnb"


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key, and where it was found."""

    id: str
    secret: bytes = field(repr=False)
    place: str
    """For people."""

    @classmethod
    def from_text(cls, text: str, place: str) -> MasterKey:
        """The key that a text spells.

        Raises:
            SetupError: it spells none. The text is not shown.
        """
        try:
            raw = base64.b64decode(text.strip().encode(), altchars=b"-_", validate=True)
        except ValueError:
            raw = b""
        if len(raw) != _KEY_BYTES:
            raise SetupError(
                "this is no master key",
                where=place,
                hint="a key is 32 random bytes in URL-safe base64 (44 characters)",
            )
        return cls(hashlib.sha256(b"lyftnb master key" + raw).hexdigest()[:12], raw, place)

    @property
    def text(self) -> str:
        """The key as it is kept."""
        return base64.urlsafe_b64encode(self.secret).decode()


class MasterKeys:
    """The keys that this user has."""

    def __init__(
        self, folder: Path | None = None, environ: Mapping[str, str] | None = None
    ) -> None:
        """Look nowhere yet.

        Args:
            folder: where key files lie; default: below the user's configuration.
            environ: the environment; default: that of the process.
        """
        self._environ = os.environ if environ is None else environ
        home = Path(self._environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        self._folder = folder or home / "lyftnb" / "keys"
        self._found: dict[str, MasterKey] = {}

    def find(self, id: str) -> MasterKey:
        """The key of that id.

        Raises:
            SetupError: it is nowhere, or its file may be read by others.
        """
        if id in self._found:
            return self._found[id]
        found = self._in_keyring(id)
        if found is None:
            found = next((key for key in self._in_variable() if key.id == id), None)
        if found is None:
            found = self._in_folder(id)
        if found is None:
            raise SetupError(
                f"the master key {id}, which seals the secrets, is not here",
                hint=f"put it into the keyring (service {_SERVICE}, user {id}), into {VARIABLE}, "
                f"or into {self._folder / f'{id}.key'} with mode 600",
            )
        self._found[id] = found
        return found

    def first(self) -> MasterKey:
        """A key for a ledger that has sealed nothing yet: made, unless the variable has one and
        there is no keyring.
        """
        if _keyring() is None:
            given = self._in_variable()
            if given:
                return given[0]
        return self._made()

    def next(self, present: str) -> MasterKey:
        """The key to go over to from the present one.

        Raises:
            SetupError: the present one is in the variable, and the variable has no other before it.
        """
        given = self._in_variable()
        if given and given[0].id != present:
            return given[0]
        if given and self._in_keyring(present) is None:
            new = base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
            raise SetupError(
                f"the master key is in {VARIABLE}, which only you can change",
                hint=f"set it to NEW,OLD (a new key: {new}), rotate again, then remove OLD",
            )
        return self._made()

    def _in_variable(self) -> list[MasterKey]:
        texts = self._environ.get(VARIABLE, "").split(",")
        place = f"environment variable {VARIABLE}"
        return [MasterKey.from_text(text, place) for text in texts if text.strip()]

    def _in_keyring(self, id: str) -> MasterKey | None:
        keyring = _keyring()
        text = keyring.get_password(_SERVICE, id) if keyring is not None else None
        return None if text is None else MasterKey.from_text(text, "the keyring")

    def _in_folder(self, id: str) -> MasterKey | None:
        file = self._folder / f"{id}.key"
        try:
            status = file.stat()
        except FileNotFoundError:
            return None
        if status.st_uid not in (os.getuid(), 0) or stat.S_IMODE(status.st_mode) & 0o077:
            raise SetupError(
                "the key file may be read by others",
                where=str(file),
                hint=f"chmod 600 {file}; if others may have read it, rotate the key",
            )
        key = MasterKey.from_text(file.read_text(), str(file))
        if key.id != id:
            raise SetupError("the file holds another key", where=str(file), hint="restore it")
        return key

    def _made(self) -> MasterKey:
        """A new key, kept where a later process finds it before anything is sealed with it."""
        text = base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
        keyring = _keyring()
        if keyring is not None:
            key = MasterKey.from_text(text, "the keyring")
            keyring.set_password(_SERVICE, key.id, text)
            return key
        id = MasterKey.from_text(text, "").id
        file = self._folder / f"{id}.key"
        self._folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as out:
            out.write(text + "\n")
            out.flush()
            os.fsync(out.fileno())
        return MasterKey.from_text(text, str(file))


def _keyring() -> Any | None:
    """The keyring of the operating system; None where there is none to be used."""
    with suppress(Exception):
        import keyring

        # Backends of priority 0 and below only say that there is none.
        if keyring.get_keyring().priority > 0:
            return keyring
    return None
