"""Claims at a number that may be a slip, told to the accounts that may have been meant.

A victim who typed a digit wrong disputes a payment into an account that never got it. Where numbers
that look like it are named by more people (`Level.slip_of`), each claim whose payment has not been
seen goes on to these. There it counts for nothing but a payment that is seen, and is met as any
other claim (`pipeline.accounts.matching`): the payment proves what was meant, not the likeness.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pipeline.accounts.file import AccountFile, passed_key
from pipeline.accounts.matching import Matcher
from pipeline.contracts.account_log import Claim

_PASSED = "~"
"""Ends the id of a claim that is passed on: the report may name both accounts."""


class Mistyped:
    """The claims of one file that go on to other accounts, as far as they may have changed."""

    def __init__(self, file: AccountFile, followed: bool) -> None:
        """``followed``: the policy's word that claims go on at all."""
        self._file = file
        self._followed = followed
        self._slip_of: tuple[str, ...] | None = None
        self._told = {claim.account for claim in file.passed.values()}
        """Accounts that are told of claims, or were."""
        self._to_look: set[str] = set()

    def look(self, claims: Iterable[Claim]) -> None:
        """Take over that these claims, or what they mean, may be other than before."""
        if self._told:
            self._to_look.update(claim.claim_id for claim in claims)

    def passed(self, matcher: Matcher) -> dict[str, Claim | None]:
        """Return what other accounts are to be told, by `passed_key`; None: nothing (more).

        Versions and causes are the differ's. ``matcher`` is settled.
        """
        level = self._file.level
        slip_of = level.slip_of if level is not None and self._followed else ()
        if slip_of != self._slip_of:
            self._slip_of = slip_of
            self._told.update(slip_of)
            known = self._file.passed.values()
            self._to_look.update(self._file.claims)
            self._to_look.update(claim.claim_id.removesuffix(_PASSED) for claim in known)
        to_look, self._to_look = self._to_look, set()
        found: dict[str, Claim | None] = {}
        for claim_id in to_look if self._told else ():
            claim = self._waiting(claim_id, matcher)
            for account in self._told:
                passed_id = claim_id + _PASSED
                told = None
                if claim is not None and account in slip_of:
                    told = msgspec.structs.replace(
                        claim, account=account, claim_id=passed_id, typed=claim.account
                    )
                found[passed_key(passed_id, account)] = told
        return found

    def _waiting(self, claim_id: str, matcher: Matcher) -> Claim | None:
        """Return a claim of this very account whose payment has not been seen."""
        claim = self._file.claims.get(claim_id)
        if claim is None or claim.withdrawn or claim.typed is not None:
            return None
        origin = matcher.origin_of(claim_id)
        payment = matcher.payments.get(origin) if origin is not None else None
        return claim if payment is not None and payment.posting is None else None
