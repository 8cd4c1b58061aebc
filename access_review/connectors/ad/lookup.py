"""One object, looked up by its address: what is there, nothing, or no answer to that."""

from collections.abc import Sequence
from typing import Any

from access_review.connectors.ad.result_codes import NO_SUCH_OBJECT, SUCCESS
from access_review.connectors.ad.server import Session
from access_review.errors import ConnectorError

ANYTHING = "(objectClass=*)"


def look_up(
    session: Session, address: str, attributes: Sequence[str], query: str = ANYTHING, *, controls: Sequence[Any] = ()
) -> tuple[str, dict[str, list[bytes]]] | None:
    """Return DN and values of the one object at an address, null where the server shows none there.

    It shows none of what is gone, does not match or is hidden. A server that is busy, refuses or refers
    elsewhere has said nothing of the object: raises ``ConnectorError``, ``Transient`` when the connection is lost.
    """
    answer = session.search(address, query, attributes, controls=controls)
    if answer.code == SUCCESS and len(answer.entries) == 1:
        return answer.entries[0]
    if answer.code == NO_SUCH_OBJECT or (answer.code == SUCCESS and not answer.entries):
        return None
    reason = answer.fault or f"{len(answer.entries)} objects at one address"
    raise ConnectorError(session.source.name, f"{session.address}: {reason}")
