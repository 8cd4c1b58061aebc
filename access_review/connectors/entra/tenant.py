"""One reading of a tenant: its parts, in the order in which they explain each other."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from access_review.connectors import Source, complete, incomplete
from access_review.connectors.classification import Classification
from access_review.connectors.contradictions import TORN
from access_review.connectors.entra import access_packages, conditional_access, groups, principals, roles
from access_review.connectors.entra.applications import Applications, offered_roles
from access_review.connectors.entra.pages import PagedCollection, Pages, SavedPages
from access_review.connectors.entra.part_reader import PartReader
from access_review.connectors.entra.properties import Object, date, flag, text, type_of
from access_review.connectors.entra.tenant_objects import TableRow, TenantObjects
from access_review.connectors.entra.tenant_parts import Verdict
from access_review.tables import TABLES, Row

LARGE = 1000
"""Members from which a group has a verdict of its own even when it is complete."""

ROLE_RUN = roles.check_schedule("roleAssignmentScheduleId", roles.read_assignment, roles.is_activation)
ROLE_ELIGIBLE = roles.check_schedule("roleEligibilityScheduleId", roles.read_assignment)
GROUP_RUN = roles.check_schedule("assignmentScheduleId", roles.read_managed, roles.is_activation)
GROUP_ELIGIBLE = roles.check_schedule("eligibilityScheduleId", roles.read_managed)


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
        self.sees_hidden = sees_hidden
        self.directory = TenantObjects(source, classification, synced_from, empty)
        self.roles = roles.Roles(self.directory, privileged_roles)
        self.applications = Applications(self.directory)
        self.licences = groups.Licences(self.directory)
        self.packages = access_packages.AccessPackages(self.directory)
        self.parts = PartReader(pages, self.directory)
        self._unseen: dict[str, str] = {}
        self._shown: dict[str, int] = {}

    @property
    def verdicts(self) -> Mapping[str, Verdict]:
        """The verdict on each part that was read."""
        return self.parts.verdicts

    def rows(self) -> Iterator[TableRow]:
        """Yield everything; memory grows with users and groups, not with memberships."""
        # The order is what the parts need of one another: who synchronises before users, policies before groups,
        # principals before members, and everything that can be held before who owns it.
        assignments = self.parts.kept("roleAssignments", roles.read_assignment)
        rules = [
            rule
            for rule in self.parts.kept("conditionalAccessPolicies", conditional_access.check_policy)
            if conditional_access.is_on(rule)
        ]
        yield from self.parts.each("subscribedSkus", self.licences.sku)
        yield from self._users(roles.syncing(assignments))
        yield from self._groups(rules)
        self.parts.kept("administrativeUnits", self.roles.unit)
        yield from self.parts.of_each("administrativeUnits/members", self.roles.units, self.roles.protect)
        yield from self._service_principals()
        yield from self._members()
        yield from _distinct(self.directory, self._held(assignments))
        for rule in rules:
            yield from conditional_access.exclusions(self.directory, rule)
        yield from _distinct(self.directory, self._owned())
        yield from self.parts.each("deletedUsers", self._deleted)
        yield from self.parts.each("signIns", lambda thing: conditional_access.signin(self.directory, thing))
        yield from self.parts.unusable
        yield from self.directory.disputes()

    def _users(self, syncing: frozenset[str]) -> Iterator[TableRow]:
        licensed = not self.parts.verdicts["subscribedSkus"].absent
        asked, used = False, 0

        def translate(thing: Object) -> Iterator[TableRow]:
            nonlocal asked, used
            asked = asked or "assignedLicenses" in thing
            used += "signInActivity" in thing
            yield from principals.user(self.directory, thing, syncing)
            yield from self.licences.of_user(thing) if licensed else ()

        yield from self.parts.each("users", translate, remembered=True)
        if licensed and not asked and self.parts.verdicts["users"].received:
            self.parts.verdicts["subscribedSkus"] = Verdict(False, "users were read without assignedLicenses")
        if used:
            self.parts.verdicts["signInActivity"] = Verdict(True, received=used)
        else:
            self.parts.kept("signInActivity", lambda thing: thing)

    def _deleted(self, thing: Object) -> Iterator[TableRow]:
        """Note a deleted user: it holds nothing, but can be restored for 30 days."""
        name, at = text(thing, "userPrincipalName") or thing["id"], date(thing, "deletedDateTime")
        when = f" on {at:%Y-%m-%d}" if at else ""
        yield self.directory.unusable(f"deletedUsers/{thing['id']}", f"deleted user {name}{when}")

    def _groups(self, rules: Sequence[Object]) -> Iterator[TableRow]:
        restricting, exempting = conditional_access.restricting(rules), conditional_access.exempting(rules)
        licensed = not self.parts.verdicts["subscribedSkus"].absent

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

        yield from self.parts.each("groups", translate, remembered=True)
        yield from self.parts.of_each("groups/onPremisesSyncBehavior", synced, converted)

    def _members(self) -> Iterator[TableRow]:
        schedules = roles.GroupSchedules(
            self.directory,
            self.parts.kept("groupAssignmentScheduleInstances", GROUP_RUN),
            self.parts.kept("groupEligibilityScheduleInstances", GROUP_ELIGIBLE),
        )
        given = self.parts.kept("accessPackages", access_packages.check_package)
        assignments = self.parts.kept("accessPackageAssignments", access_packages.check_assignment)
        managed = {**self.packages.managed(given, assignments), **schedules.managed()}
        yield from self.parts.of_each(
            "groups/members",
            self.directory.groups,
            lambda group_id, thing: groups.member(self.directory, group_id, thing, managed),
            self._group_verdict,
        )
        self._doubt_members()
        yield from _distinct(self.directory, schedules.rows())
        yield from _distinct(self.directory, self.packages.rows(given, assignments))

    def _service_principals(self) -> Iterator[TableRow]:
        for part in ("agentIdentities", "agentIdentityBlueprintPrincipals", "servicePrincipals"):
            yield from self.parts.each(part, partial(self._service_principal, part), remembered=True)

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
        yield from self.parts.each("roleDefinitions", self.roles.define)
        active = self.parts.kept("roleAssignmentScheduleInstances", ROLE_RUN)
        eligible = self.parts.kept("roleEligibilityScheduleInstances", ROLE_ELIGIBLE)
        yield from self.roles.holdings(assignments, active, eligible)
        units = self.roles.units
        yield from self.parts.of_each("administrativeUnits/scopedRoleMembers", units, self.roles.administrator)
        service_principals = self.directory.service_principals()
        yield from self.parts.of_each(
            "servicePrincipals/appRoleAssignedTo", service_principals, self.applications.assigned
        )
        yield from self.parts.each("oauth2PermissionGrants", self.applications.consent)
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

        yield from self.parts.each("applications", application)
        service_principals = self.directory.service_principals()
        for part, natives in (
            ("groups/owners", list(self.directory.groups)),
            ("applications/owners", list(applications)),
            ("servicePrincipals/owners", service_principals),
            ("agentIdentities/sponsors", list(self.applications.agents)),
        ):
            yield from self.parts.of_each(part, natives, owner(part))

    def _group_verdict(self, native: str, reading: PagedCollection) -> Iterator[TableRow]:
        """Give incomplete and large groups a verdict of their own; one that shows no member may show none to this reader."""
        source, group = self.directory.source, self.directory.group(native)
        why = self._unseen.get(native)
        if why and reading.complete and not reading.received:
            reading.faults.append(why)
            self.parts.unusable.append(self.directory.unusable(reading.collection, why, group))
        if reading.complete and reading.received < (shown := self._shown.get(native, 0)):
            reading.faults.append(f"{reading.received} received, and the group itself shows {shown}")
        if not reading.complete:
            yield incomplete(source, group, reading.reason, received=reading.received, expected=reading.expected)
        elif native in self.parts.torn:
            yield incomplete(source, group, TORN, received=reading.received, expected=reading.expected)
        elif reading.received >= LARGE:
            yield complete(source, group, reading.received, reading.expected)

    def _doubt_members(self) -> None:
        """Doubt what cannot be: that nobody is in any group, or members without users."""
        verdicts, part = self.parts.verdicts, "groups/members"
        if len(self.directory.groups) > 1 and verdicts[part].complete and not verdicts[part].received:
            verdicts[part] = Verdict(False, "no group has a member: were they read?")
        if verdicts[part].received and not self.directory.accounts and verdicts["users"].complete:
            verdicts["users"] = Verdict(False, "groups have members, and no user was read")
        if verdicts["groups"].complete:
            self._note_unlisted(part)

    def _note_unlisted(self, part: str) -> None:
        """Note groups whose members were saved and that the list of groups does not have: it may be the list that was cut."""
        if isinstance(self.parts.pages, SavedPages) and (unlisted := self.parts.pages.unasked(part)):
            what = f"members of {len(unlisted)} groups are saved that no group is listed for, {unlisted[0]} first"
            self.parts.verdicts["groups"] = Verdict(
                False, f"{what}: was the list cut? If they were deleted, delete their files"
            )


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
