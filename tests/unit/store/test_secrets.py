"""Secrets in the ledger: sealed at rest, bound to their names, lent and not given, rotated."""

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lyftnb.clock import ManualClock
from lyftnb.errors import LyftError, NotFound, SetupError, StorageError
from lyftnb.store import Ledger, MasterKeys
from lyftnb.store import master_keys as keys_module

VALUE = "swordfish-of-1933"

Open = Callable[..., Ledger]


@pytest.fixture
def reopened(tmp_path: Path, clock: ManualClock) -> Iterator[Open]:
    """Opens the one ledger, with keys in a folder and in the variables given."""
    opened: list[Ledger] = []

    def open(**environ: str) -> Ledger:
        if opened:
            opened[-1].close()
        keys = MasterKeys(tmp_path / "keys", environ)
        opened.append(Ledger.open(tmp_path / "state", clock, keys=keys))
        return opened[-1]

    yield open
    for ledger in opened:
        ledger.close()


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def test_a_value_is_sealed_and_comes_back(reopened: Open, tmp_path: Path) -> None:
    made = reopened().set_secret("db/password", VALUE, "ada")
    assert (made.version, made.rotated_at) == (1, None)
    ledger = reopened()
    assert ledger.secret_values(["db/password"]) == {"db/password": VALUE}
    assert not any(VALUE.encode() in file.read_bytes() for file in _files(tmp_path))
    [key] = _files(tmp_path / "keys")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.stem == made.key_id
    assert VALUE not in repr(ledger.secrets())


def test_a_row_that_was_moved_or_changed_does_not_open(reopened: Open) -> None:
    ledger = reopened()
    ledger.set_secret("db/password", VALUE, "ada")
    ledger.set_secret("db/other", "another-value", "ada")
    forgeries = (
        "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE secret = 'db/other')"
        " WHERE secret = 'db/password'",
        "UPDATE secrets SET version = 2 WHERE secret = 'db/password'",
    )
    for forgery in forgeries:
        with ledger.opened() as database:
            kept = database.connection.sql("FROM secrets").to_arrow_table()
            database.connection.execute(forgery)
        with pytest.raises(StorageError, match="does not open"):
            ledger.secret_values(["db/password"])
        with ledger.opened() as database:
            database.connection.execute("DELETE FROM secrets")
            database.connection.execute("INSERT INTO secrets FROM kept")
        assert kept.num_rows == 2
    assert ledger.secret_values(["db/password"]) == {"db/password": VALUE}


def test_only_what_is_lent_is_given(reopened: Open) -> None:
    ledger = reopened()
    ledger.set_secret("db/password", VALUE, "ada")
    ledger.set_secret("db/other", "another-value", "ada")
    with pytest.raises(SetupError, match="nothing that runs here names the secret db/password"):
        ledger.lent_secrets(["db/password"])
    ledger.lend_secrets("shop", {"db/password", "db/gone"})
    ledger.lend_secrets("farm", {"db/other"})
    assert ledger.lent_secrets(["db/password"]) == {"db/password": VALUE}
    with pytest.raises(NotFound, match="lyftnb secret set db/gone"):
        ledger.lent_secrets(["db/gone"])
    ledger.lend_secrets("shop", ())
    with pytest.raises(SetupError):
        ledger.lent_secrets(["db/password"])
    assert ledger.lent_secrets(["db/other"]) == {"db/other": "another-value"}


def test_rotation_takes_the_next_version(reopened: Open, clock: ManualClock) -> None:
    ledger = reopened()
    ledger.set_secret("db/password", VALUE, "ada")
    first = clock.now()
    clock.advance(60)
    second = ledger.rotate_secret("db/password", "another-value", "bob")
    assert (second.version, second.created_at, second.rotated_at) == (2, first, clock.now())
    assert ledger.secret_values(["db/password"]) == {"db/password": "another-value"}
    ledger.remove_secret("db/password", "cyd")
    assert ledger.secrets() == []
    changes = ledger.state("secret_changes").select("edit", "version", "changed_by").rows()
    assert changes == [("set", 1, "ada"), ("rotate", 2, "bob"), ("remove", 2, "cyd")]


