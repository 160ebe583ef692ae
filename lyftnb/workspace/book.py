"""The ledger's verbs that the facade's nouns stand on, asked of the manager.

So `Spool`, `Contexts` and `Secrets` are the same here and there. Whose change it is the manager
says itself: it runs as the same user.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lyftnb.errors import NotFound
from lyftnb.model import Context, ContextChange, Issue, Schema, SegmentRef
from lyftnb.store.records import Listing, RunbookVersion, SecretInfo, SpoolInfo, Version
from lyftnb.workspace.client import Client
from lyftnb.workspace.wire import LONGEST_PAGE, Segments, adapter

if TYPE_CHECKING:
    import polars as pl

    from lyftnb.store import Damage

_LONGEST, _SHOWN = 2000, 100
"""Characters of a name in a path, and of one that an error shows."""


class Book:
    """What is asked of the manager's ledger."""

    def __init__(self, client: Client) -> None:
        self._client = client

    # -- versions

    def versions(self, workflow: str | None = None) -> list[Version]:
        """Published versions."""
        return self._client.pages("/versions", Version, workflow=workflow)

    def version(self, ref: str) -> Version:
        """A published version."""
        found: Version = self._client.get(f"/versions/{part(ref)}", Version)
        return found

    def runbooks(self, runbook: str | None = None) -> list[RunbookVersion]:
        """Published runbooks."""
        return self._client.pages("/runbooks", RunbookVersion, runbook=runbook)

    # -- spools

    def spools(self) -> list[SpoolInfo]:
        """All spools."""
        return self._client.pages("/spools", SpoolInfo)

    def spool(self, name: str) -> SpoolInfo:
        """A spool by its full name, or by its channel's while that is unique."""
        found: SpoolInfo = self._client.get(f"/spools/{part(name)}", SpoolInfo)
        return found

    def schema(self, spool: str, at: int | datetime | None = None) -> Schema | None:
        """A spool's schema."""
        return self.spool(spool).schema if at is None else self.listing(spool, at=at).schema

    def history(self, spool: str) -> pl.DataFrame:
        """The snapshots that changed a spool."""
        return self._client.frame("GET", f"/spools/{part(spool)}/history")

    def listing(
        self,
        spool: str,
        *,
        since: int | None = None,
        until: int | None = None,
        at: int | datetime | None = None,
    ) -> Listing:
        """Which files hold a spool's rows, page by page, as of one snapshot."""
        path = f"/spools/{part(spool)}/segments"
        moment = at.isoformat() if isinstance(at, datetime) else at
        first: Listing | None = None
        found: list[SegmentRef] = []
        offset: int | None = 0
        while offset is not None:
            query = {"since": since, "until": until, "at": moment, "offset": offset}
            page: Segments = self._client.get(path, Segments, **query, limit=LONGEST_PAGE)
            first = first or page.listing
            found += page.listing.segments
            offset, moment = page.next, first.snapshot
        assert first is not None
        return replace(first, segments=tuple(found))

    def scan(
        self,
        spool: str,
        *,
        since: int | None = None,
        until: int | None = None,
        at: int | datetime | None = None,
    ) -> pl.LazyFrame:
        """A spool's rows: its files are read here, by the manager's list of them."""
        return self.listing(spool, since=since, until=until, at=at).scan()

    def verify(self, spool: str | None = None) -> list[Damage]:
        """What is wrong with the files."""
        from lyftnb.store.verify import Damage

        found: list[Damage] = self._client.ask("/spools/verify", list[Damage], {}, spool=spool)
        return found

    # -- issues

    def issues(self, open_only: bool, code: str | None, place: str, limit: int) -> list[Issue]:
        """Issues, those raised last first."""
        asked = {"closed": not open_only, "code": code, "place": place}
        return self._client.pages("/issues", Issue, limit, **asked)

    def close_issue(self, code: str, place: str) -> bool:
        """Close an issue; whether it was open."""
        found = [i for i in self.issues(True, code, place, LONGEST_PAGE) if i.place == place]
        for issue in found:
            self._client.post(f"/issues/{issue.id}/close")
        return bool(found)

    # -- contexts

    def contexts(self) -> list[Context]:
        """All layers."""
        return self._client.pages("/contexts", Context)

    def context_changes(self, layer: str | None = None, limit: int = 1000) -> list[ContextChange]:
        """Who changed what, the newest first."""
        return self._client.pages("/context-changes", ContextChange, limit, layer=layer)

    def create_context(self, name: str, parent: str | None, _by: str) -> None:
        """Make a context."""
        self._client.post(f"/contexts/{part(name)}", None, {"parent": parent})

    def set_context_parent(self, name: str, parent: str | None, _by: str) -> None:
        """Give a context another parent, or none."""
        self._client.put(f"/contexts/{part(name)}/parent", None, {"parent": parent})

    def set_context(self, layer: str, path: str, value: Any, _by: str) -> None:
        """Give a variable a value."""
        sent = adapter(Any).dump_python(value, mode="json")
        self._client.put(f"/contexts/{part(layer)}/values/{part(path)}", None, {"value": sent})

    def unset_context(self, layer: str, path: str, _by: str) -> None:
        """Take a variable away."""
        self._client.delete(f"/contexts/{part(layer)}/values/{part(path)}")

    def delete_context(self, name: str, _by: str) -> None:
        """Remove a layer."""
        self._client.delete(f"/contexts/{part(name)}")

    # -- secrets

    def secrets(self) -> list[SecretInfo]:
        """What there is, without values."""
        return self._client.pages("/secrets", SecretInfo)

    def set_secret(self, name: str, value: str, _by: str) -> SecretInfo:
        """Keep a new secret."""
        return self._secret("POST", name, value)

    def rotate_secret(self, name: str, value: str, _by: str) -> SecretInfo:
        """Give a secret another value."""
        return self._secret("PUT", name, value)

    def remove_secret(self, name: str, _by: str) -> None:
        """Remove a secret."""
        self._client.delete(f"/secrets/{part(name, slashes=True)}")

    def rotate_master_key(self, _by: str) -> tuple[str, str]:
        """Seal all secrets with another master key."""
        found: tuple[str, str] = self._client.post("/master-key", tuple[str, str])
        return found

    def _secret(self, method: str, name: str, value: str) -> SecretInfo:
        send = self._client.post if method == "POST" else self._client.put
        found: SecretInfo = send(
            f"/secrets/{part(name, slashes=True)}", SecretInfo, {"value": value}
        )
        return found


def part(text: str, *, slashes: bool = False) -> str:
    """A name as a part of a path; with `slashes`, one that may have some.

    Raises:
        NotFound: it would lead elsewhere. Nothing is called so.
    """
    try:
        quoted = quote(text, safe="")
    except UnicodeEncodeError:
        quoted = ""
    if not 0 < len(quoted) <= _LONGEST or text in (".", "..") or ("/" in text and not slashes):
        shown = text.encode(errors="replace").decode()[:_SHOWN]
        raise NotFound(
            f"there is nothing called '{shown}'", hint="names have a-z, 0-9 and _", name=shown
        )
    return quoted
