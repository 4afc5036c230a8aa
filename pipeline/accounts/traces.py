"""Between the decision about one account and the traces through it.

The decision says which payments are in dispute; the trace says how much of their money, and of
other disputes' money, is here, and whether the account is spared.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.accounts.balance import RunningBalance
from pipeline.accounts.decision import BANK_UNKNOWN, Standing, watch_of_traced
from pipeline.accounts.file import AccountFile
from pipeline.accounts.grounds import (
    Candidate,
    Grounds,
    Terms,
    has_bank,
    incoming_candidate,
    is_incoming,
    traced_candidate,
)
from pipeline.accounts.matching import Disputed
from pipeline.accounts.tracing import Tracing
from pipeline.accounts.trails import Root
from pipeline.policy.policy import Policy


class Traces:
    """The traces through one account, as its decision sees them."""

    def __init__(self, file: AccountFile, policy: Policy) -> None:
        assert policy.trace is not None
        self._file = file
        self._policy = policy.trace
        self._cluster = ""
        self.roots: set[str] = set()
        """The payments into this account that may be held, also where another account's trace says
        whether they are."""
        self._resting: dict[str, tuple[int, int]] = {}
        """By origin that came from elsewhere and rests here: since when it is disputed, satang."""
        self.tracing = Tracing(file, policy.trace)

    def follow(
        self,
        touched: set[str],
        payments: Mapping[str, Disputed],
        grounds: Grounds,
        terms: Terms,
    ) -> set[str]:
        """Take over what may be held, for the ``touched`` payments.

        Returns the origins whose money here may be other than before.
        """
        cluster = self._file.level.cluster if self._file.level is not None else ""
        if cluster != self._cluster:
            self._cluster = cluster
            touched = touched | self.roots
        for origin in touched:
            self._set_root(origin, payments.get(origin), grounds, terms)
        origins = self.tracing.settle(grounds.is_spoken_of(terms))
        for origin in origins | touched:
            self._count(origin, origin in payments)
        return origins

    def _set_root(
        self, origin: str, payment: Disputed | None, grounds: Grounds, terms: Terms
    ) -> None:
        disputed = undisputed = None
        posting = self._file.postings.get(origin + "+")
        if payment is not None:
            if payment.posting is not None and grounds.reason(origin, terms) is None:
                verified = any(claim.verified for claim in payment.claims)
                followed = verified or not self._policy.verified
                disputed = self._root(grounds.candidate(payment, terms), followed, payment.cluster)
        elif posting is not None and is_incoming(posting, terms):
            undisputed = self._root(incoming_candidate(posting, terms), followed=False)
        self.tracing.dispute(origin, disputed)
        self.tracing.look_for(origin, undisputed)
        if disputed is None and undisputed is None:
            self.roots.discard(origin)
        else:
            self.roots.add(origin)

    def _root(self, candidate: Candidate, followed: bool, proxys: str = "") -> Root:
        """Return the terms of a trace; ``proxys`` is the cluster of a proxy that vouches for it."""
        cluster = self._cluster if self._file.level is not None else proxys
        return Root(followed, candidate.disputed, candidate.since, candidate.until, cluster)

    def _count(self, origin: str, is_disputed_here: bool) -> None:
        """Keep account of what came from elsewhere and rests here."""
        self._resting.pop(origin, None)
        traced = None if is_disputed_here else self.tracing.traced(origin)
        resting = self.tracing.resting(origin) if traced is not None else 0
        if traced is not None and resting:
            self._resting[origin] = traced.source.since, resting

    def known_balance(self, running: RunningBalance) -> int | None:
        """Return the known balance, with what came in by proxies alone since it was stated."""
        return running.known_with(self.tracing.told_after(running.stated_at))

    def candidate(self, origin: str) -> Candidate | None:
        """Return the candidate that money is which came from other accounts, if it may be held."""
        traced = self.tracing.traced(origin)
        if traced is None or self.why_not() is not None:
            return None
        return traced_candidate(traced)

    def why_not(self) -> str | None:
        """Return why money that came from other accounts is not held here; None: it is."""
        return self.tracing.spared if has_bank(self._file) else BANK_UNKNOWN

    def watch(self, balance_known: bool) -> Standing | None:
        """Return the watch of an account where stolen money rests that is not held there."""
        why, resting = self.why_not(), self._resting.values()
        if why is None or not resting:
            return None
        since, satang = min(at for at, _ in resting), sum(part for _, part in resting)
        return watch_of_traced(self._file.account, satang, since, balance_known, why)
