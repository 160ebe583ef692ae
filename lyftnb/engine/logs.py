"""Dask's own log: kept out of the user's terminal. What people need to know, we say."""

from __future__ import annotations

import logging


def quieten() -> None:
    """Silence the loggers that Dask sets up as it is imported, whoever's handlers listen."""
    import distributed  # noqa: F401

    for name in ("distributed", "distributed.client", "distributed.gc"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
