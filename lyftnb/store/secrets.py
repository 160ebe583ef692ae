"""Verbs of the ledger: secrets.

The present value of each is one row, sealed (AES-256 in GCM) by a master key that is not here
(`master_keys`), and bound to its name and version: a row that was moved or changed does not open.
Who set what and when are rows of their own; they hold no value.

A value leaves the ledger for those who run only what names it: deployments are *lent* what their
plan refers to (`lend_secrets`), and `lent_secrets`, which workers call, gives nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lyftnb import redaction
from lyftnb.errors import NotFound, SetupError, StorageError, near
from lyftnb.model import is_secret_name
from lyftnb.store.audit import note
from lyftnb.store.families import Setting
from lyftnb.store.master_keys import MasterKey, MasterKeys
from lyftnb.store.records import SecretInfo
from lyftnb.store.session import Session

MAX_BYTES = 64 * 2**10
_NONCE_BYTES = 12


class Secrets(Session):
    """Secrets, by names `SCOPE/NAME`. `by` is who makes a change."""

    def __init__(self, *args: Any, keys: MasterKeys | None = None) -> None:
        super().__init__(*args)
        self._keys = keys or MasterKeys()
        self._lent: dict[str, frozenset[str]] = {}

    def secrets(self) -> list[SecretInfo]:
        """What there is, by name; no values."""
        with self.opened() as database:
            return [_info(row) for row in database.rows("secrets")]

    def set_secret(self, name: str, value: str, by: str) -> SecretInfo:
        """Keep a new secret.

        Raises:
            SetupError: there is one of that name, the name or the value cannot be one, or the
                master key is not at hand.
        """
        _check(name, value)
        with self.changing() as setting:
            rows = _rows(setting)
            if name in rows:
                raise SetupError(f"there is a secret {name}", hint=f"lyftnb secret rotate {name}")
            return self._write(setting, rows, name, value, by)

    def rotate_secret(self, name: str, value: str, by: str) -> SecretInfo:
        """Give a secret another value: the next batch of whoever uses it takes this one.

        Raises:
            NotFound: there is no such secret.
            SetupError: the value cannot be one, or the master key is not at hand.
        """
        _check(name, value)
        with self.changing() as setting:
            rows = _rows(setting)
            if name not in rows:
                raise _unknown(name, rows)
            return self._write(setting, rows, name, value, by)

    def remove_secret(self, name: str, by: str) -> None:
        """Remove a secret with its value.

        Raises:
            NotFound: there is no such secret.
        """
        with self.changing() as setting:
            rows = _rows(setting)
            if name not in rows:
                raise _unknown(name, rows)
            setting.database.run("remove_secrets", names=[name])
            _note(setting, [rows[name]], "remove", by)

    def rotate_master_key(self, by: str) -> tuple[str, str]:
        """Seal all secrets with another master key, in one transaction; ids of the old and the new.

        The old key stays where it is: backups and copies of the ledger need it.

        Raises:
            SetupError: there are no secrets, a key is not at hand, or only the user can change it.
        """
        with self.changing() as setting:
            rows = _rows(setting)
            if not rows:
                raise SetupError("there are no secrets yet", hint="the first one makes a key")
            old = _present(rows)
            new = self._keys.next(old)
            opened = self._opened(rows)
            again = [
                row | {"key_id": new.id, "sealed": _sealed(new, opened[name], row)}
                for name, row in rows.items()
            ]
            setting.database.run("remove_secrets", names=list(rows))
            setting.database.append("secrets", again)
            _note(setting, again, "rekey", by)
            return old, new.id

    # -- giving values out

    def secret_values(self, names: Collection[str]) -> dict[str, str]:
        """The present values, for the owner's own use. From here on this process redacts them.

        Raises:
            NotFound: there is no such secret.
        """
        if not names:
            return {}
        with self.opened() as database:
            rows = {row["secret"]: row for row in database.rows("secrets")}
        for name in sorted(names):
            if name not in rows:
                raise _unknown(name, rows)
        return self._opened({name: rows[name] for name in names})

    def lend_secrets(self, deployment: str, names: Collection[str]) -> None:
        """Let workers have these for a deployment, and no others; for as long as this owner lives,
        or until it is called again.
        """
        with self._lock:
            self._lent[deployment] = frozenset(names)

    def lent_secrets(self, names: Sequence[str]) -> dict[str, str]:
        """The present values of secrets that some deployment is lent.

        Raises:
            SetupError: nothing that runs here names such a secret.
            NotFound: there is no such secret.
        """
        with self._lock:
            lent = frozenset[str]().union(*self._lent.values())
        refused = sorted(set(names) - lent)
        if refused:
            raise SetupError(
                f"nothing that runs here names the secret {refused[0]}",
                hint="write ${secret." + refused[0] + "} in the step that needs it",
            )
        return self.secret_values(names)

    # -- inside

    def _write(
        self, setting: Setting, rows: Mapping[str, Any], name: str, value: str, by: str
    ) -> SecretInfo:
        key = self._keys.find(_present(rows)) if rows else self._keys.first()
        before = rows.get(name)
        row = {
            "secret": name,
            "version": before["version"] + 1 if before else 1,
            "key_id": key.id,
            "created_at": before["created_at"] if before else setting.now,
            "rotated_at": setting.now if before else None,
        }
        setting.database.run("remove_secrets", names=[name])
        setting.database.append("secrets", [row | {"sealed": _sealed(key, value, row)}])
        _note(setting, [row], "rotate" if before else "set", by)
        redaction.guard(name, value)
        return _info(row)

    def _opened(self, rows: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
        keys = {id: self._keys.find(id) for id in {row["key_id"] for row in rows.values()}}
        values = {name: _unsealed(keys[row["key_id"]], row) for name, row in rows.items()}
        for name, value in values.items():
            redaction.guard(name, value)
        return values


def _sealed(key: MasterKey, value: str, row: Mapping[str, Any]) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key.secret).encrypt(nonce, value.encode(), _bound_to(row))


def _unsealed(key: MasterKey, row: Mapping[str, Any]) -> str:
    nonce, sealed = row["sealed"][:_NONCE_BYTES], row["sealed"][_NONCE_BYTES:]
    try:
        return AESGCM(key.secret).decrypt(nonce, sealed, _bound_to(row)).decode()
    except InvalidTag:
        raise StorageError(
            f"the secret {row['secret']} does not open: its row is not what was written",
            hint="set it anew: remove it and set it, or restore the ledger from a backup",
        ) from None


def _bound_to(row: Mapping[str, Any]) -> bytes:
    """What a sealed value belongs to: it opens nowhere else."""
    return f"lyftnb secret 1\0{row['secret']}\0{row['version']}".encode()


def _present(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The id of the key that seals: all rows have one."""
    return str(next(iter(rows.values()))["key_id"])


