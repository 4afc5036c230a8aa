"""What a payer's own book says of the payments that victims dispute: where they went.

A victim who types an account's number wrong, leaves its bank out or gives the PromptPay proxy that
was paid disputes a payment that nobody sees there. Where the report names the account that paid,
that account's postings have the payment, with the payee as the bank has it.

- A reference decides, as it does where the payment came in.
- Else exactly one payment of just that amount must be in question: one to the very payee that the
  report names, however far apart the times are; else one to a payee whose number is one edit from
  it (`is_one_edit`); else, of a proxy, one within the policy's tolerance of time.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping

from rapidfuzz.distance import OSA

from pipeline.accounts.credits import fits, names_of
from pipeline.accounts.file import AccountFile
from pipeline.accounts.places import Place, between, take_out
from pipeline.contracts.account_log import CASH, Claim, Posting
from pipeline.identity.account import is_account, number_of
from pipeline.policy.policy import MINUTE_MS, Claims

PASSED = "~"
"""Ends the id of a claim that is passed on: the report may name both accounts."""


def is_asked(claim: Claim) -> bool:
    """Whether a claim was passed on to its payer's book: it is about money that went out."""
    return claim.typed is not None and claim.payer == claim.account


def is_told_by_payer(claim: Claim) -> bool:
    """Whether a claim is what the payer's book says of one that this very account passed on."""
    return claim.typed is not None and claim.typed == claim.account and not is_asked(claim)


def says_elsewhere(claim: Claim) -> bool:
    """Whether it says that the payment went into another account; then it names none."""
    return is_told_by_payer(claim) and not claim.reference


def asked_with(answer: Claim) -> str:
    """Return the id of the claim of this account about which the payer's book says something."""
    return answer.claim_id.removesuffix(PASSED).removesuffix(PASSED)


def is_one_edit(typed: str, payee: str) -> bool:
    """Whether a payee may be what was meant with the number of an account that a report names.

    The same digits at whichever bank, or one digit wrong, left out, too many or two swapped.
    """
    if not (is_account(typed) and is_account(payee)):
        return False
    return OSA.distance(number_of(typed), number_of(payee), score_cutoff=1) <= 1


def is_proxy(account: str) -> bool:
    """Whether this is a PromptPay proxy, which leads to an account."""
    return account.startswith("promptpay:")


class Paid:
    """The debits of one file, and which of them other accounts' questions mean.

    ``postings`` are the file's, by id.
    """

    def __init__(self, postings: Mapping[str, Posting], rules: Claims) -> None:
        self._tolerance = rules.time_tolerance_minutes * MINUTE_MS
        self._postings = postings
        self._named: dict[str, set[str]] = {}
        self._by_amount: dict[int, dict[str, set[str]]] = {}
        """By amount and payee."""
        self._questions: dict[str, Claim] = {}
        self._asking: dict[int | str, set[str]] = {}
        """By amount, and by reference: the questions."""
        for key, posting in postings.items():
            self.changed(key, None, posting)

    def changed(self, key: str, before: Posting | None, after: Posting) -> set[str]:
        """Take over a posting; return the questions to which the answer may be another now."""
        concerned: set[str] = set()
        if before is not None and _has_payee(before):
            for name in names_of(before):
                self._named[name].discard(key)
            self._by_amount[-before.amount][before.other].discard(key)
            concerned |= self._concerned(before)
        if _has_payee(after):
            for name in names_of(after):
                self._named.setdefault(name, set()).add(key)
            payees = self._by_amount.setdefault(-after.amount, {})
            payees.setdefault(after.other, set()).add(key)
            concerned |= self._concerned(after)
        return concerned

    def ask(self, claim: Claim) -> Posting | None:
        """Take a question, or what is newer of it; return the debit that it means."""
        self.forget(claim.claim_id)
        self._questions[claim.claim_id] = claim
        for facts in _facts(claim):
            self._asking.setdefault(facts, set()).add(claim.claim_id)
        found = self._in_question(claim)
        return self._postings[found[0]] if len(found) == 1 else None

    def forget(self, claim_id: str) -> None:
        """Take a question back, if it was asked."""
        claim = self._questions.pop(claim_id, None)
        for facts in _facts(claim) if claim is not None else ():
            self._asking[facts].discard(claim_id)

    def is_in_question(self, posting: Posting) -> bool:
        """Whether any question may mean this debit."""
        return _has_payee(posting) and bool(self._concerned(posting))

    def rests_on(self) -> set[str]:
        """Return the ids of the debits without which an answer would be another."""
        return {key for claim in self._questions.values() for key in self._in_question(claim)}

    def _in_question(self, claim: Claim) -> list[str]:
        """Return the debits that a question may mean: one, if it is clear."""
        named = self._named.get(claim.reference or "")
        if named:
            return [min(named, key=lambda key: (self._postings[key].at, key))]
        typed, payees = claim.typed or "", self._by_amount.get(claim.amount, {})
        found = list(payees.get(typed, ()))
        if not found:
            alike = (keys for payee, keys in payees.items() if is_one_edit(typed, payee))
            found = [key for keys in alike for key in keys]
        if not found and is_proxy(typed):
            every = (key for keys in payees.values() for key in keys)
            found = [key for key in every if self._is_near(claim, self._postings[key])]
        return found

    def _concerned(self, debit: Posting) -> set[str]:
        concerned: set[str] = set()
        for name in names_of(debit):
            concerned |= self._asking.get(name, set())
        for claim_id in self._asking.get(-debit.amount, ()):
            claim = self._questions[claim_id]
            typed = claim.typed or ""
            if (
                debit.other == typed
                or is_one_edit(typed, debit.other)
                or (is_proxy(typed) and self._is_near(claim, debit))
            ):
                concerned.add(claim_id)
        return concerned

    def _is_near(self, claim: Claim, posting: Posting) -> bool:
        return abs(posting.at - claim.paid_at) <= self._tolerance


