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

There the claim is met as any other claim (`pipeline.accounts.matching`): the payment proves what
was meant. How much a proxy's word counts at an account that no report names, `Claim.vouched` says.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable

import msgspec

from pipeline.accounts.behind import Behind, account_behind
from pipeline.accounts.file import AccountFile, passed_key
from pipeline.accounts.grounds import Terms
from pipeline.accounts.matching import Matcher
from pipeline.accounts.places import Place, between, take_out
from pipeline.contracts.account_log import Claim, Level, Posting, Vouched
from pipeline.identity.account import bank_of, is_account
from pipeline.identity.banks import UNKNOWN_BANK
from pipeline.policy.policy import Claims

_PASSED = "~"
"""Ends the id of a claim that is passed on: the report may name both accounts."""


class Elsewhere:
    """The claims of one file that go on to other accounts, as far as they may have changed."""

    def __init__(self, file: AccountFile, rules: Claims) -> None:
        self._file = file
        self._rules = rules
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
            told = self._told.setdefault(claim.claim_id.removesuffix(_PASSED), set())
            told.add(claim.account)
        self._to_look: set[str] = set()
        self._behind: Behind | None = None
        """Made when a proxy's claims are looked at first."""
        self._times: dict[str, int] = {}
        self._by_time: list[Place] = []
        """A proxy's claims by the time at which they say that it was paid."""

    def look(self, claims: Iterable[Claim]) -> None:
        """Take over that these claims, or what they mean, may be other than before."""
        if self._told or self._alike or self._behind is not None:
            for claim in claims:
                self._to_look.add(claim.claim_id)
                if self._behind is not None and self._times.get(claim.claim_id) != claim.paid_at:
                    self._put(claim)

    def posting_changed(self, key: str, before: Posting | None, after: Posting) -> None:
        """Take over a posting that is new in the file (id ``key``), or newer than ``before``."""
        if self._behind is not None:
            for first, last in self._behind.changed(key, before, after):
                self._to_look.update(
                    claim_id for _, claim_id in between(self._by_time, first, last)
                )

    def passed(self, matcher: Matcher, terms: Terms) -> dict[str, Claim | None]:
        """Return what other accounts are to be told, by `passed_key`; None: nothing (more).

        Versions and causes are the differ's. ``matcher`` is settled.
        """
        level, is_proxy = self._file.level, self._behind is not None or terms.passed_on
        if self._looked and level is self._level and not (is_proxy or self._to_look):
            return {}  # as nearly always
        self._looked, self._level = True, level
        self._find_meant(terms)
        to_look, self._to_look = self._to_look, set()
        found: dict[str, Claim | None] = {}
        for claim_id in to_look:
            claim, seen = self._waiting(claim_id, matcher, terms)
            targets = self._targets(claim, seen) if claim is not None else ()
            known = self._told.get(claim_id, ())
            if not (targets or known):
                continue
            passed_id = claim_id + _PASSED
            for account in {*targets, *known}:
                told = None
                if claim is not None and account in targets:
                    told = self._as_told(claim, account, len(targets), terms)
                found[passed_key(passed_id, account)] = told
            self._told[claim_id] = {*targets, *known}
        return found

    def _find_meant(self, terms: Terms) -> None:
        """Find out what all claims' answers rest on; let all be looked at where it is other."""
        level = self._file.level
        if is_account(self._file.account):
            follows = level is not None and self._rules.look_alikes
            self._slip_of = level.slip_of if level is not None and follows else ()
            self._alike = look_alikes(level) if level is not None and follows else ()
            meant: object = (self._slip_of, self._alike)
        elif terms.passed_on:
            meant = (terms.acts, terms.seen_only, level.cluster if level is not None else "")
            if self._behind is None:
                self._behind = Behind(self._file.postings)
                for claim in self._file.claims.values():
                    self._put(claim)
        else:
            self._behind, meant = None, None
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
        self, claim_id: str, matcher: Matcher, terms: Terms
    ) -> tuple[Claim | None, Posting | None]:
        """Return a claim of this very account that may go on, and its payment if that was seen."""
        claim = self._file.claims.get(claim_id)
        if claim is None or claim.withdrawn or claim.typed is not None:
            return None, None
        origin = matcher.origin_of(claim_id)
        payment = matcher.payments.get(origin) if origin is not None else None
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
            claim_id=claim.claim_id + _PASSED,
            typed=claim.account,
            vouched=vouched.value,
            cluster=cluster,
        )


def look_alikes(level: Level) -> tuple[str, ...]:
    """Return the accounts that an account's number looks like, as far as their banks are known."""
    edges = (other for kind, other, _ in level.evidence if kind == "look_alike")
    found = {key for key in edges if is_account(key) and bank_of(key) != UNKNOWN_BANK}
    return tuple(sorted(found.union(level.slip_of)))
