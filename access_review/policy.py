"""What ``roles/policy.yaml`` may say: limits, targets, sampling, reviewing, notices and the rules' settings."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator

from access_review.model import Options, Severity
from access_review.settings import Duration, File, OneOrMore, Percent, Share, Texts, Whole
from access_review.settings.channels import Notify
from access_review.settings.standing import StandingRemoval
from access_review.settings.watching import Watching
from access_review.settings.web import Web


class Ceiling(File):
    """How many of a population one plan may change: a share in percent, but never stopping below a floor."""

    percent: Percent
    floor: Whole


class GroupCeiling(File):
    """How much of one group may go: stopped only when both are exceeded."""

    percent: Percent
    members: Whole


class Limits(File):
    """Ceilings of a plan, the same when it is made and when it is applied."""

    disable: Ceiling = Ceiling(percent=5, floor=10)
    remove: Ceiling = Ceiling(percent=5, floor=10)
    group: GroupCeiling = GroupCeiling(percent=50, members=3)
    batch: Annotated[StrictInt, Field(ge=1)] = 50


class RosterLimits(File):
    """When a roster is taken for broken rather than for news."""

    vanished: Ceiling = Ceiling(percent=5, floor=20)


class Protect(File):
    """Accounts and entitlements that no plan touches, by id or by ``source:kind:name`` pattern."""

    accounts: Texts = ()
    entitlements: Texts = ()
    operators: Texts = ()
    last_holders: Annotated[StrictInt, Field(ge=1)] = 2


class Sampling(File):
    """The weekly sample that people check; ``planted`` are the test rows on each sheet, 0 for none."""

    rate: Share = 0.05
    tolerable: Share = 0.05
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    allowed: Whole = 0
    coverage_weeks: Annotated[StrictInt, Field(ge=1)] = 24
    minutes_per_item: Annotated[StrictInt, Field(ge=1)] = 6
    planted: Whole = 1


class RiskWeights(File):
    """Points of the risk score: the severity's, plus one addition per circumstance; the sum is cut at 100."""

    low: Whole = 10
    medium: Whole = 30
    high: Whole = 55
    critical: Whole = 80
    privileged: Whole = 20
    tier0: Whole = 20
    sensitive: Whole = 10
    leaver: Whole = 15
    enabled_unknown: Whole = 5
    old: Whole = 10
    old_after: Duration = timedelta(days=30)


class RagThresholds(File):
    """From which risk score a finding is red, and from which amber."""

    red: Whole = 70
    amber: Whole = 40


class ApplicationLists(File):
    """Applications by name pattern: those approved, and those that are AI."""

    approved: Texts = ()
    ai: Texts = ()


class Targets(File):
    """How soon a leaver's access must be gone."""

    privileged: Duration = timedelta(hours=1)
    others: Duration = timedelta(hours=4)
    failure: Duration = timedelta(hours=24)


WeekDay = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class ChangeWindow(File):
    """When changes that are not about leavers may be made: days, and a time of day from and to, in one zone."""

    days: tuple[WeekDay, ...] = ("mon", "tue", "wed", "thu", "fri")
    start: TimeOfDay
    end: TimeOfDay
    timezone: str


class Applying(File):
    """How a batch is carried out, in changes ``per_minute``, and when it stops by itself.

    Whoever approved a plan never carries it out; with ``requester_applies: false`` whoever asked for it does not either.
    """

    attempts: Annotated[StrictInt, Field(ge=1, le=10)] = 3
    spacing: Duration = timedelta(minutes=15)
    canary: Whole = 3
    canary_pause: Duration = timedelta(minutes=1)
    per_minute: Annotated[StrictInt, Field(ge=1)] = 60
    failures_in_a_row: Annotated[StrictInt, Field(ge=1)] = 5
    failures_percent: Percent = 10
    facts_valid: Duration = timedelta(minutes=5)
    requester_applies: StrictBool = True
    windows: tuple[ChangeWindow, ...] = ()


class StandingApproval(File):
    """What may be done for leavers without asking each time: how many changes in any 24 hours, until when.

    ``tell`` are those who hear of it, by id, name or mail, beside the two who signed.
    """

    daily: Whole
    until: date
    tell: Texts = ()


class ClientPolicy(File):
    """What is promised to one client alone: how soon leavers' access is gone, and what the weekly draw shows of it.

    What is not given is what holds for all.
    """

    tolerable: Share | None = None
    confidence: Annotated[float, Field(gt=0.5, lt=1)] | None = None
    allowed: Whole | None = None
    targets: Targets | None = None


class Offboarding(File):
    """How leavers are followed.

    ``involuntary`` names the roster attributes, and the values of each, by which an
    involuntary end is told: its access must be gone as soon as privileged access.
    ``prepare`` is how long before the last day somebody is shown, ``keep`` for how long
    after it one with nothing left still is.
    """

    involuntary: Mapping[str, OneOrMore] = {}
    prepare: Duration = timedelta(days=14)
    keep: Duration = timedelta(days=90)


class Delegate(File):
    """Who answers for somebody from one day to another, both included."""

    person: str
    delegate: str
    since: date
    until: date


