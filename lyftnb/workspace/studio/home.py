"""The workspace behind a canvas, reached when a question needs it; what drafts are held against.

A draft needs no manager. While one is up, drafts know its contexts, secrets and spools, too, as of
a few seconds ago.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lyftnb.errors import ConfigError, LyftError
from lyftnb.model import Context, Schema, draft_name
from lyftnb.planning import ContextLayers
from lyftnb.workspace.config import Config
from lyftnb.workspace.entering import connect
from lyftnb.workspace.finding import find
from lyftnb.workspace.held import held
from lyftnb.workspace.remote import RemoteWorkspace

if TYPE_CHECKING:
    from lyftnb.workspace.entering import AnyWorkspace

_FRESH_S = 5.0


@dataclass(frozen=True)
class Surroundings:
    """What a draft is held against, beside its own document."""

    contexts: tuple[Context, ...] = ()
    default: str | None = None
    secrets: frozenset[str] | None = None
    """None: not known, all are taken to be there."""
    known: Mapping[str, Schema] = field(default_factory=dict)
    """`DEPLOYMENT.CHANNEL` → its present schema."""

    def layers(self, workflow: str) -> ContextLayers:
        """The context of the workflow's draft."""
        named = {context.layer for context in self.contexts}
        chosen = self.default if self.default in named else None
        return ContextLayers.of(self.contexts, draft_name(workflow), chosen)


class Home:
    """A workspace's folder, and the way to whoever owns it. Thread-safe."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._workspace: AnyWorkspace | None = None
        self._onlooker: AnyWorkspace | None = None
        self._surroundings = Surroundings()
        self._looked_at: float | None = None
        self._looking = threading.Lock()

    @property
    def up(self) -> bool:
        """Whether somebody answers for the workspace, without anybody being started."""
        return held(self.root) is not None or find(self.root) is not None

    @property
    def exists(self) -> bool:
        """Whether the folder is there: it may be deleted while somebody looks at it."""
        return self.root.is_dir()

    def workspace(self) -> AnyWorkspace:
        """The workspace; its manager is started if it is not up.

        Raises:
            LyftError: it cannot be reached.
        """
        ours = held(self.root)
        if ours is not None:
            return ours
        with self._lock:
            if self._workspace is None:
                self._workspace = connect(self.root)
            return self._workspace

    def onlooker(self) -> AnyWorkspace:
        """The workspace, for what nobody has asked for: starts no manager, not even in the place of
        one that ends right now.

        Raises:
            LyftError: it cannot be reached.
        """
        ours = held(self.root)
        if ours is not None:
            return ours
        with self._lock:
            if self._onlooker is None:
                self._onlooker = RemoteWorkspace(self.root, onlooker=True)
            return self._onlooker

    @property
    def config(self) -> Config:
        """The settings; those that stand without a file where that is wrong."""
        try:
            return Config.load(self.root)
        except ConfigError:
            return Config()

    def surroundings(self) -> Surroundings:
        """What drafts are held against, at most a few seconds old; the first time it is waited for,
        and looked up in the background from then on.
        """
        now = time.monotonic()
        if not self.up:
            self._surroundings, self._looked_at = Surroundings(), None
        elif self._looked_at is None:
            self._look()
        elif now - self._looked_at > _FRESH_S:
            threading.Thread(target=self._look, name="lyftnb-surroundings", daemon=True).start()
        return self._surroundings

    def _look(self) -> None:
        if not self._looking.acquire(blocking=False):
            return
        try:
            workspace = self.onlooker()
            schemas = {
                info.spool: info.schema for info in workspace.spools() if info.schema is not None
            }
            self._surroundings = Surroundings(
                tuple(workspace.contexts.list()),
                workspace.contexts.default,
                frozenset(secret.name for secret in workspace.secrets.list()),
                schemas,
            )
        except LyftError:
            return  # it has ended meanwhile, or is too busy: what is known stands
        finally:
            self._looked_at = time.monotonic()
            self._looking.release()

    def close(self) -> None:
        """Hang up; what was not opened here stays open."""
        with self._lock:
            for opened in (self._workspace, self._onlooker):
                if isinstance(opened, RemoteWorkspace):
                    opened.close()
            self._workspace = self._onlooker = None
