"""The grants of a table, whatever its form: a list of who holds what, a wide matrix, two columns, decisions."""

from typing import Any

from access_review.connectors import no_value
from access_review.draft.file_kinds import FileKind
from access_review.draft.inspection import TableLook
from access_review.draft.level_words import granted
from access_review.draft.matrix import AccessMatrix, access_matrix
from access_review.draft.shapes import NO

_NOT_HELD = sorted(NO | no_value.NOTHING | {"disabled"})


def matrix_of(table: Any, look: TableLook) -> AccessMatrix | None:
    """Return who holds what by a table of text, or nothing where it does not say.

    Ids are compared as they stand, blanks around taken off. Of decisions the kept ones are the grants. Where
    no column stands for the person, those of ``look.composite`` do together, with `` | `` between.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    person = _person(table, look)
    if person is None:
        return None
    if look.guess.kind is FileKind.MATRIX_WIDE:
        people, entitlements = [], []
        for name in look.guess.marked:
            if name in look.guess.levels:
                whose, what = _levelled(table, look, name, person)
                people.append(whose)
                entitlements.append(what)
                continue
            marks = pc.fill_null(pc.utf8_lower(_trimmed(table.column(name))), "")
            held = person.filter(pc.invert(pc.is_in(marks, value_set=pa.array(_NOT_HELD))))
            people.append(held)
            entitlements.append(pa.array([name] * len(held), pa.string()))
        return access_matrix(pa.chunked_array(people), pa.chunked_array(entitlements))
    column = look.column("entitlement")
    if column is None:
        return None
    entitlement = _trimmed(table.column(column))
    part = next(c.parted for c in look.columns if c.name == column)
    if part and look.guess.decision is None:
        cells = pc.split_pattern(pc.fill_null(entitlement, ""), part)
        person, entitlement = person.take(pc.list_parent_indices(cells)), _trimmed(pc.list_flatten(cells))
    there = pc.and_(_filled(person), _filled(entitlement))
    if look.guess.decision is not None:
        kept = pa.array(look.guess.kept, pa.string())
        there = pc.and_(there, pc.is_in(_trimmed(table.column(look.guess.decision)), value_set=kept))
    return access_matrix(person.filter(there), entitlement.filter(there))


def _levelled(table: Any, look: TableLook, thing: str, person: Any) -> tuple[Any, Any]:
    """Return who holds a thing at which level: a cell may say several, and a level is one however it is written."""
    import pyarrow as pa
    import pyarrow.compute as pc

    part = next(c.parted for c in look.columns if c.name == thing)
    cells = pc.split_pattern(pc.fill_null(_trimmed(table.column(thing)), ""), part or "\n")
    person, said = person.take(pc.list_parent_indices(cells)), _trimmed(pc.list_flatten(cells))
    spelled: dict[str, str | None] = {}
    for word in sorted(said.unique().to_pylist()):
        spelled.setdefault(word.casefold(), granted(thing, word))
    what = pa.array([spelled[word.casefold()] for word in said.to_pylist()], pa.string())
    there = what.is_valid()
    return person.filter(there), what.filter(there)


def person_column(look: TableLook) -> str | None:
    """Return the column that says who holds something, or nothing where several do together."""
    for field in ("account", "employee_id", "mail", "person"):
        column = look.column(field)
        if column is not None:
            return column
    if look.guess.kind is FileKind.MATRIX_WIDE:
        return next((c.name for c in look.columns if c.name not in look.guess.marked and c.keylike), None)
    return None


def _person(table: Any, look: TableLook) -> Any:
    import pyarrow.compute as pc

    column = person_column(look)
    if column is not None:
        return _trimmed(table.column(column))
    if not look.composite:
        return None
    return pc.binary_join_element_wise(*(_trimmed(table.column(c)) for c in look.composite), " | ")


def _trimmed(column: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return pc.utf8_trim_whitespace(whole.cast(pa.string()))


def _filled(column: Any) -> Any:
    import pyarrow.compute as pc

    return pc.fill_null(pc.greater(pc.utf8_length(column), 0), fill_value=False)
