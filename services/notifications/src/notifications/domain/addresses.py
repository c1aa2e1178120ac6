"""E-mail addresses as they stand in headers."""

from email.errors import HeaderParseError
from email.headerregistry import Address

import idna


def parse_address(address: str, *, name: str = "") -> Address:
    """One address with a name to show, its domain in ASCII (RFC 5891).

    ValueError when it is none, or could smuggle in a header.
    """
    try:
        parsed = Address(name, addr_spec=address)
        domain = parsed.domain if parsed.domain.isascii() else idna.encode(parsed.domain, uts46=True).decode()
    except (ValueError, IndexError, HeaderParseError):
        raise ValueError("is not an e-mail address") from None
    if not parsed.username or not domain:
        raise ValueError("is not an e-mail address")
    return Address(name, parsed.username, domain)