def _rows(setting: Setting) -> dict[str, dict[str, Any]]:
    return {row["secret"]: row for row in setting.database.rows("secrets")}


def _note(setting: Setting, rows: Sequence[Mapping[str, Any]], edit: str, by: str) -> None:
    names = ("secret", "version", "key_id")
    stamp = {"edit": edit, "changed_at": setting.now, "changed_by": by}
    changes = [{name: row[name] for name in names} | stamp for row in rows]
    setting.database.append("secret_changes", changes)
    for row in rows:
        detail = {"version": row["version"], "key_id": row["key_id"]}
        note(setting.database, setting.now, by, f"secret {edit}", row["secret"], detail)


def _check(name: str, value: str) -> None:
    if not is_secret_name(name):
        raise SetupError(
            f"'{name}' is no name of a secret",
            hint="write SCOPE/NAME, both of small letters, digits and _: db/password",
        )
    size = len(value.encode(errors="replace"))
    if len(value) < redaction.MIN_LENGTH or size > MAX_BYTES:
        raise SetupError(
            f"a secret has {redaction.MIN_LENGTH} characters to {MAX_BYTES} bytes; this has {size}",
            where=f"secret {name}",
            hint="a shorter one could not be kept out of texts, where it stands by chance",
        )
    try:
        value.encode()
    except UnicodeEncodeError:
        raise SetupError("a secret is text that UTF-8 can hold", where=f"secret {name}") from None


def _unknown(name: str, known: Collection[str]) -> NotFound:
    guess = near(name, known)
    meant = f"did you mean {guess}? Otherwise " if guess else ""
    return NotFound(
        f"there is no secret {name}", hint=f"{meant}set it: lyftnb secret set {name}", name=name
    )


def _info(row: Mapping[str, Any]) -> SecretInfo:
    names = ("version", "key_id", "created_at", "rotated_at")
    return SecretInfo(row["secret"], **{name: row[name] for name in names})
