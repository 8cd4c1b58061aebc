"""Which controls the evidence serves, with which measure, and where in a pack it is.

The measures are this tool's; what a control asks for stands in its framework: SOC 2 (Trust Services Criteria 2017, revised
2022), ISO/IEC 27001:2022 (clauses and Annex A), PCI DSS 4.0.1, HIPAA 45 CFR 164, NIST SP 800-53 rev. 5, CIS Controls 8.1.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase, translate


@dataclass(frozen=True, slots=True)
class ControlEvidence:
    """One control, what is measured for it, and where: paths of a pack, ``*`` standing for each run.

    Behind a ``#`` is the kind of rows of a store. Where ``needs`` says something there is evidence only if one of it was there too: a rule that was judged, a source
    (by pattern, as ``source:*badge*``), ``answers`` of reviewers, a ``sign-off``.
    """

    framework: str
    control: str
    measure: str
    places: tuple[str, ...]
    needs: tuple[str, ...] = ()


def without_evidence(paths: Collection[str], known: Collection[str]) -> tuple[ControlEvidence, ...]:
    """Return the controls for which a pack holds nothing, in the order of :data:`CONTROLS`.

    ``paths`` are its files, ``known`` what was there in some run of it, as ``needs`` names it.
    """
    return tuple(
        one
        for one in CONTROLS
        if not any(is_there(place, paths) for place in one.places)
        or (one.needs and not any(fnmatchcase(name, need) for need in one.needs for name in known))
    )


def is_there(place: str, paths: Collection[str]) -> bool:
    """Tell whether a pack of these files and kinds of rows holds anything in a place of :class:`ControlEvidence`."""
    pattern = place + "*" if place.endswith("/") else place
    # One pattern is asked of thousands of paths: fnmatchcase would look it up for each.
    return any(map(re.compile(translate(pattern)).match, paths))


_POPULATION = ("provenance.csv", "runs/*/manifest.json", "tables/*/people.csv", "tables/*/accounts.csv")
_FINDINGS = ("tables/*/findings.csv", "runs/*/review.json")
_LEAVERS = ("runs/*/leavers.json", "runs/*/certificates/*.json", "tables/*/findings.csv", "figures/*.json")
_BATCHES = ("runs/*/*/journal.sqlite",)
_DECISIONS = ("runs/decisions.sqlite", "runs/*/audit.json")
_SAMPLE = ("runs/*/sample/frame.json", "runs/*/sample/sample.json")
_VENDORS = ("source:*vendor*", "source:*supplier*", "source:*contract*", "source:*entra*", "source:*azure*")
_CASES = ("runs/follow-up.sqlite#step", "runs/follow-up.sqlite#mock-step")
_AUDITED = ("runs/follow-up.sqlite#mini-audit", "runs/follow-up.sqlite#mock-audit")
_STATED = ("runs/follow-up.sqlite#attestation", "runs/follow-up.sqlite#told")
_LOGBOOK = ("runs/logbook.jsonl",)
_DECLARED = ("runs/*/declared.json",)

CONTROLS: tuple[ControlEvidence, ...] = tuple(
    ControlEvidence(*one)
    for one in (
        (
            "SOC 2",
            "CC4.1",
            "the review is measured: draw, answers, limits, reviewers",
            (*_SAMPLE, *_DECISIONS),
            ("answers",),
        ),
        ("SOC 2", "CC6.1", "population with provenance and completeness", _POPULATION),
        ("SOC 2", "CC6.2", "every leaver, with how long access outlived the employment", _LEAVERS, ("leaver-active",)),
        ("SOC 2", "CC6.3", "findings, decided, removed and read back", (*_FINDINGS, *_BATCHES)),
        (
            "SOC 2",
            "CC6.4",
            "badges as a source like any other",
            _POPULATION,
            ("source:*badge*", "source:*door*", "source:*physical*"),
        ),
        ("SOC 2", "CC7.2", "sign-ins after the end, off shift, from other countries", _FINDINGS, ("signin-*",)),
        ("SOC 2", "CC7.3-7.4", "what was found is followed until it is read back as gone", (*_BATCHES, *_CASES)),
        ("SOC 2", "CC8.1", "templates and policy as reviewed files, by digest in every run", _DECLARED),
        ("SOC 2", "CC9.2", "vendor rosters and applications of other tenants", _POPULATION, _VENDORS),
        ("ISO 27001", "9.1", "figures with their confidence, each run", ("figures/*.json", *_STATED)),
        ("ISO 27001", "9.2", "draws that anyone can repeat, mini-audits", (*_SAMPLE, *_AUDITED)),
        (
            "ISO 27001",
            "9.3",
            "sign-offs by a person, authenticated or claimed",
            ("runs/*/audit.json", "runs/*/sign-off/"),
            ("sign-off",),
        ),
        ("ISO 27001", "10.2", "findings closed by a change that was read back, steps of cases", (*_BATCHES, *_CASES)),
        ("ISO 27001", "A.5.3", "toxic pairs", _FINDINGS, ("toxic-pair",)),
        (
            "ISO 27001",
            "A.5.15-5.18",
            "templates, owners, reviews; approver and executor are two",
            (*_DECLARED, *_BATCHES),
        ),
        ("ISO 27001", "A.5.19-5.22", "vendor rosters and applications of other tenants", _POPULATION, _VENDORS),
        (
            "ISO 27001",
            "A.6.5",
            "leavers and movers against what they still hold",
            _LEAVERS,
            ("leaver-active", "mover-kept-access"),
        ),
        ("ISO 27001", "A.8.2", "all privileged access, each audit", _SAMPLE),
        ("ISO 27001", "A.8.15", "a log whose lines cannot be changed unseen", _LOGBOOK),
        (
            "PCI DSS",
            "7.2.4",
            "everybody is reviewed within the coverage time, signed off",
            (*_SAMPLE, "runs/*/audit.json"),
            ("sign-off",),
        ),
        ("PCI DSS", "7.2.5.1", "application and service accounts are a part of the population", _SAMPLE),
        (
            "PCI DSS",
            "8.2.2",
            "shared accounts with their custodians",
            ("tables/*/custody.csv", *_FINDINGS),
            ("shared-unrotated",),
        ),
        ("PCI DSS", "8.2.5", "leavers' accounts, with the time they were open", _LEAVERS, ("leaver-active",)),
        ("PCI DSS", "8.2.6", "accounts not used for 90 days, as an interval", _FINDINGS, ("account-dormant",)),
        ("HIPAA", "164.308(a)(3)(ii)(C)", "the end of access of everyone who left", _LEAVERS, ("leaver-active",)),
        ("HIPAA", "164.308(a)(4)", "who decided about which access", _DECISIONS, ("answers",)),
        ("HIPAA", "164.312(b)", "a journal of every change, row by row", _BATCHES),
        (
            "NIST 800-53",
            "AC-2(3)",
            "dormant, unowned, expired and leavers' accounts",
            _FINDINGS,
            ("account-dormant", "leaver-active"),
        ),
        ("NIST 800-53", "AC-5", "toxic pairs", _FINDINGS, ("toxic-pair",)),
        ("NIST 800-53", "AC-6(7)", "privileges reviewed within the coverage time", _SAMPLE),
        ("NIST 800-53", "PS-4", "leavers", _LEAVERS, ("leaver-active",)),
        ("NIST 800-53", "PS-5", "movers who kept what the former role gave", _FINDINGS, ("mover-kept-access",)),
        ("CIS", "5.1", "inventory of accounts, validated within 13 weeks", (*_POPULATION, *_SAMPLE)),
        ("CIS", "5.3", "dormant accounts", _FINDINGS, ("account-dormant",)),
        ("CIS", "6.2", "access is revoked by disabling first", _BATCHES),
    )
)
