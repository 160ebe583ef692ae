"""The canvas and its companions in a notebook: ipywidgets, and magics.

A widget shows what JupyterLab's own views show, over the same studio, which runs in the notebook's
kernel. Everything is found here by name only when it is used: `import lyftnb` loads no ipywidgets.
"""

from lyftnb.widgets.views import edit, monitor, plan, show, spools, trace

__all__ = ["edit", "monitor", "plan", "show", "spools", "trace"]
