"""The state protocol to a manager that may have to be started."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

from lyftnb.errors import LyftError
from lyftnb.store.remote import PATIENCE_S, StateAddress, StateClient
from lyftnb.workspace.finding import find, find_or_start
from lyftnb.workspace.folders import STATE_DIR

_ONLOOKERS_PATIENCE_S = 2.0


class ManagersState(StateClient):
    """The state protocol, whose calls start a manager that has ended. What only waits for news, in
    the background, starts none: `lyftnb down` is to hold until somebody wants something.
    """

    def __init__(self, root: Path, *, wakes: bool = True) -> None:
        """Prepare; unless it `wakes`, a call waits no longer than a manager takes to die."""
        super().__init__(self._address, patience_s=PATIENCE_S if wakes else _ONLOOKERS_PATIENCE_S)
        self._root = root
        self._wakes = wakes
        self._waking = threading.Lock()

    def _address(self) -> StateAddress | None:
        """Where the owner answers. On the client's loop, which must not wait for a start."""
        if self._wakes and self.is_asked and find(self._root) is None:
            threading.Thread(target=self._wake, name="lyftnb-waking", daemon=True).start()
        return StateAddress.load(self._root / STATE_DIR)

    def _wake(self) -> None:
        if self._waking.acquire(blocking=False):
            try:
                # Somebody may own the workspace without being its manager, and answers all the
                # same; why none can be started, the next call over HTTP tells.
                with suppress(LyftError):
                    find_or_start(self._root)
            finally:
                self._waking.release()
