"""The passes of the planner, one file and one function each.

`FRONT` runs on any document, also a wrong one, and finds problems; `BACK` runs on a right one only.
"""

from collections.abc import Callable

from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.passes.check import check
from lyftnb.planning.passes.cut import cut
from lyftnb.planning.passes.expand import expand
from lyftnb.planning.passes.fuse import fuse
from lyftnb.planning.passes.normalise import normalise
from lyftnb.planning.passes.place import place
from lyftnb.planning.passes.relay import relay
from lyftnb.planning.passes.route import route

Pass = Callable[[Draft, Setting], Draft]

FRONT: tuple[Pass, ...] = (expand, relay, normalise, check, route)
BACK: tuple[Pass, ...] = (cut, place, fuse)
