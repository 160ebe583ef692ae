"""Following a path the way a stage does."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from lyftnb.connectors.base import RawReject, SourceEnv
from lyftnb.connectors.files.source import Files
from lyftnb.model import Schema

FILES = Files()


class Reader:
    """Follows a path the way a stage does: discover, read, then move the position."""

    def __init__(self, folder: Path, **params: object) -> None:
        self.folder = folder
        self.params = FILES.parse(params)
        self.position: dict[str, object] = {}
        self.floor: Schema | None = None
        self.problems: tuple[str, ...] = ()
        self.refused: list[RawReject] = []

    def env(self, **kw: object) -> SourceEnv:
        return SourceEnv(base_path=self.folder, now=datetime.now(UTC), **kw)

    def discover(self, **kw: object):
        found = FILES.discover(self.params, self.position, self.env(**kw))
        assert found == FILES.discover(self.params, self.position, self.env(**kw))
        self.problems = found.problems
        return found

    def read(self, splits) -> pl.DataFrame:
        frames = []
        for split in splits:
            result = FILES.read(self.params, split.payload, self.floor, self.env())
            frames.append(result.frame.collect())
            self.refused += result.rejects
            self.floor = result.schema or self.floor
        return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()

    @property
    def rejects(self) -> list[str]:
        return [reject.row for reject in self.refused]

    def commit(self, splits) -> None:
        payloads = [split.payload for split in splits]
        self.position = {**self.position, **FILES.advance(self.params, self.position, payloads)}

    def take(self, **kw: object) -> pl.DataFrame:
        splits = self.discover(**kw).splits
        frame = self.read(splits)
        self.commit(splits)
        return frame

    def values(self, column: str = "_raw", **kw: object) -> list[object]:
        frame = self.take(**kw)
        return frame[column].to_list() if frame.width else []
