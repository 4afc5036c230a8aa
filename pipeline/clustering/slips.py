"""Which of two look-alike numbers is a slip of the other: by their voices, and where they differ.

Accounts that a branch opened one after the other differ in their last digits, so a number that
differs there may be a neighbour's. A slip may be anywhere: one in the branch's digits, or one that
leaves a number of a length that the bank does not use, is hardly ever another account that somebody
reports. So a number that one voice alone tells, without a name and beside nothing else that is
known, is the known number that it differs from so. It joins as a member, and ties nothing to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pipeline.clustering.brigades import heard
from pipeline.clustering.handles import LINE
from pipeline.clustering.known import is_known
from pipeline.clustering.nameless import is_nameless_word
from pipeline.clustering.nodes import Node
from pipeline.clustering.pairs import GraphEdge
from pipeline.identity.account import is_given_out, number_of

LONE_SLIP: Final = "lone_slip"
"""The reason of an edge that is one only because the slip stands alone."""

MOST_SLIP_BITS = 5
"""Of more than 32 times the voices no more is said: a verdict must not move with each report."""

RUNNING_DIGITS: Final = 4
"""The last digits of a number, which tell accounts apart that were opened one after the other. In
simulated worlds of two makers, of reported numbers that stood alone and differed from a known one
before these, all of some 400 were slips of it; of those that differed in these, one in two."""


def slip_bits(one: int, other: int) -> float:
    """Return the bits that two numbers' voices say for one being a slip of the other.

    A number that many name is misspelt as often: of 16 times the voices there are 16 times the
    slips, and no more strangers' numbers beside it. Whole doublings, at most `MOST_SLIP_BITS`.
    """
    fewer, more = sorted((one, other))
    return float(min(max(more // max(fewer, 1), 1).bit_length() - 1, MOST_SLIP_BITS))


def lone_slip(a: Node, b: Node) -> Node | None:
    """Return which of two look-alikes may be a slip of the other one, if it is alone.

    One voice at most tells it; the other one is known, and no neighbour of it.
    """
    slip, known = (a, b) if heard(a.summary) < heard(b.summary) else (b, a)
    if slip.summary.voices > 1 or not is_known(known):
        return None
    if not slip.is_account:
        return slip
    return slip if is_no_neighbour(slip.key, known.key) else None


def is_no_neighbour(slip: str, known: str) -> bool:
    """Say whether an account's number differs from a known one as its neighbours' do not."""
    a, b = number_of(slip), number_of(known)
    if len(a) != len(b):
        return not is_given_out(slip) and is_given_out(known)
    end = len(a) - RUNNING_DIGITS
    return a != b and a[end:] == b[end:]


def stands_alone(node: Node, ties: Mapping[str, GraphEdge], of: Callable[[str], Node]) -> bool:
    """Say whether nothing joins an identifier to what any other report names.

    ``ties`` are its own. What may be known by another form or number does not stand alone. Nor
    does a phone or handle that is named beside anything that is not public or passes by.
    """
    for other, edge in ties.items():
        beyond = of(other)
        if beyond.hub or other in node.loose or node.key in beyond.loose:
            continue
        if not node.is_account:
            return False
        if is_nameless_word(edge, node, beyond):
            continue
        if beyond.is_account or other.startswith(LINE) or beyond.summary.reports > edge.reports:
            return False
    return True
