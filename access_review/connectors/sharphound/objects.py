"""What is used of an object of a collection: a user, a group or a computer; the rest of it is ignored."""

from collections.abc import Collection
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from access_review.connectors import no_value
from access_review.connectors.ad.entry import canonical

_NAMES = frozenset({"name", "samaccountname", "distinguishedname", "domain"})


class CollectedMember(BaseModel):
    """A member of a group, or a SID of somebody's past."""

    model_config = ConfigDict(strict=True)
    ObjectIdentifier: str = Field(min_length=1)
    ObjectType: str | None = None


class CollectedObject(BaseModel):
    """A user, group or computer. ``Properties`` are what the collector chose to read, so any may be missing."""

    model_config = ConfigDict(strict=True)
    ObjectIdentifier: str = Field(min_length=1)
    Properties: dict[str, JsonValue]
    PrimaryGroupSID: str | None = None
    Members: list[JsonValue] | None = None
    HasSIDHistory: list[JsonValue] | None = None
    IsDeleted: bool = False

    def saying(self, empty: Collection[str]) -> "CollectedObject":
        """Return the object without the texts that stand for nothing or are names of types; names are what they are."""
        said = {
            name: value
            for name, value in self.Properties.items()
            if name in _NAMES
            or not isinstance(value, str)
            or not (no_value.is_nothing(value, empty) or no_value.is_type_name(value))
        }
        return self.model_copy(update={"Properties": said})

    def text(self, name: str) -> str | None:
        """Return a property that is text; null when it is empty, missing or none."""
        value = self.Properties.get(name)
        return value if isinstance(value, str) and value else None

    def flag(self, name: str) -> bool | None:
        """Return a property that is true or false."""
        value = self.Properties.get(name)
        return value if isinstance(value, bool) else None

    def stamp(self, name: str) -> int | None:
        """Return a property that is a number, whole."""
        value = self.Properties.get(name)
        return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def time(self, name: str) -> datetime | None:
        """Return a property that is a time, in seconds since 1970, as UTC; null for 0 and below."""
        seconds = self.stamp(name)
        try:
            at = datetime.fromtimestamp(seconds, UTC) if seconds is not None and seconds > 0 else None
            return no_value.meant(at)
        except (OverflowError, ValueError, OSError):
            return None

    def members(self) -> tuple[list[CollectedMember], int]:
        """Return the members that say who they are, and how many do not."""
        stated: list[CollectedMember] = []
        for item in self.Members or ():
            try:
                member = CollectedMember.model_validate(item)
            except ValidationError:
                continue
            if not no_value.is_nothing(member.ObjectIdentifier):
                stated.append(member)
        return stated, len(self.Members or ()) - len(stated)

    def former_sids(self) -> frozenset[str]:
        """Return the SIDs of its past: rusthound writes a user's as text, where others write objects."""
        listed = self.Properties.get("sidhistory")
        told = [*(listed if isinstance(listed, list) else []), *(self.HasSIDHistory or ())]
        named = [one.get("ObjectIdentifier") if isinstance(one, dict) else one for one in told]
        return frozenset(text.upper() for text in named if isinstance(text, str) and not no_value.is_nothing(text))

    @property
    def native_id(self) -> str:
        """The id: a SID, behind the domain where every domain has the same one."""
        return self.ObjectIdentifier.upper()

    @property
    def sid(self) -> str:
        """The SID alone."""
        return plain_sid(self.native_id)

    @property
    def dn(self) -> str:
        """The distinguished name in canonical form, empty without one."""
        return canonical(self.text("distinguishedname") or "")

    @property
    def name(self) -> str:
        """The sAMAccountName, else what stands before the domain."""
        name = self.text("name") or self.ObjectIdentifier
        return self.text("samaccountname") or (name.rpartition("@")[0] or name)


def plain_sid(identifier: str) -> str:
    """Return the SID in an identifier: SharpHound puts the domain before those that every domain has."""
    before, dash, _ = identifier.upper().partition("S-1-")
    return identifier.upper()[len(before) :] if dash else identifier.upper()
