"""What a login of a directory says before anything is sent, where it cannot be used as it stands."""

import sys
from pathlib import Path
from typing import Any

import pytest

from access_review.connectors import Source
from access_review.connectors.ad import connector
from access_review.connectors.ad.login import Login, check_runs_as
from access_review.connectors.ad.reach import WriterLogin
from access_review.errors import ConnectorError, WorkspaceError

READER: dict[str, Any] = {"server": ("ldaps://dc1.example.test",), "sign_in": "kerberos"}


@pytest.mark.parametrize(
    "writer",
    [
        {},
        {"keytab": "writer.keytab"},
        {"password": {"env": "A"}, "tickets": "cache"},
        {"sign_in": "kerberos", "password": {"env": "A"}},
        {"sign_in": "kerberos", "keytab": "writer.keytab", "tickets": "cache"},
    ],
)
def test_a_writer_signs_in_in_one_way(tmp_path: Path, writer: dict[str, Any]) -> None:
    login = WriterLogin.model_validate({"user": "writer@EXAMPLE.TEST", **writer})
    with pytest.raises(WorkspaceError, match="the writer"):
        connector.connect(Source("ad", tmp_path), **READER, writer=login)


def test_without_the_extra_kerberos_it_says_so_and_not_that_the_server_is_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("gssapi", "winkerberos", "ldap3.protocol.sasl.kerberos"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConnectorError, match="needs the extra kerberos") as caught:
        Login("kerberos").credentials(Source("ad", tmp_path))
    assert "access-review[kerberos]" in caught.value.hint


def test_a_key_that_others_may_open_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ldap3.protocol.sasl.kerberos", sys.modules[__name__])
    keytab = tmp_path / "writer.keytab"
    keytab.write_bytes(b"key")
    keytab.chmod(0o644)
    login = Login("kerberos", "writer@EXAMPLE.TEST", keytab="writer.keytab")
    with pytest.raises(ConnectorError, match="open to others"):
        login.credentials(Source("ad", tmp_path))
    keytab.chmod(0o600)
    given = login.credentials(Source("ad", tmp_path))
    assert given["user"] == "writer@EXAMPLE.TEST"
    assert given["cred_store"] == {"client_keytab": str(keytab), "ccache": "MEMORY:access-review-ad"}


def test_on_windows_nobody_signs_in_but_whoever_runs_it(tmp_path: Path) -> None:
    check_runs_as(Source("ad", tmp_path), "gmsa-writer$@EXAMPLE.TEST", "GMSA-Writer$")
    with pytest.raises(ConnectorError, match="signs in as reader, not as gmsa-writer"):
        check_runs_as(Source("ad", tmp_path), "gmsa-writer$@EXAMPLE.TEST", "reader")
