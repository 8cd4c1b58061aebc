"""IP addresses as logs write them, in one form, so that equal ones are equal."""

from ipaddress import IPv6Address, ip_address


def address(text: str | None) -> str | None:
    """Return an address in its usual form, without zone and port; null for what is none.

    An IPv4 address inside an IPv6 one is that IPv4 address.
    """
    bare = (text or "").strip().partition("%")[0]
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ip_address(bare)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)
