"""Whether an account that was paid with stolen money shows an ordinary trade: a shop, mostly.

Many payers who have nothing to do with the stolen money, payments over a while, a small part of
stolen money in all that came in, and no fast emptying. The figures are the policy's.

The trace ends at a shop, and money may come back to where it was. So that both cannot hang on each
other, what is asked for a hop looks at the stolen money up to that hop alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.contracts.account_log import CASH, Posting
from pipeline.policy.policy import HOUR_MS, OrdinaryTrade, Trace


def is_small(whole: int, any_large: bool, rules: Trace) -> bool:
    """Whether stolen money (satang) is too little to hold, in all or by payments.

    ``any_large``: what a payment brought of it is not small (`is_large`).
    """
    if whole < rules.small_sum_satang:
        return True
    return not any_large and whole <= rules.small_payments_satang


def is_large(traced: int, whole: int, small_payment: int, small_share: int) -> bool:
    """Whether this much traced money in a payment of ``whole`` satang is not small.

    See `Trade` for what small is.
    """
    return traced >= max(1, small_payment) and traced * 100 >= whole * small_share


class Trade:
    """What is counted over all credits of one account, posting by posting.

    ``small_payment`` (satang): traced money in payments of less than this each may be small, and
    so may money that is less than ``small_share`` per cent of the payment it came in.
    """

    def __init__(self, small_payment: int = 0, small_share: int = 0) -> None:
        self._small_payment = small_payment
        self._small_share = small_share
        self._payers: dict[str, int] = {}
        """By payer: how many payments."""
        self._came_in = 0
        self._traced: dict[str, tuple[str, Mapping[int, int], bool]] = {}
        """By payment: its payer, how much of it is traced money, by hop, whether it is large."""
        self._traced_in: dict[int, int] = {}
        self._large = 0
        """How many payments brought traced money that is not small."""
        self._hops_of: dict[str, dict[int, int]] = {}
        """By payer: with how many of its payments traced money came, by hop."""
        self._fast: dict[str, Mapping[int, int]] = {}
        self._fast_out: dict[int, int] = {}
        self._payers_upto: dict[int, int] = {}

    @property
    def payers(self) -> int:
        """How many paid into the account, whatever they paid with."""
        return len(self._payers)

    @property
    def traced_in(self) -> int:
        """Satang of stolen money that came in with steps, in all."""
        return sum(self._traced_in.values())

    def is_small(self, rules: Trace) -> bool:
        """See the function `is_small`."""
        return is_small(self.traced_in, self._large > 0, rules)

    def add(self, posting: Posting, times: int = 1) -> None:
        """Take a posting, or with ``times`` -1 take it back."""
        if posting.amount > 0:
            if posting.other != CASH:  # which is nobody, however often it comes
                count = self._payers.pop(posting.other, 0) + times
                if count:
                    self._payers[posting.other] = count
            self._came_in += times * posting.amount

    def traced(self, credit: Posting, by_hop: Mapping[int, int]) -> None:
        """Set how much of a payment is traced money (satang, by hop)."""
        known = self._traced.pop(credit.transaction, None)
        if known is None and not by_hop:
            return
        large = is_large(
            sum(by_hop.values()), credit.amount, self._small_payment, self._small_share
        )
        now = credit.other, by_hop, large
        for change, (of, amounts, large) in ((-1, known or ("", {}, False)), (1, now)):
            self._large += change * large
            for hop, satang in amounts.items():
                self._traced_in[hop] = self._traced_in.get(hop, 0) + change * satang
                hops = self._hops_of.setdefault(of, {})
                hops[hop] = hops.get(hop, 0) + change
        if by_hop:
            self._traced[credit.transaction] = now
        self._payers_upto.clear()

    def went_fast(self, debit: str, by_hop: Mapping[int, int]) -> None:
        """Set how much traced money went on with this debit soon after it had come in."""
        before = self._fast.pop(debit, None)
        if before is None and not by_hop:
            return
        for change, amounts in ((-1, before or {}), (1, by_hop)):
            for hop, satang in amounts.items():
                self._fast_out[hop] = self._fast_out.get(hop, 0) + change * satang
        if by_hop:
            self._fast[debit] = by_hop

    def is_ordinary(self, rules: OrdinaryTrade, hop: int, lasted: int) -> bool:
        """Whether all that is asked is shown, as far as money up to ``hop`` is concerned.

        ``lasted`` is the time between the first and the last posting (ms).
        """
        traced = sum(satang for at, satang in self._traced_in.items() if at <= hop)
        fast = sum(satang for at, satang in self._fast_out.items() if at <= hop)
        return (
            traced > 0
            and lasted >= rules.hours * HOUR_MS
            and traced * 100 <= self._came_in * rules.traced_percent
            and fast * 2 < traced
            and len(self._payers) - self._payers_of_traced(hop) >= rules.payers
        )

    def _payers_of_traced(self, hop: int) -> int:
        """Return how many payers sent traced money up to this hop."""
        if hop not in self._payers_upto:
            self._payers_upto[hop] = sum(
                any(count and at <= hop for at, count in hops.items())
                for payer, hops in self._hops_of.items()
                if payer != CASH
            )
        return self._payers_upto[hop]
