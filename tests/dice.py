"""How often chance gets a try: seldom in the suite, often in `make soak`."""

from __future__ import annotations

import os

SOAKING = os.environ.get("HYPOTHESIS_PROFILE") == "soak"


def rounds(quick: int, soaking: int) -> int:
    """So many tries in the suite, so many while soaking."""
    return soaking if SOAKING else quick
