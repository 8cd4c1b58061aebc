"""Secrets come from where a source file says, and go nowhere else."""

import pytest
from pydantic import TypeAdapter, ValidationError

from access_review.connectors import Source
from access_review.connectors.secret import Keyring, Secret, SecretReference, text_of
from access_review.errors import ConnectorError

HIDDEN = "Streng-geheim-1!"


@pytest.fixture
def source(tmp_path):
    return Source("ad", tmp_path)


def test_a_secret_in_the_environment(source, monkeypatch):
    monkeypatch.setenv("AD_PASSWORD", HIDDEN)
    assert SecretReference(env="AD_PASSWORD").read(source) == HIDDEN
    monkeypatch.setenv("AD_PASSWORD", "")
    with pytest.raises(ConnectorError, match="AD_PASSWORD is not set"):
        SecretReference(env="AD_PASSWORD").read(source)


def test_a_secret_in_a_file_that_only_its_owner_reads(source, tmp_path):
    file = tmp_path / "ad.pw"
    file.write_text(f"{HIDDEN}\n")
    file.chmod(0o600)
    assert SecretReference(file="ad.pw").read(source) == HIDDEN
    assert SecretReference(file=str(file)).read(source) == HIDDEN
    for mode in (0o640, 0o604, 0o660):
        file.chmod(mode)
        with pytest.raises(ConnectorError, match="open to others") as caught:
            SecretReference(file="ad.pw").read(source)
        assert "chmod 600" in caught.value.hint


def test_a_file_that_is_not_there_empty_or_not_text(source, tmp_path):
    for name, data, reason in (
        ("none", None, "No such file"),
        ("empty", b"\n", "is empty"),
        ("odd", b"\xff\xfe\xff", "UTF-8"),
    ):
        if data is not None:
            (tmp_path / name).write_bytes(data)
            (tmp_path / name).chmod(0o600)
        with pytest.raises(ConnectorError, match=reason):
            SecretReference(file=name).read(source)


def test_only_the_line_end_is_taken_off(source, tmp_path):
    (tmp_path / "pw").write_bytes(b"  blanks stay  \r\n")
    (tmp_path / "pw").chmod(0o600)
    assert SecretReference(file="pw").read(source) == "  blanks stay  "


def test_a_keyring_needs_its_extra_or_an_entry(source):
    reference = SecretReference(keyring=Keyring(service="access-review-test", user="nobody"))
    with pytest.raises(ConnectorError, match="keyring"):
        reference.read(source)


@pytest.mark.parametrize("value", [HIDDEN, 12345678, [HIDDEN], None, True])
def test_a_secret_that_stands_in_the_file_is_refused_and_not_repeated(value):
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Secret).validate_python(value)
    said = [error["msg"] for error in caught.value.errors()]
    assert "does not stand in a source file" in said[0]
    assert HIDDEN not in str(said)


@pytest.mark.parametrize(
    "value", [{}, {"env": "A", "file": "b"}, {"env": ""}, {"vault": "x"}, {"keyring": {"service": "x"}}]
)
def test_exactly_one_place_is_named(value):
    with pytest.raises(ValidationError):
        TypeAdapter(Secret).validate_python(value)


def test_a_name_may_be_written_out_or_kept_elsewhere(source, monkeypatch):
    monkeypatch.setenv("AD_USER", "svc@norwind.test")
    assert text_of(source, "reader@norwind.test") == "reader@norwind.test"
    assert text_of(source, SecretReference(env="AD_USER")) == "svc@norwind.test"
