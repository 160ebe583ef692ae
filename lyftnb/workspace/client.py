"""Talks HTTP with the manager: finds it (again), sends the token, raises its errors as our own."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from lyftnb.errors import LedgerError, LyftError, OutcomeUnknown, SetupError, Temporary
from lyftnb.workspace.address import ManagerAddress
from lyftnb.workspace.wire import (
    API,
    ARROW,
    ENDING,
    LONGEST_PAGE,
    PROBLEM,
    QUIET,
    adapter,
    error_of,
)

if TYPE_CHECKING:
    import httpx
    import polars as pl

T = TypeVar("T")

_CONNECT_S = 5.0
_ANSWER_S = 360.0
"""Longer than the longest that the manager may take: a query, or workers that come up."""
_KEPT_S = 10.0
_PATIENCE_S = 5.0
"""How long a manager that breaks connections is tried again, if that does no harm."""
_PAUSE_S = 0.05
_ANOTHER = "is it of another version of lyftnb? `lyftnb down`, then try again"
_SILENCE_S = 60.0
"""A stream says something more often than this."""


class Client:
    """Calls of one manager, and of its successors. Thread-safe."""

    def __init__(self, find: Callable[[], ManagerAddress], *, quiet: bool = False) -> None:
        """Prepare; `find` gives the manager that is up, or starts one. What a `quiet` client asks
        does not keep an idle manager from ending.
        """
        self._find = find
        self._quiet = quiet
        self._lock = threading.Lock()
        self._address: ManagerAddress | None = None
        self._http: httpx.Client | None = None
        self._closed = False

    @property
    def address(self) -> ManagerAddress | None:
        """The manager that was spoken to last."""
        return self._address

    # -- calls

    def get(self, path: str, kind: Any = None, **query: Any) -> Any:
        """Ask for what is at `path`, as a value of type `kind`."""
        return self._value(self._send("GET", path, query, None, repeatable=True), kind)

    def ask(self, path: str, kind: Any, body: Mapping[str, Any], **query: Any) -> Any:
        """Ask with a body; nothing changes by it."""
        return self._value(self._send("POST", path, query, body, repeatable=True), kind)

    def post(self, path: str, kind: Any = None, body: Any = None, **query: Any) -> Any:
        """Have something done, once."""
        return self._value(self._send("POST", path, query, body), kind)

    def put(self, path: str, kind: Any = None, body: Any = None) -> Any:
        """Set something, once."""
        return self._value(self._send("PUT", path, {}, body), kind)

    def delete(self, path: str, **query: Any) -> None:
        """Remove something, once."""
        self._send("DELETE", path, query, None)

    def pages(self, path: str, kind: Any, limit: int | None = None, **query: Any) -> list[Any]:
        """All items of a listing, or the first `limit`, page by page."""
        found: list[Any] = []
        offset: int | None = 0
        while offset is not None and (limit is None or len(found) < limit):
            size = LONGEST_PAGE if limit is None else min(LONGEST_PAGE, limit - len(found))
            page = self.get(path, **query, offset=offset, limit=size)
            with _understanding(path):
                found += adapter(list[kind]).validate_python(page["items"])
                offset = page["next"]
        return found

    def frame(self, method: str, path: str, body: Any = None, **query: Any) -> pl.DataFrame:
        """An answer that is a table."""
        import polars as pl

        answer = self._send(method, path, query, body, repeatable=True, accept=ARROW)
        return pl.read_ipc_stream(answer.content)

    def stream(
        self, path: str, last: str | None = None, *, quiet: bool = False
    ) -> Iterator[tuple[str, str, Any]]:
        """The events of a stream, behind the one whose id is `last`: (id, kind, data); now and then
        one without a kind, so that who listens can see to other things. A `quiet` stream does not
        keep an idle manager from ending.

        Raises:
            Temporary: the connection broke; go on behind the last event.
        """
        import httpx

        http, address = self._connected()
        headers = self._headers(address) | ({} if last is None else {"Last-Event-ID": last})
        headers |= {QUIET: "yes"} if quiet else {}
        timeout = httpx.Timeout(_SILENCE_S, connect=_CONNECT_S)
        try:
            with http.stream("GET", API + path, headers=headers, timeout=timeout) as answer:
                if not answer.is_success:
                    answer.read()
                    raise _error(answer)
                yield from _events(answer.iter_lines())
        except httpx.TransportError as error:
            raise Temporary(
                f"the manager's stream broke: {error or type(error).__name__}"
            ) from None

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            self._closed = True
            if self._http is not None:
                self._http.close()

    # -- inside

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        body: Any,
        *,
        repeatable: bool = False,
        accept: str = "application/json",
    ) -> httpx.Response:
        import httpx

        given = {k: v for k, v in query.items() if v is not None}
        patient_until, turned_away = time.monotonic() + _PATIENCE_S, False
        for attempt in itertools.count():
            http, address = self._connected(again=attempt > 0)
            headers = {**self._headers(address), "Accept": accept}
            try:
                answer = http.request(method, API + path, params=given, json=body, headers=headers)
            except httpx.TransportError as error:
                # That manager is gone, and there may be a next one.
                lost = str(error) or type(error).__name__
                unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if not (unsent or repeatable):
                    raise OutcomeUnknown(
                        f"the manager was lost before it answered: {lost}",
                        where=f"{method} {path}",
                        hint="look whether it was done before you ask again",
                    ) from None
                if time.monotonic() > patient_until:
                    break
                # One that is being killed may be found once more.
                time.sleep(_PAUSE_S * attempt)
                continue
            if answer.is_success:
                return answer
            if turned_away or not _is_for_another(answer):
                raise _error(answer)
            turned_away = True
        raise Temporary(
            f"the manager cannot be reached: {lost}",
            where=address.url,
            hint="see `lyftnb status` and `lyftnb logs`",
        )

    def _value(self, answer: httpx.Response, kind: Any) -> Any:
        with _understanding(str(answer.url)):
            if kind is None:
                return json.loads(answer.content) if answer.content else None
            return adapter(kind).validate_json(answer.content)

    def _headers(self, address: ManagerAddress) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {address.token}"}
        return headers | ({QUIET: "yes"} if self._quiet else {})

    def _connected(self, *, again: bool = False) -> tuple[httpx.Client, ManagerAddress]:
        import httpx

        with self._lock:
            if self._closed:
                raise LedgerError("the workspace is closed", hint="connect again")
            if self._http is None or self._address is None or again:
                address = self._find()
                if address != self._address or self._http is None:
                    if self._http is not None:
                        self._http.close()
                    timeout = httpx.Timeout(_ANSWER_S, connect=_CONNECT_S)
                    # Connections are let go long before the manager does.
                    limits = httpx.Limits(keepalive_expiry=_KEPT_S)
                    # No proxy and no netrc of the environment: it is a neighbour.
                    self._http = httpx.Client(
                        base_url=address.url,
                        verify=address.tls(),
                        timeout=timeout,
                        limits=limits,
                        trust_env=False,
                    )
                    self._address = address
            return self._http, self._address


def _is_for_another(answer: httpx.Response) -> bool:
    """Whether nothing has looked at the request, because the manager is ending, or is another one
    by now: then its successor may.
    """
    return answer.status_code == 401 or answer.json().get("code") == ENDING


def _error(answer: httpx.Response) -> LyftError:
    if answer.headers.get("content-type", "").startswith(PROBLEM):
        return error_of(answer.json())
    return SetupError(
        f"the manager answered {answer.status_code} {answer.reason_phrase}",
        where=str(answer.url),
        hint=_ANOTHER,
    )


@contextmanager
def _understanding(where: str) -> Iterator[None]:
    """Read an answer, which a manager of another version may give otherwise."""
    try:
        yield
    except (ValueError, KeyError, TypeError) as error:
        raise SetupError(
            "the manager's answer cannot be read", where=where, hint=_ANOTHER
        ) from error


def _events(lines: Iterator[str]) -> Iterator[tuple[str, str, Any]]:
    """Server-sent events; their data are JSON."""
    id = kind = ""
    data: list[str] = []
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            id = value
        elif name == "event":
            kind = value
        elif name == "data":
            data.append(value)
        elif line.startswith(":"):
            yield id, "", None
        elif not line and data:
            yield id, kind, json.loads("\n".join(data))
            kind, data = "", []
