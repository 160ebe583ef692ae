"""How the compiled part is built: exact, whatever the flags of whoever builds it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import lyftnb.native

ROOT = Path(lyftnb.native.__file__).parents[2]
SCRIPT = ROOT / "hatch_build.py"

pytestmark = pytest.mark.skipif(
    shutil.which("cc") is None or not SCRIPT.is_file(),
    reason="it takes a C compiler, and a clone",
)

READS = """
import sys
from lyftnb.native.library import library
assert library() is not None
smallest = sys.float_info.min / 4
print(smallest > 0, smallest * 2 / 2 == smallest)
"""


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The build script, without the build system that calls it."""
    for name in ("hatchling", "builders", "hooks", "plugin", "interface"):
        path = "hatchling.builders.hooks.plugin.interface"
        full = path[: path.index(name) + len(name)]
        monkeypatch.setitem(sys.modules, full, ModuleType(full))
    interface = sys.modules["hatchling.builders.hooks.plugin.interface"]
    interface.BuildHookInterface = dict  # type: ignore[attr-defined]
    spec = importlib.util.spec_from_file_location("hatch_build", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is compiled: the library in use stays."""
    root = tmp_path_factory.mktemp("build")
    (root / "lyftnb/native").mkdir(parents=True)
    for file in (ROOT / "lyftnb/native").glob("*.[ch]"):
        shutil.copy(file, root / "lyftnb/native")
    return root


def built(build: ModuleType, root: Path, flags: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CFLAGS", flags)
    monkeypatch.delenv(build.SKIP_NATIVE, raising=False)
    assert build.compile_native(root) is None
    return root / build.NATIVE


@pytest.mark.parametrize("flags", ["-ffast-math", "-Ofast", "-funsafe-math-optimizations"])
def test_flags_that_make_arithmetic_inexact_change_nothing(
    build: ModuleType, sources: Path, monkeypatch: pytest.MonkeyPatch, flags: str
) -> None:
    plain = built(build, sources, "", monkeypatch).read_bytes()
    assert built(build, sources, f"-g0 {flags}", monkeypatch).read_bytes() == plain


def test_a_library_built_with_such_flags_leaves_small_numbers_alone(
    build: ModuleType, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = built(build, sources, "-Ofast -ffast-math", monkeypatch)
    environment = os.environ | {"LYFTNB_NATIVE": str(library)}
    done = subprocess.run(
        [sys.executable, "-c", READS], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True"]