def _has_payee(posting: Posting) -> bool:
    """Whether a posting is money that went to somebody: of cash no book says who got it."""
    return posting.amount < 0 and posting.other != CASH


def _facts(claim: Claim) -> tuple[int | str, ...]:
    """Return by what a debit may be found that a question means."""
    return (claim.amount, claim.reference) if claim.reference else (claim.amount,)


class OfPayer:
    """Which payments here come from the payer that a claim names, and so could be meant by it.

    Made when such a claim is first asked about, from all that the file has by then.
    """

    def __init__(self, file: AccountFile, rules: Claims) -> None:
        self._postings = file.postings
        self._rules = rules
        self._credits: dict[str, list[Place]] = {}
        """By payer: times and ids of credits."""
        self._claims: dict[str, set[str]] = {}
        """By payer: the claims that name it, and may be withdrawn by now."""
        for key, posting in file.postings.items():
            if posting.amount > 0:
                self._credits.setdefault(posting.other, []).append((posting.at, key))
        for places in self._credits.values():
            places.sort()
        for known in file.claims.values():
            self.claim_added(known)

    def claim_added(self, claim: Claim) -> None:
        """Take over a claim that is new, or newer."""
        if claim.payer is not None:
            self._claims.setdefault(claim.payer, set()).add(claim.claim_id)

    def changed(self, key: str, before: Posting | None, after: Posting) -> Iterable[str]:
        """Take over a posting; return the claims that it may concern."""
        concerned: set[str] = set()
        if before is not None and before.amount > 0:
            take_out(self._credits[before.other], (before.at, key))
            concerned.update(self._claims.get(before.other, ()))
        if after.amount > 0:
            insort(self._credits.setdefault(after.other, []), (after.at, key))
            concerned.update(self._claims.get(after.other, ()))
        return concerned

    def fitting(self, claim: Claim) -> Posting | None:
        """Return the payment of the claim's payer that is nearest to it, of those that fit it."""
        tolerance = self._rules.time_tolerance_minutes * MINUTE_MS
        lowest, highest = claim.paid_at - tolerance, claim.paid_at + tolerance
        near = between(self._credits.get(claim.payer or "", []), lowest, highest)
        paid = (self._postings[key] for _, key in near)
        fitting = [
            (abs(p.at - claim.paid_at), p.transaction, p)
            for p in paid
            if fits(claim, p, self._rules)
        ]
        return min(fitting)[2] if fitting else None
