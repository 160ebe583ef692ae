"""Dask's own log: kept out of the user's terminal. What people need to know, we say."""

from __future__ import annotations

import logging


def quieten() -> None:
    """Close the handlers that Dask sets up as it is imported."""
    import distributed  # noqa: F401

    for name in ("distributed", "tornado", "tornado.application"):
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, logging.StreamHandler):
                handler.setLevel(logging.CRITICAL + 1)
