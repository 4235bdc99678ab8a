"""What kind of answer a client accepts (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence

from service.errors import NotAcceptable


def choose(accept: list[str] | None, offers: Sequence[str]) -> str:
    """Choose the media type that the client likes best; of equals the first offered.

    Parameters
    ----------
    accept
        The header's lines; none, or what cannot be understood, accepts everything.
    offers
        Media types, such as ``image/png``.

    Raises
    ------
    NotAcceptable
        The client accepts none of them.
    """
    ranges = [parsed for part in ",".join(accept or ()).split(",") if (parsed := _range(part))]
    if not ranges:
        return offers[0]
    liked = max(offers, key=lambda offer: _quality(offer, ranges))  # of equals the first
    if _quality(liked, ranges) == 0:
        raise NotAcceptable(
            f"this request can be answered as {', '.join(offers)}; none of them is accepted",
            available=list(offers),
        )
    return liked


def _range(part: str) -> tuple[str, float] | None:
    kind, *parameters = (word.strip().lower() for word in part.split(";"))
    if "/" not in kind:
        return None
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                return None
    return kind, quality if 0 <= quality <= 1 else 0.0


def _quality(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    """How much an offer is liked: what the most specific range that fits it says."""
    for kind in (offer, f"{offer.partition('/')[0]}/*", "*/*"):
        for accepted, quality in ranges:
            if accepted == kind:
                return quality
    return 0.0
