"""Connectors: where rows come from and where they go, outside of lyftnb.

Two protocols, `Source` (discover, advance, read) and `Sink` (stage, publish), one module for each
connector, users' own by entry point. May read and write the outside world; must not know the
ledger, spools, actions or Dask.
"""

from lyftnb.connectors.base import (
    Discovery,
    RawReject,
    ReadResult,
    Sink,
    SinkEnv,
    Source,
    SourceEnv,
    SourceSplit,
    StateSink,
)
from lyftnb.connectors.checker import ConnectorChecker
from lyftnb.connectors.registry import SINKS, SOURCES
from lyftnb.connectors.unfilled import parse_filled, parse_unfilled
from lyftnb.model import Params

__all__ = [
    "SINKS",
    "SOURCES",
    "ConnectorChecker",
    "Discovery",
    "Params",
    "RawReject",
    "ReadResult",
    "Sink",
    "SinkEnv",
    "Source",
    "SourceEnv",
    "SourceSplit",
    "StateSink",
    "parse_filled",
    "parse_unfilled",
]
