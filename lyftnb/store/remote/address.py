"""Where an owner answers, and what proves it: made anew by each owner, gone with it.

Whoever holds an address may do all that the protocol's verbs allow. So certificate and token show
in no repr, no log and no argument of a process; the file of it is for its user alone.
"""

from __future__ import annotations

import json
import os
import secrets
import ssl
import tempfile
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lyftnb.errors import unwritten
from lyftnb.store.owner import STATE_FILE

_TOKEN_BYTES = 32
_VALID = timedelta(days=3650)
_SKEW = timedelta(days=2)
"""By so much the clocks of the owner and of its workers may differ."""


@dataclass(frozen=True, slots=True)
class StateAddress:
    """Where the owner of a workspace answers, and how the two sides know each other."""

    host: str
    port: int
    certificate: str = field(repr=False)
    """PEM. The client takes this one and no other, whoever signed it."""
    token: str = field(repr=False)

    def client_context(self) -> ssl.SSLContext:
        """TLS that trusts this owner alone."""
        return pinned(self.certificate)

    def save(self, state_dir: Path) -> None:
        """Leave the address for other processes of this user."""
        save_private(state_dir / STATE_FILE, asdict(self))

    @staticmethod
    def load(state_dir: Path) -> StateAddress | None:
        """The address that an owner has left; None if there is none that can be read."""
        try:
            found = json.loads((state_dir / STATE_FILE).read_text())
            return StateAddress(
                str(found["host"]), int(found["port"]), found["certificate"], found["token"]
            )
        except (OSError, ValueError, LookupError, TypeError):
            return None


def save_private(file: Path, document: Any) -> None:
    """Leave JSON for other processes of this user, and for nobody else.

    Raises:
        StorageError: it cannot be written (`StorageFull`: there is no room).
    """
    # Made for us alone, written whole, moved into place: nobody reads half of it, or a file whose
    # mode is about to change.
    draft = None
    try:
        fd, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
        with os.fdopen(fd, "w") as out:
            json.dump(document, out)
        Path(draft).replace(file)
    except OSError as error:
        if draft is not None:
            Path(draft).unlink(missing_ok=True)
        raise unwritten(
            "the address for other processes",
            error,
            where=str(file),
            hint="make room there, or see that this user may write",
        ) from error


def pinned(certificate: str) -> ssl.SSLContext:
    """A client's TLS that trusts this certificate (PEM) and no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # The certificate itself is pinned; the name by which a host is reached proves nothing more.
    context.check_hostname = False
    context.load_verify_locations(cadata=certificate)
    return context


def credentials() -> tuple[str, str, ssl.SSLContext]:
    """A new certificate (PEM), a new token, and the server's side of TLS with that certificate."""
    certificate, key = _certificate()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # `ssl` takes a key from a file only; it exists for these two lines, for this user alone.
    with tempfile.NamedTemporaryFile(prefix="lyftnb-", suffix=".pem") as file:
        file.write(key + certificate)
        file.flush()
        context.load_cert_chain(file.name)
    return certificate.decode(), secrets.token_urlsafe(_TOKEN_BYTES), context


def _certificate() -> tuple[bytes, bytes]:
    """A self-signed certificate and its key, in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lyftnb-owner")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _VALID)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
