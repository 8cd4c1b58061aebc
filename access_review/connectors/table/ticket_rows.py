"""What a row of a service desk's export asks for. Pure."""

from collections.abc import Iterator

from access_review.connectors.table.listed_row import ListedRow, LostError
from access_review.connectors.tabular import instants
from access_review.tables import Row


def ticket_rows(line: ListedRow) -> Iterator[Row]:
    """Yield what a request asks for, a row for each thing, without their numbers; raises ``LostError``."""
    terms, named, system = line.terms, line.text("entitlement"), line.text("system")
    ticket, person = line.needed("ticket"), line.needed("person")
    if named is None and system is None:
        raise LostError("names neither an entitlement nor a system")
    approved = line.flag("approved", terms.approved) if "approved" in terms.columns else True
    faults = len(line.faults)
    since, until = line.when("since", instants.start), line.when("until", instants.until)
    if since.earliest and until.latest and until.latest < since.earliest:
        line.faults.append("ends before it begins")
    row = {
        "ticket": ticket,
        "person": person,
        "client": line.text("client"),
        "system": system,
        "approved_by": line.text("approved_by"),
        # Whoever cannot read until when it is valid does not know what it authorises.
        "approved": approved if len(line.faults) == faults else None,
        "starts_at": since.earliest,
        "ends_at": until.latest,
    }
    parted = named.split(terms.separator) if named and terms.separator else [named]
    for one in dict.fromkeys(part.strip() if part else None for part in parted):
        yield {**row, "entitlement": one}
