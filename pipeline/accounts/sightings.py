"""Whether a disputed payment that nobody has seen should have been seen by now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.accounts.matching import Disputed
from pipeline.contracts.account_log import Posting
from pipeline.identity.account import bank_of, is_account
from pipeline.policy.policy import HOUR_MS, Claims

_Question = tuple[int, frozenset[str]]
"""When the payment was made (ms), and the banks of those who say that they paid it."""


class Sightings:
    """The answers about one account's payments, kept while its postings come in.

    A payment should have been seen when a bank that would have published it was publishing around
    its time: the account's own bank (it states balances), or the claimed payer's bank (it
    published another payment into this account). Anybody else's payment says nothing.
    """

    def __init__(self, postings: Mapping[str, Posting], rules: Claims) -> None:
        self._postings = postings
        self._near = rules.seen_hours * HOUR_MS
        self._witness: dict[_Question, str | None] = {}

    def unseen(self, payment: Disputed) -> bool:
        """Whether the payment should have been seen, had it gone into this account."""
        if payment.posting is not None:
            return False
        question = _question(payment)
        if question not in self._witness:
            self._witness[question] = next(self._witnesses(question), None)
        return self._witness[question] is not None

    def first_witness(self, payment: Disputed) -> str | None:
        """Return the id, the lowest, of a posting that says so of an unseen payment."""
        if payment.posting is not None:
            return None
        return min(self._witnesses(_question(payment)), default=None)

    def replace(self, key: str, after: Posting) -> bool:
        """Take over a posting that is new or newer; return whether an answer may be another."""
        changed = False
        for question, witness in self._witness.items():
            if (witness is None or witness == key) and self._says(after, question):
                changed |= witness is None
                self._witness[question] = key
            elif witness == key:
                self._witness.clear()
                return True
        return changed

    def _witnesses(self, question: _Question) -> Iterator[str]:
        return (key for key, posting in self._postings.items() if self._says(posting, question))

    def _says(self, posting: Posting, question: _Question) -> bool:
        at, payers = question
        return abs(posting.at - at) <= self._near and (
            posting.balance is not None
            or (
                posting.amount > 0
                and is_account(posting.other)
                and bank_of(posting.other) in payers
            )
        )


def _question(payment: Disputed) -> _Question:
    payers = (bank_of(c.payer) for c in payment.claims if is_account(c.payer))
    return payment.at, frozenset(payers)
