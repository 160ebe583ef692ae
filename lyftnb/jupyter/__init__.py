"""JupyterLab's side of the workspace: a server extension that carries questions to the studio.

One websocket for each client and workspace, behind the server's own authentication; no port, no
process and no logic of its own. Importing it loads no engine. Must not know drafts or managers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "lyftnb.jupyter"}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "../labextension", "dest": "lyftnb"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    from lyftnb.jupyter.socket import handlers

    app = server.web_app
    app.add_handlers(".*$", handlers(app.settings))
