"""One reading of a tenant: its parts, in the order in which they explain each other."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from access_review.connectors import Source, complete, incomplete, problem
from access_review.connectors.classification import Classification
from access_review.connectors.contradictions import TORN
from access_review.connectors.entra import access_packages, conditional_access, groups, principals, roles
from access_review.connectors.entra.applications import Applications, offered_roles
from access_review.connectors.entra.pages import PagedCollection, Pages, SavedPages
from access_review.connectors.entra.properties import Object, UnusableError, date, flag, text, type_of, without
from access_review.connectors.entra.tenant_objects import TableRow, TenantObjects
from access_review.connectors.entra.tenant_parts import Verdict
from access_review.tables import TABLES, Row

LARGE = 1000
"""Members from which a group has a verdict of its own even when it is complete."""

_SOFT_DELETED = frozenset({"users", "groups", "servicePrincipals", "agentIdentities"})
"""Parts whose objects Graph keeps for 30 days after they were deleted; no other type has that property."""

UNREAD = 100
"""One object in so many may have a property that cannot be read and that decides nothing; one always may."""

_BESIDE = frozenset(
    {
        *("accountEnabled", "createdDateTime", "lastPasswordChangeDateTime", "displayName"),
        *("lastSuccessfulSignInDateTime", "lastSignInDateTime", "lastNonInteractiveSignInDateTime"),
        *("department", "jobTitle", "companyName", "employeeType", "externalUserState"),
    }
)
"""Properties of which unknown is an answer: by the others an object is known, or says what it holds."""

ROLE_RUN = roles.check_schedule(roles.read_assignment, "assignmentType", "roleAssignmentScheduleId")
ROLE_ELIGIBLE = roles.check_schedule(roles.read_assignment, "roleEligibilityScheduleId")
GROUP_RUN = roles.check_schedule(roles.read_membership, "accessId", "assignmentType", "assignmentScheduleId")
GROUP_ELIGIBLE = roles.check_schedule(roles.read_membership, "accessId", "eligibilityScheduleId")

Translate = Callable[[Object], Iterable[TableRow]]


class Tenant:
    """The rows of a tenant, and afterwards the verdict on each part."""

    def __init__(
        self,
        source: Source,
        pages: Pages,
        classification: Classification,
        synced_from: str,
        privileged_roles: Sequence[str],
        empty: frozenset[str] = frozenset(),
        *,
        sees_hidden: bool | None = None,
    ) -> None:
        self.pages = pages
        self.sees_hidden = sees_hidden
        self.directory = TenantObjects(source, classification, synced_from, empty)
        self.roles = roles.Roles(self.directory, privileged_roles)
        self.applications = Applications(self.directory)
        self.licences = groups.Licences(self.directory)
        self.packages = access_packages.AccessPackages(self.directory)
        self.verdicts: dict[str, Verdict] = {}
        self.unusable: list[TableRow] = []
        self._unseen: dict[str, str] = {}
        self._shown: dict[str, int] = {}
        self._torn: set[str] = set()

    def rows(self) -> Iterator[TableRow]:
        """Yield everything; memory grows with users and groups, not with memberships."""
        # The order is what the parts need of one another: who synchronises before users, policies before groups,
        # principals before members, and everything that can be held before who owns it.
        assignments = self._kept("roleAssignments", roles.read_assignment)
        rules = [
            rule
            for rule in self._kept("conditionalAccessPolicies", conditional_access.check_policy)
            if conditional_access.is_on(rule)
        ]
        yield from self._each("subscribedSkus", self.licences.sku)
        yield from self._users(roles.syncing(assignments))
        yield from self._groups(rules)
        self._kept("administrativeUnits", self.roles.unit)
        yield from self._of_each("administrativeUnits/members", self.roles.units, self.roles.protect)
        yield from self._service_principals()
        yield from self._members()
        yield from _distinct(self.directory, self._held(assignments))
        for rule in rules:
            yield from conditional_access.exclusions(self.directory, rule)
        yield from _distinct(self.directory, self._owned())
        yield from self._each("deletedUsers", self._deleted)
        yield from self._each("signIns", lambda thing: conditional_access.signin(self.directory, thing))
        yield from self.unusable
        yield from self.directory.disputes()

    def _users(self, syncing: frozenset[str]) -> Iterator[TableRow]:
        licensed = not self.verdicts["subscribedSkus"].absent
        asked, used = False, 0

        def translate(thing: Object) -> Iterator[TableRow]:
            nonlocal asked, used
            asked = asked or "assignedLicenses" in thing
            used += "signInActivity" in thing
            yield from principals.user(self.directory, thing, syncing)
            yield from self.licences.of_user(thing) if licensed else ()

        yield from self._each("users", translate, remembered=True)
        if licensed and not asked and self.verdicts["users"].received:
            self.verdicts["subscribedSkus"] = Verdict(False, "users were read without assignedLicenses")
        if used:
            self.verdicts["signInActivity"] = Verdict(True, received=used)
        else:
            self._kept("signInActivity", lambda thing: thing)

    def _deleted(self, thing: Object) -> Iterator[TableRow]:
        """Note a deleted user: it holds nothing, but can be restored for 30 days."""
        name, at = text(thing, "userPrincipalName") or thing["id"], date(thing, "deletedDateTime")
        when = f" on {at:%Y-%m-%d}" if at else ""
        yield self.directory.unusable(f"deletedUsers/{thing['id']}", f"deleted user {name}{when}")

    def _groups(self, rules: Sequence[Object]) -> Iterator[TableRow]:
        restricting, exempting = conditional_access.restricting(rules), conditional_access.exempting(rules)
        licensed = not self.verdicts["subscribedSkus"].absent

        synced: dict[str, Object] = {}

        def translate(thing: Object) -> Iterator[TableRow]:
            yield from groups.group(self.directory, thing, restricting, exempting)
            if why := groups.why_unseen(thing, self.sees_hidden):
                self._unseen[thing["id"]] = why
            if shown := groups.members_shown(thing):
                self._shown[thing["id"]] = shown
            if flag(thing, "onPremisesSyncEnabled"):
                synced[thing["id"]] = thing
            if licensed:
                self.licences.of_group(thing)

        def converted(native: str, thing: Object) -> Iterable[TableRow]:
            if flag(thing, "isCloudManaged"):
                here = {**synced[native], "onPremisesSyncEnabled": False}
                self.directory.groups[native] = groups.removal_of(self.directory, here)
            return ()

        yield from self._each("groups", translate, remembered=True)
        yield from self._of_each("groups/onPremisesSyncBehavior", synced, converted)

    def _members(self) -> Iterator[TableRow]:
        schedules = roles.GroupSchedules(
            self.directory,
            self._kept("groupAssignmentScheduleInstances", GROUP_RUN),
            self._kept("groupEligibilityScheduleInstances", GROUP_ELIGIBLE),
        )
        given = self._kept("accessPackages", access_packages.check_package)
        assignments = self._kept("accessPackageAssignments", access_packages.check_assignment)
        managed = {**self.packages.managed(given, assignments), **schedules.managed()}
        yield from self._of_each(
            "groups/members",
            self.directory.groups,
            lambda group_id, thing: groups.member(self.directory, group_id, thing, managed),
        )
        yield from _distinct(self.directory, schedules.rows())
        yield from _distinct(self.directory, self.packages.rows(given, assignments))

    def _service_principals(self) -> Iterator[TableRow]:
        for part in ("agentIdentities", "agentIdentityBlueprintPrincipals", "servicePrincipals"):
            yield from self._each(part, partial(self._service_principal, part), remembered=True)

    def _service_principal(self, part: str, thing: Object) -> Iterator[TableRow]:
        """Translate a service principal once, by the most particular part that lists it."""
        if thing["id"] in self.directory.accounts:
            return
        # First, so that nothing is known yet of what must be translated again without them.
        offered = offered_roles(thing)
        self.applications.agent(thing)
        yield from principals.service_principal(self.directory, thing, agent=part == "agentIdentities")
        yield from self.applications.app_roles(thing, offered)
        if part == "agentIdentityBlueprintPrincipals" or type_of(thing) == "agentIdentityBlueprintPrincipal":
            yield from self.applications.blueprint(thing)

    def _held(self, assignments: Sequence[Object]) -> Iterator[TableRow]:
        yield from self._each("roleDefinitions", self.roles.define)
        active = self._kept("roleAssignmentScheduleInstances", ROLE_RUN)
        eligible = self._kept("roleEligibilityScheduleInstances", ROLE_ELIGIBLE)
        yield from self.roles.holdings(assignments, active, eligible)
        units = self.roles.units
        yield from self._of_each("administrativeUnits/scopedRoleMembers", units, self.roles.administrator)
        service_principals = self.directory.service_principals()
        yield from self._of_each("servicePrincipals/appRoleAssignedTo", service_principals, self.applications.assigned)
        yield from self._each("oauth2PermissionGrants", self.applications.consent)
        yield from self.applications.inherited()
        yield from self.licences.settle()

    def _owned(self) -> Iterator[TableRow]:
        def owner(part: str) -> Callable[[str, Object], Iterator[TableRow]]:
            folder, _, last = part.partition("/")

            def translate(native: str, thing: Object) -> Iterator[TableRow]:
                owned = applications.get(native) or self.directory.row_id(native)
                yield self.directory.ownership(owned, f"{folder}/{native}/{last}/{thing['id']}", thing)

            return translate

        applications: dict[str, str] = {}

        def application(thing: Object) -> Iterator[TableRow]:
            owned = self.applications.object_of(thing)
            yield from principals.credentials(owned, thing)
            applications[thing["id"]] = owned
            if app := self.applications.registered(thing):
                yield app

        yield from self._each("applications", application)
        service_principals = self.directory.service_principals()
        for part, natives in (
            ("groups/owners", list(self.directory.groups)),
            ("applications/owners", list(applications)),
            ("servicePrincipals/owners", service_principals),
            ("agentIdentities/sponsors", list(self.applications.agents)),
        ):
            yield from self._of_each(part, natives, owner(part))

    def _each(self, part: str, translate: Translate, *, remembered: bool = False) -> Iterator[TableRow]:
        """Read one collection and translate its objects as they come; ``remembered`` ones are principals."""
        reading = PagedCollection(part, self.pages(part), alone=remembered)
        for thing in reading.objects():
            if part in _SOFT_DELETED and thing.get("deletedDateTime"):
                self.unusable.append(self.directory.unusable(f"{part}/{thing['id']}", "deleted object"))
                continue
            rows = self._translated(reading, thing, translate, in_part=remembered)
            if rows is None and remembered:
                self.directory.forget(thing["id"])
            yield from rows or ()
        self._note_nameless(reading)
        if reading.unread > max(1, reading.received // UNREAD):
            reading.faults.append(f"{reading.unread} of {reading.received} objects have a property that cannot be read")
        if remembered:
            self._note_torn(reading)
        self.verdicts[part] = _verdict([reading])

    def _kept(self, part: str, check: Callable[[Object], Any]) -> list[Object]:
        """Read one collection whole, keeping the objects that ``check`` can use."""
        kept = []

        def keep(thing: Object) -> Iterable[TableRow]:
            check(thing)
            kept.append(thing)
            return ()

        for _ in self._each(part, keep):
            raise AssertionError("keeping yields nothing")
        return kept

    def _of_each(
        self, part: str, natives: Iterable[str], translate: Callable[[str, Object], Iterable[TableRow]]
    ) -> Iterator[TableRow]:
        """Read one collection of each object, and give incomplete and large groups a verdict of their own."""
        folder, _, last = part.partition("/")
        readings = []
        for native in natives:
            reading = PagedCollection(f"{folder}/{native}/{last}", self.pages(f"{folder}/{native}/{last}"))
            for thing in reading.objects():
                yield from self._translated(reading, thing, partial(translate, native)) or ()
            self._note_nameless(reading)
            readings.append(reading)
            if part == "groups/members":
                self._note_unseen(native, reading)
                yield from self._group_verdict(native, reading)
        self.verdicts[part] = _verdict(readings)
        empty = len(readings) > 1 and self.verdicts[part].complete and not self.verdicts[part].received
        if part == "groups/members" and empty:
            self.verdicts[part] = Verdict(False, "no group has a member: were they read?")
        alone = self.verdicts[part].received and not self.directory.accounts
        if part == "groups/members" and alone and self.verdicts["users"].complete:
            self.verdicts["users"] = Verdict(False, "groups have members, and no user was read")
        if part == "groups/members" and self.verdicts["groups"].complete:
            self._note_unlisted(part)

    def _note_unlisted(self, part: str) -> None:
        """Note groups whose members were saved and that the list of groups does not have: it may be the list that was cut."""
        if isinstance(self.pages, SavedPages) and (unlisted := self.pages.unasked(part)):
            what = f"members of {len(unlisted)} groups are saved that no group is listed for, {unlisted[0]} first"
            self.verdicts["groups"] = Verdict(
                False, f"{what}: was the list cut? If they were deleted, delete their files"
            )

    def _note_unseen(self, native: str, reading: PagedCollection) -> None:
        """Note a group that shows no member because it shows none to this reader, or may do so."""
        why = self._unseen.get(native)
        if why and reading.complete and not reading.received:
            reading.faults.append(why)
            self.unusable.append(self.directory.unusable(reading.collection, why, self.directory.group(native)))
        if reading.complete and reading.received < (shown := self._shown.get(native, 0)):
            reading.faults.append(f"{reading.received} received, and the group itself shows {shown}")

    def _group_verdict(self, native: str, reading: PagedCollection) -> Iterator[TableRow]:
        source, group = self.directory.source, self.directory.group(native)
        if not reading.complete:
            yield incomplete(source, group, reading.reason, received=reading.received, expected=reading.expected)
        elif native in self._torn:
            yield incomplete(source, group, TORN, received=reading.received, expected=reading.expected)
        elif reading.received >= LARGE:
            yield complete(source, group, reading.received, reading.expected)

    def _translated(
        self, reading: PagedCollection, thing: Object, translate: Translate, *, in_part: bool = False
    ) -> list[TableRow] | None:
        """Translate an object; ``in_part``, without a property that cannot be read, which is unknown then."""
        place, rest = f"{reading.collection}/{thing['id']}", thing
        odd: list[UnusableError] = []
        while True:
            try:
                rows = list(translate(rest))
                break
            except UnusableError as error:
                shorter = without(rest, error.name) if in_part else None
                if shorter is None:
                    # One odd object makes its collection incomplete, and the rest of it is still read.
                    reading.faults.append("an object could not be used")
                    self.unusable.append(self.directory.unusable(place, str(error)))
                    return None
                rest = shorter
                odd.append(error)
        reading.unread += bool(odd)
        reading.faults += [f"{one.name} of an object could not be used" for one in odd if one.name not in _BESIDE]
        row_id = self.directory.row_id(thing["id"])
        self.unusable += [
            self.directory.unusable(f"{place}/{one.name}", f"{one}: it is unknown", row_id) for one in odd
        ]
        return rows

    def _note_torn(self, reading: PagedCollection) -> None:
        """Put in quarantine the objects that arrived twice and differ: the first record counts, and nothing is planned on it."""
        self._torn.update(reading.torn)
        for native in reading.torn:
            row_id = self.directory.row_id(native)
            place = f"{reading.collection}/{native}"
            self.unusable.append(problem(self.directory.source, place, "quarantined", TORN, row_id))

    def _note_nameless(self, reading: PagedCollection) -> None:
        if reading.nameless:
            place, reason = f"{reading.collection}/?", f"{reading.nameless} objects without a usable id"
            self.unusable.append(self.directory.unusable(place, reason))


def _verdict(readings: Sequence[PagedCollection]) -> Verdict:
    """Sum up the readings of a part: one collection, or one per object."""
    short = [reading for reading in readings if not reading.complete]
    received = sum(reading.received for reading in readings)
    counts = [reading.expected for reading in readings]
    expected = None if None in counts else sum(count for count in counts if count is not None)
    if not short:
        return Verdict(True, received=received, expected=expected)
    reason = short[0].reason
    if len(readings) > 1:
        reason = f"{len(short)} of {len(readings)} not whole, {short[0].collection} first: {reason}"
    absent = len(short) == len(readings) and all(reading.absent for reading in readings)
    return Verdict(False, reason, received, expected, absent)


def _distinct(directory: TenantObjects, rows: Iterable[TableRow]) -> Iterator[TableRow]:
    """Let each key through once: an equal repetition is dropped, another one is a problem."""
    seen: dict[tuple[str, ...], Row] = {}
    for table, row in rows:
        key = (table, *(str(row[column]) for column in TABLES[table].key))
        if key not in seen:
            seen[key] = row
            yield table, row
        elif seen[key] != row:
            yield directory.unusable("/".join(key), f"stands twice: also as {row.get('native_id')}")
