"""No text that leaves this process shows a secret, and what is ours can be put back."""

import base64
import json
import logging
import pickle
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from lyftnb.errors import LyftError, StepFailed
from lyftnb.redaction import guard, marked, redact, redacted, restored

VALUE = 'sw0rd "f/sh"+\\ünd\n19%33'
NAME = "test/sword"
WRITTEN: list[Callable[[str], str]] = [
    str,
    repr,
    json.dumps,
    lambda value: json.dumps(value, ensure_ascii=False),
    quote,
    lambda value: quote(value, safe=""),
    quote_plus,
    lambda value: base64.b64encode(value.encode()).decode(),
]


@pytest.fixture(autouse=True)
def guarded() -> None:
    guard(NAME, VALUE)


@pytest.mark.parametrize("write", WRITTEN)
def test_in_whatever_form_it_is_written_it_goes_and_comes_back(write: Callable[[str], str]) -> None:
    payload = {"url": [f"a://u:{write(VALUE)}@h", 1, None], write(VALUE): ("x", True)}
    clean = redacted(payload)
    assert write(VALUE) not in str(clean)
    assert marked(clean) == {NAME}
    assert redacted(clean) == clean
    assert restored(clean, {NAME: VALUE}) == payload
    # It is bound late: after a rotation the new value stands in its place, in the same form.
    assert restored(clean, {NAME: "new"})["url"][0] == f"a://u:{write('new')}@h"


@pytest.mark.parametrize("before", ["", "u:", "us:", "use:"])
def test_within_base64_of_a_longer_text_it_goes(before: str) -> None:
    raw = f"{before}{VALUE}, and more".encode()
    told = base64.b64encode(raw).decode()
    # The characters that hold bits of the value alone.
    first, last = -(-8 * len(before) // 6), 8 * (len(before) + len(VALUE.encode())) // 6
    clean = redact(told)
    assert clean.startswith(told[:first])
    assert clean.endswith(told[last:])
    assert "${secret.test/sword|" in clean
    assert not any(told[at : at + 4] in clean for at in range(first, last - 4))


def test_of_a_part_the_whole_is_not_told() -> None:
    with pytest.raises(ValueError, match="only a part was kept"):
        restored("x ${secret.test/sword|part}", {NAME: VALUE})


def test_errors_show_none_wherever_it_was_put() -> None:
    error = LyftError(
        f"cannot open {VALUE}", where=f"at {VALUE}", hint=f"not {VALUE!r}", found=[{VALUE: VALUE}]
    )
    for shown in (error, pickle.loads(pickle.dumps(error)), error.with_where(f"step {VALUE}")):
        words = f"{shown} {shown!r} {shown.facts} {shown.args} {shown._render_traceback_()}"
        assert "sw0rd" not in words
        assert "cannot open ${secret.test/sword}" in shown.message


def test_log_records_show_none(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError(VALUE)
    except ValueError as error:
        failure = StepFailed("wrapped")
        failure.__cause__ = error
    log = logging.getLogger("somebody.elses")
    with caplog.at_level(logging.DEBUG):
        log.info("trying %s and %r", VALUE, VALUE)
        log.debug({"as": VALUE})
        log.error("failed", exc_info=failure)
    assert "sw0rd" not in caplog.text
    assert "trying ${secret.test/sword} and " in caplog.text
    assert "ValueError: ${secret.test/sword}" in caplog.text


def test_a_weak_secret_spoils_no_reference() -> None:
    guard("test/quagmire", "quagmire")
    text = redact("the quagmire, and ${secret.db/quagmire} as it was")
    assert text == "the ${secret.test/quagmire}, and ${secret.db/quagmire} as it was"


def test_what_holds_none_is_left_alone() -> None:
    value: Any = {"a": [1, 2.5, None, b"raw", "text"], "b": ("x",)}
    assert redacted(value) == value
