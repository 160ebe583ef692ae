"""One widget class for all views: a name of the view, what it shows, and a line to the studio."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any, Literal

import ipywidgets
import traitlets

from lyftnb.widgets.follower import Follower
from lyftnb.workspace.studio.exchange import Exchange
from lyftnb.workspace.workflow import Workflow

View = Literal["editor", "show", "trace", "plan", "monitor", "spools"]
MODULE = "lyftnb-widgets"
VERSION = "0.1.0"
OUTPUT = "application/vnd.lyftnb.view+json"
"""Tells our front end that view and picture belong together: it shows the one that there is."""


class Studio(ipywidgets.DOMWidget):
    """A view of the studio in a notebook.

    The state that a notebook saves is small: the view, what it shows and a height. All else is
    asked for over the widget's comm, in the studio's own protocol.
    """

    _model_name = traitlets.Unicode("StudioModel").tag(sync=True)
    _model_module = traitlets.Unicode(MODULE).tag(sync=True)
    _model_module_version = traitlets.Unicode(VERSION).tag(sync=True)
    _view_name = traitlets.Unicode("StudioView").tag(sync=True)
    _view_module = traitlets.Unicode(MODULE).tag(sync=True)
    _view_module_version = traitlets.Unicode(VERSION).tag(sync=True)

    view = traitlets.Unicode("editor", help="which view").tag(sync=True)
    subject = traitlets.Dict(help="what it shows: a draft's text, a deployment, a spool").tag(
        sync=True
    )
    height = traitlets.Int(0, help="in pixels; 0: as the view likes").tag(sync=True)

    def __init__(
        self,
        view: View,
        subject: dict[str, Any],
        *,
        root: Path,
        height: int = 0,
        picture: str = "",
        draft: Workflow | None = None,
    ) -> None:
        """Make it.

        Args:
            view: which view.
            subject: what it shows.
            root: the workspace's folder.
            height: in pixels; 0: as the view likes.
            picture: HTML for where nobody answers, or no widget can be shown.
            draft: what it shows: changes that cells make in it show here, and those that are made
                here are made in it.
        """
        super().__init__(view=view, subject=subject, height=height)
        self._picture = picture
        self._exchange = Exchange(root, self._out)
        self._follower = None if draft is None else Follower(draft, self, subject["text"])
        self.on_msg(self._in)
        self.observe(self._edited, "subject")

    def show(self, text: str, base: str) -> None:
        """Show another text of the draft, made of `base`, in all views."""
        self.subject = {**self.subject, "text": text, "base": base}

    def close(self) -> None:
        """Take it off the page, and let go of all behind it."""
        self._exchange.close()
        if self._follower is not None:
            self._follower.close()
        super().close()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The view, with a picture and a text for those who cannot show it."""
        data = dict(super()._repr_mimebundle_(**kwargs) or {})
        data["text/plain"] = repr(self)
        data["text/html"] = self._picture or f"<p>{escape(repr(self))}</p>"
        data[OUTPUT] = {"view": self.view}
        return data

    def __repr__(self) -> str:
        about = self.subject.get("deployment") or self.subject.get("draft") or ""
        return f"lyftnb {self.view}" + (f" of {about}" if about else "")

    # -- inside

    def _in(self, _widget: object, content: Any, _buffers: object) -> None:
        """A frame from the view."""
        self._exchange.take(content)

    def _out(self, frame: dict[str, Any]) -> None:
        """A frame to the view; from any thread."""
        if self.comm is not None:
            self.send(frame)

    def _edited(self, change: Any) -> None:
        """The text that a view has made of the draft."""
        subject = change["new"]
        if self._follower is not None and subject.get("text") != change["old"].get("text"):
            self._follower.edited(subject["text"], subject.get("base", ""))
