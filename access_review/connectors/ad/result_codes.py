"""What the result codes of an LDAP server mean, and what to do about them; pure.

Codes: RFC 4511, 4.1.9. Active Directory refuses every bind with code 49 and says the
reason as ``data <hex>`` in its message: the low part is a Windows error code.
"""

import re
from typing import NamedTuple

SUCCESS, OPERATIONS, TIME_LIMIT, SIZE_LIMIT = 0, 1, 3, 4
STRONGER_AUTH, REFERRAL, ADMIN_LIMIT, UNAVAILABLE_CONTROL = 8, 10, 11, 12
NO_SUCH_ATTRIBUTE, ALREADY_THERE, NO_SUCH_OBJECT, INVALID_CREDENTIALS = 16, 20, 32, 49
INSUFFICIENT_RIGHTS, BUSY, UNAVAILABLE, UNWILLING, ENTRY_EXISTS, OTHER = 50, 51, 52, 53, 68, 80

_DATA = re.compile(r"\bdata ([0-9a-f]{1,8})\b", re.IGNORECASE)


class CodeMeaning(NamedTuple):
    """What happened and what to do about it."""

    what: str
    advice: str


_BIND = {
    0x525: CodeMeaning("the account does not exist", "check the name: account@domain, DOMAIN\\account or its DN"),
    0x52E: CodeMeaning(
        "the name or the password is wrong", "correct the secret before trying again: attempts lock accounts"
    ),
    0x52F: CodeMeaning(
        "the account is restricted from signing in this way", "use an account without such restrictions"
    ),
    0x530: CodeMeaning("the account may not sign in at this hour", "widen the account's logon hours"),
    0x531: CodeMeaning(
        "the account may not sign in to this server", "add the server to the account's logon workstations"
    ),
    0x532: CodeMeaning("the password has expired", "set a new password and store it where the source file says"),
    0x533: CodeMeaning("the account is disabled", "enable it, or name another account"),
    0x701: CodeMeaning("the account has expired", "move its accountExpires, or name another account"),
    0x773: CodeMeaning("the password must be changed first", "set a password without 'must change at next logon'"),
    0x775: CodeMeaning("the account is locked out", "unlock it and find what used a wrong password; then try again"),
}

_CODES = {
    OPERATIONS: CodeMeaning("the server takes no such request from this session", "is the session bound?"),
    TIME_LIMIT: CodeMeaning("the server's time limit was reached", "name smaller bases, or read at a quieter hour"),
    SIZE_LIMIT: CodeMeaning("the server's size limit was reached", "lower page_size below the server's MaxPageSize"),
    STRONGER_AUTH: CodeMeaning("the server demands a protected connection", "use ldaps://, or ldap:// with StartTLS"),
    REFERRAL: CodeMeaning(
        "the server refers to another one, which is not followed", "name the server that holds the base"
    ),
    ADMIN_LIMIT: CodeMeaning(
        "a limit set by the administrators was reached", "ask for a query policy that allows the read"
    ),
    UNAVAILABLE_CONTROL: CodeMeaning(
        "the server does not know a control that the read needs", "is it Active Directory?"
    ),
    NO_SUCH_OBJECT: CodeMeaning(
        "the base does not exist, or the account may not see it", "check base and the account's rights"
    ),
    INSUFFICIENT_RIGHTS: CodeMeaning(
        "the account may not do this", "see runbooks/connect-ad.md for the rights it needs"
    ),
    BUSY: CodeMeaning("the server is busy", "try again later, or name more servers"),
    UNAVAILABLE: CodeMeaning("the server is not available", "try again later, or name more servers"),
    UNWILLING: CodeMeaning("the server is unwilling", "read its message"),
}

PASSING = frozenset({BUSY, UNAVAILABLE})
"""Codes that may be gone a minute later, or on another server."""


def explain_bind(code: int, message: str) -> CodeMeaning:
    """Explain a refused bind."""
    if code != INVALID_CREDENTIALS:
        return explain_result(code, message)
    found = _DATA.search(message)
    data = int(found[1], 16) if found else 0
    return _BIND.get(data, CodeMeaning("the name or the password was refused", "check both; attempts lock accounts"))


def explain_result(code: int, message: str) -> CodeMeaning:
    """Explain a result code; the server's own message is cut short and kept on one line."""
    known = _CODES.get(code, CodeMeaning(f"the server answered with code {code}", "read its message"))
    quoted = " ".join(message.replace("\x00", " ").split())[:200]
    what = f"{known.what} (code {code}{': ' + quoted if quoted else ''})"
    return CodeMeaning(what, known.advice)
