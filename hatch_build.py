"""Builds the JupyterLab front end into the wheel, where Node is at hand.

From a clone, `pip install .` and `pip wheel .` build what is stale with npm. A source distribution
holds the built files already, and a wheel needs nothing. Where Node is missing or npm fails,
everything else is installed all the same, and a warning tells what is missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = "lyftnb/labextension"
LABEXTENSION = "share/jupyter/labextensions/lyftnb"
SERVER_CONFIG = "etc/jupyter/jupyter_server_config.d/lyftnb.json"
SOURCES = ("*/src/**/*", "*/style/**/*", "*/schema/**/*", "*/package.json", "package*.json")
INSTALL = ("install", "--legacy-peer-deps", "--no-audit", "--no-fund")
SKIP = "LYFTNB_SKIP_FRONTEND"


class FrontEnd(BuildHookInterface[Any]):
    """What a wheel and a source distribution hold beside Python."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the front end if it is stale, and list the data files.

        An editable install leaves the front end to `make lab`, which links it: a copy would go
        stale with the first change.
        """
        root = Path(self.root)
        shared = build_data.setdefault("shared_data", {})
        shared["jupyter-config/lyftnb.json"] = SERVER_CONFIG
        if version == "editable":
            return
        if is_stale(root):
            trouble = build(root)
            if trouble:
                self.app.display_warning(trouble)
        if not (root / BUILT / "package.json").is_file():
            return
        if self.target_name == "sdist":
            build_data["artifacts"].append(f"/{BUILT}")
        else:
            shared[BUILT] = LABEXTENSION
            shared["jupyter-config/install.json"] = f"{LABEXTENSION}/install.json"


def is_stale(root: Path) -> bool:
    """Whether there are sources that are newer than what was built of them."""
    built = root / BUILT / "package.json"
    if not (root / "extensions").is_dir():
        return False
    if not built.is_file():
        return True
    if not (root / ".git").exists():
        return False  # an unpacked source distribution: its times say nothing, its files fit
    since = built.stat().st_mtime
    found = (file for pattern in SOURCES for file in (root / "extensions").glob(pattern))
    return any(file.stat().st_mtime > since for file in found if file.is_file())


def build(root: Path) -> str | None:
    """Build with npm; gives back what went wrong, for people."""
    if os.environ.get(SKIP):
        return f"the JupyterLab front end is not built: {SKIP} is set"
    npm = shutil.which("npm")
    if npm is None:
        return (
            "the JupyterLab front end is not built: npm was not found. Everything else works; "
            "for the canvas install Node 20 or newer and install lyftnb again"
        )
    for command in (INSTALL, ("run", "build")):
        done = subprocess.run(
            [npm, *command], cwd=root / "extensions", capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip()[-2000:]
            return f"the JupyterLab front end is not built: `npm {command[0]}` failed:\n{said}"
    return None
