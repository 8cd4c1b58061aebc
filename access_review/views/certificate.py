"""The certificate of access removal as a page to print: one file, without network or script."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from markupsafe import Markup, escape

from access_review.offboarding.certificate import CertifiedSystem, RemovalCertificate
from access_review.offboarding.leaver import AccessItem, AccessState
from access_review.views.offboarding import WORDS
from access_review.views.text import between, moment, visible

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;color:#1c2530;max-width:46rem;margin:3rem auto;padding:0 1.5rem}
h1{font-size:1.6rem}table{width:100%;border-collapse:collapse;margin:1rem 0}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #dfe3e8}
small{color:#566273}@page{margin:2cm}"""

_NOTHING_DONE = {
    AccessState.NONE: "nothing of the kind",
    AccessState.UNREAD: "not certified: no source is about it",
}


def page(certificate: RemovalCertificate) -> bytes:
    """Set a certificate in type, as UTF-8."""
    return "\n".join(_lines(certificate)).encode()


def _safe(text: object) -> Markup:
    return escape(visible(str(text)))


def _at(text: str | None, unknown: str = "unknown") -> str:
    return moment(_moment_of(text), unknown=unknown)


def _moment_of(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _lines(certificate: RemovalCertificate) -> Iterator[str]:
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    yield f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield f"<title>Access removal: {_safe(certificate.name)}</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>Certificate of access removal</h1><p>{_safe(certificate.name)}, {_safe(certificate.person)}</p>"
    effective = certificate.effective
    rows = {
        "HR notified": _at(certificate.notified),
        "Employment ended": between(_moment_of(effective.earliest), _moment_of(effective.latest)),
        "First seen as a leaver": _at(certificate.first_seen),
        "Access gone": _at(certificate.gone),
        "Judged against the target": certificate.judged,
    }
    yield from _table(rows)
    for system in certificate.systems:
        yield f"<h2>{_safe(system.source)}</h2>"
        yield from _table(dict(_system(system)))
    yield (
        f"<p><small>Absent as of {_safe(_at(certificate.as_of))}, by two agreeing reads, run {_safe(certificate.run)}, snapshot "
        f"{_safe(certificate.snapshot)}. What no source shows is not certified. The JSON of this certificate is the record."
        "</small></p></body></html>"
    )


def _table(rows: Mapping[str, str]) -> Iterator[str]:
    yield "<table>"
    for name, text in rows.items():
        yield f'<tr><th scope="row">{_safe(name)}</th><td>{_safe(text)}</td></tr>'
    yield "</table>"


def _system(system: CertifiedSystem) -> Iterator[tuple[str, str]]:
    if system.verified:
        yield "Verified gone", _at(system.verified)
    elif system.first_seen_gone:
        yield "Last seen open", _at(system.last_seen_open, "never, by the runs that there are")
        yield "First seen gone", _at(system.first_seen_gone)
    for item, check in system.checks.items():
        about = "; ".join(part for part in (", ".join(check.about), check.reason) if part)
        yield WORDS[AccessItem(item)], _NOTHING_DONE.get(AccessState(check.state), "") or f"done {about}".strip()
