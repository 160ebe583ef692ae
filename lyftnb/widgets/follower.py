"""Views that keep up with their draft: what a cell has changed in Python shows once it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython

from lyftnb import catalog
from lyftnb.workspace.studio.ops import merged

if TYPE_CHECKING:
    from lyftnb.widgets.widget import Studio
    from lyftnb.workspace.workflow import Workflow

_END_OF_CELL = "post_run_cell"


class Follower:
    """Keeps a draft and the views of it in step, for as long as the views are there.

    A draft is plain data that anybody may change, so it is looked at, not listened to; the end of a
    cell is when a person looks, too. Each text travels with the one that it was made of: where two
    were made of one at the same time, both changes are brought together here, and told anew.
    """

    def __init__(self, workflow: Workflow, studio: Studio, text: str) -> None:
        """Follow; `text` is what the views begin with."""
        self._workflow = workflow
        self._studio = studio
        self._seen = workflow.to_dict()
        self._told = text
        shell = get_ipython()
        self._events = None if shell is None else shell.events
        if self._events is not None:
            self._events.register(_END_OF_CELL, self._look)

    def edited(self, text: str, base: str) -> None:
        """Take the text that a view has made of `base`. Where Python has changed the same
        meanwhile, what Python says stands.
        """
        if text == self._told:
            return
        before, theirs = (catalog.read(each).document for each in (base, text))
        if base == self._told or before is None or theirs is None:
            self._workflow.take(text)
            self._told = text
        else:
            both, _conflicts = merged(before, self._workflow.to_dict(), theirs)
            self._workflow.take(catalog.edit(text, both))
            self._tell(base=text)
        self._seen = self._workflow.to_dict()

    def close(self) -> None:
        """Follow no longer."""
        if self._events is not None:
            self._events.unregister(_END_OF_CELL, self._look)
            self._events = None

    def _look(self, _result: Any = None) -> None:
        now = self._workflow.to_dict()
        if now != self._seen:
            self._seen = now
            self._tell(base=self._told)

    def _tell(self, base: str) -> None:
        self._told = self._workflow.text
        self._studio.show(self._told, base)
