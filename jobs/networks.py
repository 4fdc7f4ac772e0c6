"""Which addresses a webhook may reach."""

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
TRANSLATED = IPv6Network("64:ff9b::/96")
"""IPv4 behind NAT64 (RFC 6052)."""
GLOBAL = IPv6Network("2000::/3")
"""All that IANA has given out for the Internet; the rest of IPv6 has other uses, or none yet."""
DOCUMENTATION = IPv6Network("3fff::/20")
"""RFC 9637, which is later than what the standard library knows."""


def networks(text: str) -> tuple[Network, ...]:
    """``10.1.0.0/16, ::1`` as networks. Raises ValueError, saying which part is none."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def literal(host: str) -> Address | None:
    """The address that a URL names by number, if it does."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def permitted(address: Address, allowed: tuple[Network, ...], *, encrypted: bool) -> bool:
    """Whether it is a public one, or in a network that was allowed; these may be plain HTTP.

    An IPv4 address inside an IPv6 one is judged itself: ``::ffff:127.0.0.1`` is the loopback.
    """
    inner = _unwrapped(address)
    named = any(one in network for one in (address, inner) for network in allowed)
    return named or (encrypted and _public(inner))


def _public(address: Address) -> bool:
    if not address.is_global or address.is_multicast:
        return False
    if isinstance(address, IPv4Address):
        return True
    return address in GLOBAL and address not in DOCUMENTATION


def _unwrapped(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address in TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)