class Reviewing(File):
    """How reviewers are asked: when each is reminded and escalated, when the wait ends, and who stands in for whom.

    ``client_leads`` answer for what of a client has no manager and no owner; one draw adds ``client_units``
    at most so that something is shown of each client that ``clients`` names; ``escalate_to`` hears of every escalation beside the reviewer's manager. Weeks are
    those of ``timezone``'s calendar.
    """

    timezone: str = "UTC"
    remind: Duration = timedelta(days=2)
    escalate: Duration = timedelta(days=4)
    close: Duration = timedelta(days=7)
    escalate_to: Texts = ()
    client_leads: Mapping[str, str] = {}
    client_units: Annotated[StrictInt, Field(ge=1)] | None = None
    delegates: tuple[Delegate, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.timezone != "UTC" and self.timezone not in available_timezones():  # a walk through the disk
            raise ValueError(f"timezone: no time zone is called {self.timezone!r}")
        if not self.remind < self.escalate < self.close:
            raise ValueError("remind, escalate and close must come one after the other")
        return self


class Exceptions(File):
    """How long a waiver may hold, and how long before its end it is pointed out."""

    longest: Duration = timedelta(days=180)
    warn: Duration = timedelta(days=30)


class EngineSettings(File):
    """Where a review runs: in this process (``embedded``), as all that is asked later, or on Spark.

    ``memory`` (as ``4GB``) and ``threads`` (all cores when absent) are the embedded
    engine's; ``master``, ``options`` (Spark's own), ``prefix`` (put before the paths of
    files, as ``hdfs://namenode``) and ``scratch`` (a folder that driver and workers
    share) are Spark's.
    """

    kind: Literal["embedded", "spark"] = "embedded"
    memory: Annotated[str, Field(pattern=r"^\d{1,4}(MB|GB)$")] = "4GB"
    threads: Annotated[StrictInt, Field(ge=1)] | None = None
    master: str = "local[*]"
    options: Mapping[str, str] = {}
    prefix: str = ""
    scratch: str | None = None


class RuleSettings(BaseModel):
    """What is set for one rule: whether it runs, how severe it is, and the settings of its own (``model_extra``)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    enabled: StrictBool = True
    severity: Severity | None = None

    @property
    def own(self) -> Options:
        """The settings that the rule's ``check`` declares."""
        return dict(self.model_extra or {})


LONGEST_VALID, CLOSEST_READS = timedelta(days=7), timedelta(minutes=1)
"""How long a plan may be valid at most, and how far apart the reads are at least that prove a change."""


SHORTEST_KEPT = timedelta(days=90)
"""How long what is reviewed is kept at least: limits, decisions, leavers and the next read look back."""


def _long_enough(kept: timedelta) -> timedelta:
    """Hold how long runs are kept to what limits, decisions and the following of leavers look back."""
    if kept < SHORTEST_KEPT:
        raise ValueError(f"what is reviewed is kept for {SHORTEST_KEPT.days} days at least")
    return kept


Kept = Annotated[Duration, AfterValidator(_long_enough)]


class Retention(File):
    """How long `prune` keeps runs, by what is in them; 90 days at least, rehearsals (and trials) as short as is liked.

    ``audits`` are runs with a sample and work sheets, ``batches`` those from which something was
    carried out, ``runs`` all others; ``notices`` are what people were told. The six years are those of HIPAA.
    What reviewers answered goes with the run that it is about.
    """

    runs: Kept = timedelta(days=400)
    audits: Kept = timedelta(days=2192)
    batches: Kept = timedelta(days=2192)
    notices: Kept = timedelta(days=400)
    rehearsals: Duration = timedelta(days=30)


class Policy(File):
    """``roles/policy.yaml``: settings of the rules, limits, sampling, protection, risk."""

    organisation: str = ""
    mover_grace: Duration = timedelta(days=5)
    plan_valid: Duration = timedelta(hours=24)
    limits: Limits = Limits()
    rosters: RosterLimits = RosterLimits()
    protect: Protect = Protect()
    sampling: Sampling = Sampling()
    risk: RiskWeights = RiskWeights()
    rag: RagThresholds = RagThresholds()
    applications: ApplicationLists = ApplicationLists()
    targets: Targets = Targets()
    clients: Mapping[str, ClientPolicy] = {}
    offboarding: Offboarding = Offboarding()
    reviewing: Reviewing = Reviewing()
    notify: Notify = Notify()
    exceptions: Exceptions = Exceptions()
    retention: Retention = Retention()
    apply: Applying = Applying()
    standing: StandingApproval | None = None
    standing_removal: StandingRemoval | None = None
    watch: Watching = Watching()
    engine: EngineSettings = EngineSettings()
    web: Web | None = None
    rules: Mapping[str, RuleSettings] = {}

    @model_validator(mode="after")
    def _keeps_the_floors(self) -> Self:
        """Hold what no policy switches off; at least one second approver is not a setting at all."""
        if self.plan_valid > LONGEST_VALID:
            raise ValueError(f"plan_valid: a plan is valid for {LONGEST_VALID.days} days at most")
        if not all(name.strip() for name in (*self.clients, *self.reviewing.client_leads)):
            raise ValueError("clients: a client has a name, as the roster writes it")
        if self.apply.spacing < CLOSEST_READS:
            raise ValueError("apply.spacing: the two reads that prove a change are at least a minute apart")
        return self

    def rule(self, name: str) -> RuleSettings:
        """Return what is set for a rule."""
        return self.rules.get(name, RuleSettings())
