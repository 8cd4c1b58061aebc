"""What the example company gives, whole: a change of any of it shows up as a diff to be reviewed.

``pytest tests/test_golden.py --update-golden`` writes the files anew.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from access_review import snapshot, workspace
from access_review.engine.duckdb import EmbeddedEngine
from access_review.findings.sentences import every_sentence
from access_review.plan import plan
from access_review.plan.request import Scope
from access_review.review import review
from access_review.views import summary, terminal

pytestmark = pytest.mark.slow

AS_OF = datetime(2026, 11, 2, 6, tzinfo=UTC)
GOLDEN = Path(__file__).parent / "golden"
SCOPE = Scope(rules=("leaver-active", "leaver-residue", "access-beyond-role"))


@pytest.fixture(scope="module")
def texts(repository) -> dict[str, str]:
    space = workspace.load(repository)
    taken = snapshot.collect(space, AS_OF)
    with EmbeddedEngine(AS_OF) as engine:
        report = review(taken, space, engine)
        made = plan.plan(
            taken,
            space,
            engine,
            report,
            requested_by="hr:person:10001",
            now=AS_OF,
            capabilities=space.capabilities(),
            scope=SCOPE,
        )
    told = summary.summary(report, snapshot.manifest(taken, space), organisation=space.policy.organisation)
    findings = [*map(every_sentence().shown, report.findings.to_pylist())]
    return {
        "findings.txt": lines(
            f"{f['rule']} | {f['subject_name']} | {f['about_name'] or ''} | {f['severity']}, {f['rag']} {f['risk']} "
            f"({f['risk_reasons']}) | {f['remedy']} | {f['status']} | {f['reason']}"
            for f in findings
        ),
        "plan.txt": lines(
            f"{c.action} | {c.target.source} | {c.target.account.name if c.target.account else ''} | "
            f"{c.target.entitlement.name if c.target.entitlement else ''} | {'; '.join(c.collateral)}"
            for c in made.changes
        ),
        "to_person.txt": lines(f"{len(p.findings)} | {p.reason} | {'; '.join(p.ways_out)}" for p in made.to_person),
        "audit.txt": terminal.render(told, width=100),
    }


def lines(found) -> str:
    return "\n".join(sorted(line.replace("\u202e", "<U+202E>") for line in found)) + "\n"


@pytest.mark.parametrize("name", ["findings.txt", "plan.txt", "to_person.txt", "audit.txt"])
def test_golden(name, texts, request):
    path = GOLDEN / name
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(texts[name], encoding="utf-8", newline="\n")
    assert texts[name].splitlines() == path.read_text(encoding="utf-8").splitlines()