def test_another_master_key_seals_all_at_once(reopened: Open, tmp_path: Path) -> None:
    ledger = reopened()
    for name in ("db/password", "db/other"):
        ledger.set_secret(name, f"{VALUE} of {name}", "ada")
    old, new = ledger.rotate_master_key("ada")
    assert {s.key_id for s in ledger.secrets()} == {new} != {old}
    (tmp_path / "keys" / f"{old}.key").unlink()
    found = reopened().secret_values(["db/password", "db/other"])
    assert found == {name: f"{VALUE} of {name}" for name in ("db/password", "db/other")}


def test_a_key_in_the_environment_is_changed_by_its_user(reopened: Open, tmp_path: Path) -> None:
    old, new = ("A" * 43 + "=", "B" * 42 + "A=")
    ledger = reopened(LYFTNB_MASTER_KEY=old)
    ledger.set_secret("db/password", VALUE, "ada")
    assert _files(tmp_path / "keys") == []
    with pytest.raises(SetupError, match="which only you can change"):
        ledger.rotate_master_key("ada")
    ledger = reopened(LYFTNB_MASTER_KEY=f"{new}, {old}")
    ledger.rotate_master_key("ada")
    assert reopened(LYFTNB_MASTER_KEY=new).secret_values(["db/password"]) == {"db/password": VALUE}
    with pytest.raises(SetupError, match="is not here"):
        reopened(LYFTNB_MASTER_KEY=old).secret_values(["db/password"])


def test_the_keyring_comes_first(
    reopened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ring(dict[tuple[str, str], str]):
        def get_password(self, service: str, user: str) -> str | None:
            return self.get((service, user))

        def set_password(self, service: str, user: str, text: str) -> None:
            self[service, user] = text

    ring = Ring()
    monkeypatch.setattr(keys_module, "_keyring", lambda: ring)
    made = reopened(LYFTNB_MASTER_KEY="A" * 43 + "=").set_secret("db/password", VALUE, "ada")
    assert list(ring) == [("lyftnb", made.key_id)]
    assert _files(tmp_path / "keys") == []
    assert reopened().secret_values(["db/password"]) == {"db/password": VALUE}
    assert reopened().rotate_master_key("ada") == (made.key_id, list(ring)[1][1])


def test_a_key_file_for_all_eyes_is_refused(reopened: Open, tmp_path: Path) -> None:
    reopened().set_secret("db/password", VALUE, "ada")
    [key] = _files(tmp_path / "keys")
    key.chmod(0o640)
    with pytest.raises(SetupError, match="chmod 600"):
        reopened().secret_values(["db/password"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("password", VALUE),
        ("db/Password", VALUE),
        ("db/pass/word", VALUE),
        ("db/password", "abc"),
        ("db/password", "x" * 70_000),
        ("db/password", "half of a \ud83d"),
        ("db/there", VALUE),
    ],
)
def test_what_cannot_be_a_secret_is_refused(reopened: Open, name: str, value: str) -> None:
    ledger = reopened()
    ledger.set_secret("db/there", VALUE, "ada")
    with pytest.raises(SetupError) as refused:
        ledger.set_secret(name, value, "ada")
    assert value not in str(refused.value)
    with pytest.raises(LyftError):
        ledger.rotate_secret(f"{name}_no", value, "ada")
    assert [s.name for s in ledger.secrets()] == ["db/there"]


@pytest.mark.parametrize("text", ["short", "ä" * 44, "A" * 44])
def test_what_is_no_master_key_is_refused(reopened: Open, text: str) -> None:
    with pytest.raises(SetupError, match="no master key") as refused:
        reopened(LYFTNB_MASTER_KEY=text).set_secret("db/password", VALUE, "ada")
    assert text not in str(refused.value)
