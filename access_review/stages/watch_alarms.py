"""Tell people what `watch` saw: each of them once by each channel, and again only what did not arrive."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from access_review.audit.named_people import who_hears
from access_review.audit.reviewers import People
from access_review.policy import Policy
from access_review.snapshot.watched import PendingAlarm
from access_review.stages import notify
from access_review.stages.notify import Patience
from access_review.views.notices import Notice

NOBODY = "nobody: name somebody under watch: tell: in roles/policy.yaml"
_MOST_TRIES = 24 * 60
"""How often what does not go out is tried, once a minute; the notice lies in the folder all the same.

Counted and not timed: a clock that jumps, or was wrong when it was raised, takes no alarm with it.
"""


def deliver(
    folder: Path,
    policy: Policy,
    alarm: PendingAlarm,
    people: People,
    environment: Mapping[str, str],
    patience: Patience | None = None,
) -> tuple[PendingAlarm | None, tuple[str, ...]]:
    """Tell everybody whom the policy of a workspace's folder names and who has not heard of an alarm; return what is left of it, and why somebody was not reached.

    What reaches whoever reads there is tried once, however many hear of it; ``patience`` is shared by the alarms of a round.
    The name of a notice follows from the alarm, so that telling it again after a crash makes no second file.
    """
    reached, failed = list(alarm.reached), list[str]()
    tried = set(reached)
    patience = Patience() if patience is None else patience
    for who, notice in _notices(policy, alarm, people):
        for channel in notify.channels(policy.notify):
            key = f"{channel.name} {who}" if channel.personal else channel.name
            if key in tried:
                continue
            tried.add(key)
            if why := notify.deliver_by(channel, notice, environment, folder / notify.FOLDER, alarm.at, patience):
                failed.append(why)
            else:
                reached.append(key)
    left = replace(alarm, reached=tuple(reached), tries=alarm.tries + 1)
    return left if failed and left.tries < _MOST_TRIES else None, tuple(sorted(set(failed)))


def _notices(policy: Policy, alarm: PendingAlarm, people: People) -> Iterator[tuple[str, Notice]]:
    named = policy.watch.tell or (policy.standing.tell if policy.standing else ())
    for who in who_hears(named, policy, people) or (NOBODY,):
        yield who, Notice("watch", people.names.get(who, who), people.mails.get(who), alarm.subject, alarm.text)
