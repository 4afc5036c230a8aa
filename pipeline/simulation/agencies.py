"""The agencies that take reports: what each learns from a victim, and how it writes it down."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agency:
    """One source of reports.

    Each figure is a chance: ``knows_person`` that the reporter's hash is known, ``account``,
    ``payment``, ``phone``, ``handle``, ``page``, ``holder`` that this is told, ``reference`` that
    the slip's reference is, ``neat`` that numbers come from a screen and not from a hand.
    ``verified`` are the ways of verification, each as likely as the others.
    """

    source: str
    prefix: str
    share: int
    verified: tuple[str, ...]
    knows_person: float
    account: float
    payment: float
    phone: float
    handle: float
    page: float
    holder: float
    reference: float
    neat: float
    police: bool = False


_AOC = ("thaid", "ndid", "thaid", "none")
_ETDA = ("thaid", "ndid", "none")

AGENCIES: tuple[Agency, ...] = (
    Agency("aoc-1441", "AOC", 34, _AOC, 0.9, 1.0, 0.95, 0.45, 0.45, 0.2, 0.7, 0.5, 0.2),
    Agency("etda-1212", "1212", 13, _ETDA, 0.85, 0.9, 0.8, 0.4, 0.6, 0.5, 0.6, 0.35, 0.2),
    Agency("ccib", "CCIB", 14, ("police",), 1.0, 1.0, 1.0, 0.6, 0.6, 0.4, 0.8, 0.6, 0.5, True),
    Agency(
        "royal-thai-police",
        "RTP",
        8,
        ("police",),
        1.0,
        1.0,
        0.95,
        0.5,
        0.4,
        0.2,
        0.8,
        0.4,
        0.3,
        True,
    ),
    Agency("meta", "META", 10, ("none",), 0.0, 0.4, 0.15, 0.25, 1.0, 0.8, 0.3, 0.0, 0.3),
    Agency("bank", "BNK", 14, ("bank",), 1.0, 1.0, 1.0, 0.15, 0.15, 0.05, 0.9, 1.0, 1.0),
    Agency("telco-ais", "AIS", 4, ("none", "ndid"), 0.3, 0.35, 0.1, 1.0, 0.3, 0.5, 0.3, 0.1, 0.4),
    Agency("telco-true", "TRUE", 4, ("none", "ndid"), 0.3, 0.35, 0.1, 1.0, 0.3, 0.5, 0.3, 0.1, 0.4),
    Agency("telco-nt", "NT", 2, ("none",), 0.1, 0.35, 0.1, 1.0, 0.3, 0.5, 0.3, 0.1, 0.4),
)
SHARES: tuple[int, ...] = tuple(agency.share for agency in AGENCIES)
