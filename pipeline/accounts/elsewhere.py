"""Claims whose payment was not seen in this account, told to the accounts where it may have gone.

- A victim who typed a digit wrong disputes a payment into an account that never got it. Where
  numbers that look like it are named by more people (`Level.slip_of`), the claim goes on to these;
  one that names the payer or a reference goes to all that look like it, whoever names them.
- A victim who paid a PromptPay proxy may find that the bank's payment event names the account
  behind it alone. The claim goes on to the account that stood behind the proxy at that time, as
  the proxy's other payments say (`pipeline.accounts.behind`), and nothing unseen is held at the
  proxy itself: what is to be held is the account's business, as with a proxy's payments.
- A claim whose payment was seen at a proxy of which no verified person speaks goes on to the
  account as well: others may have reported that one.
- A claim that names the account that paid goes on to that one's own book, which has the payment
  with its true payee (`pipeline.accounts.paid`). From there it goes to that payee, and back here as
  well: where the payer's book says that the payment went elsewhere, nothing is held for it here.

There the claim is met as any other claim (`pipeline.accounts.matching`): the payment proves what
was meant. How much a proxy's word counts at an account that no report names, `Claim.vouched` says.

Questions and answers come to rest, because each rests on what stands before it alone:

1. A question is a function of its claim, and of the postings and the level of the account that the
   claim names: of no other claim, of no answer, and not of what the claim means.
2. An answer is a function of its question and of the payer's postings. At the accounts that are
   told, it is a claim that another account passed on, and such a claim is not asked about.

So an event changes each question of its account at most once; that, or an event at the payer,
changes the answers at most once; and what differs in its content alone is told
(`pipeline.accounts.told_others`). About a claim whose account sees E events there are at most 2 E
questions, those that are taken back among them. What is passed on to look-alikes and to accounts
behind a proxy does rest on answers, but no question or answer rests on it.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable

import msgspec

from pipeline.accounts.behind import Behind, account_behind, account_named
from pipeline.accounts.credits import names_of
from pipeline.accounts.file import AccountFile, passed_key
from pipeline.accounts.grounds import Terms
from pipeline.accounts.matching import Matcher
from pipeline.accounts.paid import (
    PASSED,
    OfPayer,
    Paid,
    asked_with,
    is_asked,
    is_proxy,
    is_told_by_payer,
)
from pipeline.accounts.places import Place, between, take_out
from pipeline.contracts.account_log import Claim, Level, Posting, Vouched
from pipeline.identity.account import bank_of, is_account
from pipeline.identity.banks import UNKNOWN_BANK
from pipeline.policy.policy import Claims


class Elsewhere:
    """The claims of one file that go on to other accounts, as far as they may have changed."""

    def __init__(self, file: AccountFile, rules: Claims) -> None:
        self._file = file
        self._rules = rules
        self._is_proxy = is_proxy(file.account)
        self._meant: object = None
        """What the last answer rested on, beside the claims and who stands behind the proxy."""
        self._looked = False
        self._level: Level | None = None
        """The account's level as it was looked at last."""
        self._slip_of: tuple[str, ...] = ()
        self._alike: tuple[str, ...] = ()
        """What looks like this account, with the former."""
        self._told: dict[str, set[str]] = {}
        """By claim: the accounts that are told of it, or were."""
        for claim in file.passed.values():
            told = self._told.setdefault(claim.claim_id.removesuffix(PASSED), set())
            told.add(claim.account)
        self._to_look: set[str] = set()
        self._behind: Behind | None = None
        """Made when a proxy's claims are looked at first."""
        self._times: dict[str, int] = {}
        self._by_time: list[Place] = []
        """A proxy's claims by the time at which they say that it was paid."""
        self._of_payer: OfPayer | None = None
        self._paid: Paid | None = None
        """Made when another account's file first asks about this account's payments out."""

    def claim_added(self, claim: Claim) -> None:
        """Take over a claim that is new in the file, or newer."""
        if self._rules.payers:
            self._to_look.add(claim.claim_id)
            if self._of_payer is not None:
                self._of_payer.claim_added(claim)
        self.look([claim])

    def look(self, claims: Iterable[Claim]) -> None:
        """Take over that these claims, or what they mean, may be other than before."""
        payers = self._rules.payers
        # At any other account what a claim means changes nothing that nobody was told.
        all_may = bool(self._alike) or self._behind is not None or (payers and self._is_proxy)
        for claim in claims:
            if all_may or claim.claim_id in self._told:
                self._to_look.add(claim.claim_id)
            if payers and is_told_by_payer(claim):
                self._to_look.add(asked_with(claim))
            if self._behind is not None and self._times.get(claim.claim_id) != claim.paid_at:
                self._put(claim)

    def posting_changed(self, key: str, before: Posting | None, after: Posting) -> None:
        """Take over a posting that is new in the file (id ``key``), or newer than ``before``."""
        if self._behind is not None:
            for first, last in self._behind.changed(key, before, after):
                self._to_look.update(
                    claim_id for _, claim_id in between(self._by_time, first, last)
                )
        if self._of_payer is not None:
            self._to_look.update(self._of_payer.changed(key, before, after))
        if self._paid is not None:
            self._to_look |= self._paid.changed(key, before, after)

    def rests_on(self) -> set[str]:
        """Return the ids of the postings out without which other accounts would be told else."""
        return self._paid.rests_on() if self._paid is not None else set()

    def is_in_question(self, posting: Posting) -> bool:
        """Whether another account's file asks about this posting, or may."""
        return self._paid is not None and self._paid.is_in_question(posting)

    def passed(self, matcher: Matcher, terms: Terms) -> dict[str, Claim | None]:
        """Return what other accounts are to be told, by `passed_key`; None: nothing (more).

        Versions and causes are the differ's. ``matcher`` is settled.
        """
        level, behind = self._file.level, self._behind is not None or terms.passed_on
        if self._looked and level is self._level and not (behind or self._to_look):
            return {}  # as nearly always
        self._looked, self._level = True, level
        self._find_meant(terms)
        to_look, self._to_look = self._to_look, set()
        found: dict[str, Claim | None] = {}
        for claim_id in to_look:
            told = self._told_of(claim_id, matcher, terms)
            known = self._told.get(claim_id, ())
            if not (told or known):
                continue
            passed_id = claim_id + PASSED
            for account in {*told, *known}:
                found[passed_key(passed_id, account)] = told.get(account)
            self._told[claim_id] = {*told, *known}
        return found

    def _told_of(self, claim_id: str, matcher: Matcher, terms: Terms) -> dict[str, Claim]:
        """Return, by account, what is told of one of the file's claims."""
        claim = self._file.claims.get(claim_id)
        if claim is None or claim.withdrawn:
            if self._paid is not None:
                self._paid.forget(claim_id)
            return {}
        if claim.typed is not None:
            return self._answer(claim) if self._rules.payers and is_asked(claim) else {}
        told = {}
        waiting, seen = self._waiting(claim, matcher, terms)
        if waiting is not None:
            targets = self._targets(waiting, seen)
            told = {each: self._as_told(waiting, each, len(targets), terms) for each in targets}
            if self._rules.payers and claim.payer is not None:
                told.pop(claim.payer, None)  # what its payer is told is a question
        asking = self._question(claim, matcher, terms) if self._rules.payers else None
        if asking is not None:
            told[asking.account] = asking
        return told

    def _question(self, claim: Claim, matcher: Matcher, terms: Terms) -> Claim | None:
        """Return the claim as its payer's book is asked about it, if it is."""
        posting = matcher.named(claim)
        if posting is None and claim.payer is not None:
            if self._of_payer is None:
                self._of_payer = OfPayer(self._file, self._rules)
            posting = self._of_payer.fitting(claim)
        if posting is not None:
            if not self._is_proxy or account_named(posting) is not None:
                return None
            if claim.payer not in (None, posting.other):
                return None  # one version of a claim asks one payer only
            # The payer's book may have the account behind the proxy, from the payee's bank.
            paid_by, name = posting.other, posting.transaction
            claim = msgspec.structs.replace(claim, payer=paid_by, reference=name)
        payer = claim.payer
        if not is_account(payer) or payer == self._file.account or bank_of(payer) == UNKNOWN_BANK:
            return None
        level = self._file.level
        return msgspec.structs.replace(
            claim,
            account=payer,
            claim_id=claim.claim_id + PASSED,
            typed=claim.account,
            cluster=level.cluster if terms.acts and level is not None else "",
        )

    def _answer(self, asked: Claim) -> dict[str, Claim]:
        """Return what this account's book says of a payment that it is asked about.

        It is told to the account that has the payment, and to the one that asks.
        """
        if self._paid is None:
            self._paid = Paid(self._file.postings, self._rules)
        debit = self._paid.ask(asked)
        if debit is None or asked.typed is None or debit.other == asked.account:
            return {}
        named = asked.reference in names_of(debit)
        if named and debit.other == asked.typed:
            return {}  # it knows the payment when it sees it
        told = msgspec.structs.replace(
            asked,
            claim_id=asked.claim_id + PASSED,
            reference=asked.reference if named else debit.transaction,
            vouched=(Vouched.IF_SEEN if asked.verified else Vouched.NOT).value,
        )
        answers = {debit.other: msgspec.structs.replace(told, account=debit.other)}
        if debit.other != asked.typed:
            gone = msgspec.structs.replace(told, account=asked.typed, reference=None, vouched=0)
            answers[asked.typed] = gone
        return answers

    def _find_meant(self, terms: Terms) -> None:
        """Find out what all claims' answers rest on; let all be looked at where it is other."""
        level = self._file.level
        if is_account(self._file.account):
            follows = level is not None and self._rules.look_alikes
            self._slip_of = level.slip_of if level is not None and follows else ()
            self._alike = look_alikes(level) if level is not None and follows else ()
            meant: object = (self._slip_of, self._alike)
            if self._rules.payers:
                meant = (meant, terms.acts, level.cluster if level is not None else "")
        elif terms.passed_on:
            meant = (terms.acts, terms.seen_only, level.cluster if level is not None else "")
            if self._behind is None:
                self._behind = Behind(self._file.postings)
                for claim in self._file.claims.values():
                    self._put(claim)
        else:
            self._behind = None
            meant = (terms.acts, level.cluster if level is not None else "", False)
            self._times.clear()
            self._by_time.clear()
        if meant != self._meant:
            self._meant = meant
            self._to_look.update(self._file.claims)
            self._to_look.update(self._told)

    def _put(self, claim: Claim) -> None:
        before = self._times.get(claim.claim_id)
        if before is not None:
            take_out(self._by_time, (before, claim.claim_id))
        self._times[claim.claim_id] = claim.paid_at
        insort(self._by_time, (claim.paid_at, claim.claim_id))

    def _waiting(
        self, claim: Claim, matcher: Matcher, terms: Terms
    ) -> tuple[Claim | None, Posting | None]:
        """Return a claim of this very account that may go on, and its payment if that was seen."""
        payment = matcher.payment_of(claim.claim_id)
        if payment is None or payment.posting is None:
            return (claim, None) if payment is not None else (None, None)
        if self._behind is None or terms.acts:
            return None, None
        # The account has this very payment as well.
        return msgspec.structs.replace(claim, reference=payment.origin), payment.posting

    def _targets(self, claim: Claim, seen: Posting | None) -> tuple[str, ...]:
        if self._behind is None:
            return self._alike if claim.payer or claim.reference else self._slip_of
        if seen is None:
            return self._behind.around(claim.paid_at)
        account = account_behind(seen)
        return (account,) if account is not None else ()

    def _as_told(self, claim: Claim, account: str, targets: int, terms: Terms) -> Claim:
        """Return the claim as an account is told of it, one of so many."""
        vouched, cluster = Vouched.NOT, ""
        if self._behind is not None and terms.acts and self._file.level is not None:
            cluster = self._file.level.cluster
            alone = targets == 1 and not terms.seen_only
            vouched = Vouched.ALWAYS if alone else Vouched.IF_SEEN
        return msgspec.structs.replace(
            claim,
            account=account,
            claim_id=claim.claim_id + PASSED,
            typed=claim.account,
            vouched=vouched.value,
            cluster=cluster,
        )


def look_alikes(level: Level) -> tuple[str, ...]:
    """Return the accounts that an account's number looks like, as far as their banks are known."""
    edges = (other for kind, other, _ in level.evidence if kind == "look_alike")
    found = {key for key in edges if is_account(key) and bank_of(key) != UNKNOWN_BANK}
    return tuple(sorted(found.union(level.slip_of)))
