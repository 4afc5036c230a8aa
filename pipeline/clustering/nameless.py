"""A word that nobody stands behind: one nameless, unverified report ties an account to a phone.

Operators issue numbers again, and whoever wants to harm a shop need only name it beside the phone
of a known ring. So such a report alone puts no account, that no verified voice and no authority
names, into what is known of a phone. It is shown as a relation, and the account keeps its level.
Whoever gives a name, or a second voice for the same tie, is believed.
"""

from __future__ import annotations

from typing import Final

from pipeline.clustering.known import is_known
from pipeline.clustering.nodes import Node
from pipeline.clustering.pairs import GraphEdge
from pipeline.clustering.rows import NodeSummary

REASON_NAMELESS: Final = "nameless_word"
_ISSUED_AGAIN: Final = "phone:"
_IN_A_REPORTS_KEY: Final = "/"
"""A voice without a name is its report's key (source/report); a person's hash has none in it."""


def is_nameless_word(edge: GraphEdge, one: Node, other: Node) -> bool:
    """Say whether an edge between two identifiers is such a word."""
    if edge.voices != 1 or _IN_A_REPORTS_KEY not in edge.sole:
        return False
    account, phone = (one, other) if one.is_account else (other, one)
    if not (account.is_account and phone.key.startswith(_ISSUED_AGAIN)):
        return False
    return is_known(phone) and not is_vouched_for(account.summary)


def is_vouched_for(summary: NodeSummary) -> bool:
    """Say whether a verified voice, the police, a bank or a laundering list names an identifier."""
    return bool(
        summary.verified_voices
        or summary.police_filed
        or summary.bank_detected
        or summary.laundering_listed
    )


def may_turn(node: Node) -> bool:
    """Say whether what ties this identifier to others may be such a word."""
    return node.is_account or node.key.startswith(_ISSUED_AGAIN)
