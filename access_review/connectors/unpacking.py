"""Zips that cost more than they show, found out before anything is unpacked."""

from zipfile import ZipInfo

DENSEST = 200
"""How many times its size a large part may unpack to; tables and JSON reach 20 to 50."""

SMALL = 64 * 2**20
"""Bytes up to which a part may be as dense as it likes."""


def is_bomb(part: ZipInfo) -> bool:
    """Tell whether a part of a zip is large and almost nothing but repetition.

    No more than the size that the zip states is ever unpacked of a part.
    """
    return part.file_size > SMALL and part.file_size > DENSEST * part.compress_size
