"""LDIF: what RFC 2849 allows is read, what it forbids is named with its line."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_review.connectors.ad.entry import Entry
from access_review.connectors.ad.ldif import MOST_MISTAKES, Ldif, split_lines


def read(text: bytes | str) -> tuple[list[Entry], Ldif]:
    ldif = Ldif("ad.ldif")
    data = text.encode() if isinstance(text, str) else text
    return list(ldif.entries(split_lines(data))), ldif


def entries(text: bytes | str) -> list[Entry]:
    found, ldif = read(text)
    assert not ldif.mistakes
    return found


def mistakes(text: bytes | str) -> list[tuple[int, str]]:
    return [(mistake.line, mistake.message) for mistake in read(text)[1].mistakes]


def test_names_are_folded_and_values_kept_in_order():
    (entry,) = entries("version: 1\n\ndn: CN=A,DC=x\nobjectClass: top\nobjectCLASS: user\ncn:A\n")
    assert (entry.dn, entry.place) == ("CN=A,DC=x", "ad.ldif:3")
    assert entry.values == {"objectclass": (b"top", b"user"), "cn": (b"A",)}


def test_a_version_may_stand_on_its_own_or_at_the_first_entry():
    assert entries("version: 1\ndn: a=1\n\n\n\nversion: 1\n\ndn: a=2") != []
    assert mistakes("version: 2\ndn: a=1\n") == [(1, "only version 1 of LDIF is known")]


def test_folded_lines_lose_exactly_one_space():
    (entry,) = entries("dn: CN=A\n B,DC=x\ndescription: one\n  two\n  \n three\n")
    assert entry.dn == "CN=AB,DC=x"
    assert entry.texts("description") == ("one two three",)


def test_comments_are_skipped_where_they_stand_folded_ones_too():
    text = "# one\n folded: into the comment\ndn: a=1\n# two\n member: cn=ghost\ncn: A\n#\n"
    (entry,) = entries(text)
    assert dict(entry.values) == {"cn": (b"A",)}
    assert entry.place == "ad.ldif:3"


def test_crlf_and_lf_read_the_same():
    text = "version: 1\n\ndn: a=1\ncn: long\n er\n# c\n d\nsn:: QQ==\n\ndn: a=2\n"
    assert entries(text.replace("\n", "\r\n")) == entries(text)


@pytest.mark.parametrize(
    "encode", [lambda t: b"\xef\xbb\xbf" + t.encode(), lambda t: ("\ufeff" + t).encode("utf-16-le")]
)
def test_byte_order_marks_are_understood(encode):
    (entry,) = entries(encode("dn: CN=Zoë\r\ncn: Zoë\r\n"))
    assert (entry.dn, entry.text("cn")) == ("CN=Zoë", "Zoë")


def test_base64_of_dns_and_values():
    dn = base64.b64encode("CN=Zoë".encode()).decode()
    (entry,) = entries(f"dn:: {dn}\nobjectGUID::AAEC\nempty::\nnothing:\n")
    assert entry.dn == "CN=Zoë"
    assert (entry.first("objectGUID"), entry.first("empty"), entry.first("nothing")) == (b"\0\x01\x02", b"", b"")


def test_options_stay_with_the_name():
    (entry,) = entries(
        "dn: a=1\nmember;range=0-1: cn=a\nmember;range=0-1: cn=b\nmember;Range=2-*: cn=c\ncn;lang-de: A\n"
    )
    assert entry.all("member") == ("cn=a", "cn=b", "cn=c")
    assert [(r.first, r.last, r.count) for r in entry.ranges("member")] == [(0, 1, 2), (2, None, 1)]
    assert entry.text("cn") is None


def test_the_last_lines_of_ldapsearch_say_how_it_ended():
    text = "dn: a=1\ncn: A\n\n# search reference\nref: ldap://other/dc=x\n\n# search result\nsearch: 2\nresult: {}\n"
    for result, bad in (("0 Success", False), ("4 Size limit exceeded", True), ("51 Server is busy", True)):
        found, ldif = read(text.format(result))
        assert len(found) == 1
        assert not ldif.mistakes
        assert ldif.endings == ([f"ad.ldif:9: the search ended with {result}"] if bad else [])


def test_every_mistake_is_named_with_its_line():
    text = (
        "dn: a=1\nno colon here\nphoto:< file:///etc/passwd\nsn:: not base64!\n\n"
        "cn: first\n\n"
        "dn: a=2\nchangetype: modify\ndelete: member\nmember: cn=x\n-\n\n"
        "dn: a=3\ndn: a=4\n\n"
        "dn: a=5\ncn: fine\n"
    )
    found, ldif = read(text)
    assert [entry.dn for entry in found] == ["a=5"]
    assert [(m.line, m.message.split(",")[0]) for m in ldif.mistakes] == [
        (2, "not an attribute"),
        (3, "the value of photo is a URL"),
        (4, "the value of sn is not base64"),
        (6, "a record starts with dn:"),
        (10, "delete: this is a change"),
        (15, "a second dn: in one record"),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b" starts with a space\n", 1),
        (b"dn: a=1\ncn: \xff\n", 2),
        (b"dn: a=1\ncn: a\0b\n", 2),
        (b"dn: a=1\ncn: a\rb\n", 2),
        (b"dn:: /w==\n", 1),
        (b"dn: a=1\n: x\n", 2),
        (b"dn: a=1\n-\n", 2),
        (b"dn: a=1\nmem ber: x\n", 2),
        (b"dn: a=1\nsn:: QQ=\n", 2),
    ],
)
def test_what_is_not_ldif_is_refused(text, line):
    assert [place for place, _ in mistakes(text)] == [line]


def test_reading_stops_when_nothing_makes_sense():
    assert len(mistakes("nonsense\n\n" * (MOST_MISTAKES + 50))) == MOST_MISTAKES


NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True).filter(
    lambda name: name not in {"dn", "changetype", "control", "version"}
)
VALUES = st.lists(st.binary(max_size=200), min_size=1, max_size=3)
OBJECTS = st.lists(st.tuples(st.text(min_size=1, max_size=100), st.dictionaries(NAMES, VALUES, max_size=4)), max_size=4)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@given(OBJECTS, st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_what_another_writer_writes_is_read_back(objects, all_base64, ending):
    from ldap3.protocol.rfc2849 import operation_to_ldif

    response = [{"type": "searchResEntry", "dn": dn, "raw_attributes": values} for dn, values in objects]
    lines = operation_to_ldif("searchResponse", response, all_base64=all_base64) if objects else []
    found = entries(ending.join(lines))
    assert [(e.dn, {name: list(v) for name, v in e.values.items()}) for e in found] == objects


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data):
    try:
        read(data)
    except UnicodeDecodeError:
        assert data[:2] in {b"\xff\xfe", b"\xfe\xff"}


@given(st.data())
def test_a_damaged_file_gives_mistakes_or_entries_and_nothing_else(data):
    whole = (
        b"version: 1\n\ndn: CN=A,DC=x\nobjectClass: group\nmember: CN=B,DC=x\nmember;range=0-*: CN=\n C\nsid:: AQI=\n\n"
    )
    at = data.draw(st.integers(0, len(whole)))
    text = whole[:at] + data.draw(st.binary(max_size=8)) + whole[at + data.draw(st.integers(0, 20)) :]
    try:
        found, ldif = read(text)
    except UnicodeDecodeError:
        return
    assert all(mistake.file == "ad.ldif" and mistake.line > 0 for mistake in ldif.mistakes)
    assert all(entry.place.startswith("ad.ldif:") for entry in found)
