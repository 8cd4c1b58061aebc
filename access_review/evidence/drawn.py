"""Whether a sample rests on the review that is kept with it, as the logbook tells; pure."""

from access_review.logbook.lines import Logbook, LogEvent


def rests_on_review(log: Logbook, run: str) -> bool:
    """Tell whether a run was reviewed last before its sample was drawn: what was asked then follows from that review."""
    events = [entry.event for entry in log.entries if entry.name == run]
    drawn = events.index(LogEvent.CAMPAIGN) if LogEvent.CAMPAIGN in events else len(events)
    return LogEvent.REVIEW not in events[drawn:]
