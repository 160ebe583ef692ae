"""A library that was built of other sources is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from lyftnb.native import library as module
from lyftnb.native.library import is_built, library

pytestmark = pytest.mark.skipif(
    not is_built(), reason="the compiled part is not built: it takes a C compiler"
)


@pytest.fixture
def unloaded():
    """The library is looked for anew, in the test and behind it."""
    library.cache_clear()
    yield
    library.cache_clear()


def test_a_library_of_another_agreement_is_left_alone(unloaded, monkeypatch):
    monkeypatch.setattr(module, "AGREEMENT", module.AGREEMENT + 1)
    assert library() is None


def test_a_library_that_knows_of_no_agreement_is_left_alone(unloaded, monkeypatch):
    monkeypatch.setenv(module.SWITCH, np._core._multiarray_umath.__file__)
    assert library() is None
