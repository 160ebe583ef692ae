"""Views that keep up with their draft: what a cell has changed in Python shows once it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython

if TYPE_CHECKING:
    from lyftnb.widgets.widget import Studio
    from lyftnb.workspace.workflow import Workflow

_END_OF_CELL = "post_run_cell"


class Follower:
    """Tells a view of the draft that it shows, for as long as the view is there.

    A draft is plain data that anybody may change, so it is looked at, not listened to; the end of a
    cell is when a person looks, too.
    """

    def __init__(self, workflow: Workflow, studio: Studio) -> None:
        """Follow; without a notebook nothing is to be followed."""
        self._workflow = workflow
        self._studio = studio
        self._seen = workflow.to_dict()
        shell = get_ipython()
        self._events = None if shell is None else shell.events
        if self._events is not None:
            self._events.register(_END_OF_CELL, self._look)

    def close(self) -> None:
        """Follow no longer."""
        if self._events is not None:
            self._events.unregister(_END_OF_CELL, self._look)
            self._events = None

    def _look(self, _result: Any = None) -> None:
        now = self._workflow.to_dict()
        if now != self._seen:
            self._seen = now
            self._studio.show(self._workflow.text)
