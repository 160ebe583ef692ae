"""The secrets of a workspace, but for their values: `ws.secrets`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lyftnb.workspace.contexts import user
from lyftnb.workspace.nouns import SECRETS
from lyftnb.workspace.tabular import Table

if TYPE_CHECKING:
    from lyftnb.store import Ledger, SecretInfo
    from lyftnb.workspace.book import Book


class Secrets:
    """Secrets by names `SCOPE/NAME`: set, rotated, removed. A workflow names one as
    `${secret.SCOPE/NAME}`; its value goes to the workers that run the step, and nowhere else.
    """

    def __init__(self, ledger: Ledger | Book) -> None:
        self._ledger = ledger

    def list(self) -> Table[SecretInfo]:
        """What there is, by name; no values."""
        return Table(self._ledger.secrets(), SECRETS)

    def set(self, name: str, value: str) -> SecretInfo:
        """Keep a new secret.

        Raises:
            SetupError: there is one of that name, or the name or the value cannot be one.
        """
        return self._ledger.set_secret(name, value, user())

    def rotate(self, name: str, value: str) -> SecretInfo:
        """Give a secret another value: the next batch that uses it takes this one.

        Raises:
            NotFound: there is no such secret.
        """
        return self._ledger.rotate_secret(name, value, user())

    def remove(self, name: str) -> None:
        """Remove a secret.

        Raises:
            NotFound: there is no such secret.
        """
        self._ledger.remove_secret(name, user())

    def rotate_key(self) -> tuple[str, str]:
        """Seal all secrets with another master key; the ids of the old one and the new one.

        Raises:
            SetupError: a key is not at hand, or only you can change it.
        """
        return self._ledger.rotate_master_key(user())

    def __repr__(self) -> str:
        return f"Secrets({', '.join(secret.name for secret in self.list())})"

    def _repr_html_(self) -> str:
        return self.list()._repr_html_()
