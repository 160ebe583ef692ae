"""Claims as the ledger keeps them: JSON documents that give the same claim back."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from lyftnb.model import Claim

_CLAIM = TypeAdapter(Claim)


def to_document(claim: Claim) -> Any:
    """A claim as plain JSON values."""
    return _CLAIM.dump_python(claim, mode="json")


def from_text(document: str) -> Claim:
    """The claim that a stored document holds."""
    return _CLAIM.validate_json(document)
