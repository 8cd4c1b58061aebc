"""What the figures of a run's evidence show, in words."""

from collections.abc import Iterator
from datetime import timedelta

from access_review.audit.judge import Rate
from access_review.evidence.figures import EvidenceFigures
from access_review.views import judgement
from access_review.views.text import count, limit, span


def shown_by(run: str, stated: EvidenceFigures) -> Iterator[str]:
    """Say what the figures of a run show: how much is wrong, how much the machine missed, how late leavers are."""
    for line in stated.lines:
        if line.stratum == "rest" and line.wrong.limit_least is not None and line.missed.limit_least is not None:
            tested = f"{line.tested} of {line.drawn} drawn were tested, of {line.population:,}"
            yield f"{run}: {tested}; {_rate('wrong', line.wrong)}; {_rate('missed by the machine', line.missed)}"
    for one in stated.clients:
        yield f"{run}: {judgement.of_client(one)}"
    slowest = dict(stated.open_lag.percentiles).get(100)
    if slowest is not None:
        lag = stated.open_lag.accounts
        yield f"{run}: {count(lag, 'account')} of leavers not known to be off, the oldest for {span(timedelta(seconds=slowest))}"


def _rate(what: str, rate: Rate) -> str:
    found = str(rate.found_least) if rate.found_least == rate.found_most else f"{rate.found_least} to {rate.found_most}"
    most = rate.limit_most if rate.limit_most is not None else 1.0
    return f"{what} {found}, at most {limit(most)} of all"
