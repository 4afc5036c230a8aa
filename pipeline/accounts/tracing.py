"""Following stolen money: what of it is in this account, and which steps go on to the next ones.

A step tells the owner of the account that received a payment which parts of it are stolen money. It
is a function of this file's postings, disputes and steps. A step of hop *h* rests on those of hop
*h* - 1 alone, and there are `Trace.hops` hops: so all steps come to rest, through any cycle, and
what they come to is the same in any order.
"""

from __future__ import annotations

from collections.abc import Collection

from pipeline.accounts.apportionment import Colour, is_in_proportion
from pipeline.accounts.ends import ORDINARY_TRADE, OUT_OF_ACCOUNTS, OUT_OF_HOPS, Ends, Rests
from pipeline.accounts.file import AccountFile
from pipeline.accounts.onward import Due, Onward
from pipeline.accounts.steps import (
    LEGS,
    MARKS_A_STEP,
    is_passed_on,
    made_to,
    new_step,
    passed_on,
    passed_on_dispute,
)
from pipeline.accounts.stolen_money import UNDISPUTED_HOP, Part, StolenMoney
from pipeline.accounts.trails import (
    Root,
    Source,
    Traced,
    is_back,
    joint_legs,
    joint_source,
    leg_into,
    leg_of,
)
from pipeline.contracts.account_log import CASH, Leg, Posting, Step
from pipeline.identity.account import is_account
from pipeline.policy.policy import Trace

SMALL_SUM = "small_sum"

_PASSED_ON = 0
"""The hop of money in a proxy's book: it is in the account behind, as hop 1."""


class Tracing:
    """The traces through one account. The file is changed first, then this is told."""

    def __init__(self, file: AccountFile, policy: Trace) -> None:
        self._file = file
        self._is_proxy = not is_account(file.account)
        self._passes_on = self._is_proxy and policy.proxies
        self._policy = policy
        self._money: StolenMoney | None = None
        self._disputes: dict[str, Root] = {}
        self._undisputed: dict[str, Root] = {}
        self._sources: dict[Colour, dict[str, Source]] = {}
        self._hops: dict[str, set[Colour]] = {}
        """By origin: its colours among the sources."""
        self._from_proxies = 0
        """Disputes about a proxy of this account: so reports are about it, and it is not spared."""
        self._onward = Onward()
        self._touched: set[str] = set()
        self._traced: dict[str, Traced | None] = {}
        """What was found of each origin since the last change."""
        self.ends = Ends()
        self._no_shop = [False] * (policy.hops + 1)
        self._shop = self._no_shop
        """By hop: whether the account is a shop, as far as money up to that hop is concerned."""
        self.spared: str | None = None
        """Why nothing that came from other accounts is held here; None: it may be."""
        self._sent: dict[str, set[Due]] = {}
        """By posting: the steps sent before. It may have been left out, and come again."""
        for key, step in file.steps.items():
            self.step_added(key, None, step)
        for step in file.sent.values():
            if step.marks:
                side = "+" if is_passed_on(step) else "-"
                due = Colour(step.hop - 1, step.origin), step.transaction + side
                self._onward.due.add(due)
                self._sent.setdefault(due[1], set()).add(due)

    @property
    def money(self) -> StolenMoney:
        """The marked money; looked at from the first dispute or step on."""
        if self._money is None:
            file = self._file
            self._money = StolenMoney(
                file.account, file.postings, file.left_out_before, self._policy
            )
        return self._money

    def posting_changed(self, key: str, before: Posting | None, after: Posting) -> None:
        """Take over a posting that is new in the file, or newer than ``before``."""
        if self._money is None:
            return
        self._traced.clear()
        moved = self._money.posting_changed(key, before, after)
        # The steps name the payments: what these are called is theirs as well.
        self._onward.touch_debit(key)
        left = self.ends.left_with(key)
        if left and after.other != CASH:
            self._go(key, after, left)  # another bank's event names the payee
        if before is None:
            self._onward.due |= self._sent.get(key, set())
        origin = after.transaction
        disputed = Colour(1, origin)
        if after.amount > 0 and disputed in self._sources:
            self._onward.touch([disputed])
        for each in {key, *moved} if after.amount > 0 or moved else ():
            # A proxy's posting may only now say which account is behind it.
            self._pass_on_again(each)

    def _pass_on_again(self, key: str) -> None:
        """Have a payment passed on or kept, as its posting (``key``) or its neighbours say now."""
        transaction = key[:-1]
        if transaction in self._disputes or transaction in self._undisputed:
            self._pass_on_or_keep(transaction)
        if self._passes_on and key.endswith("+"):
            colours = (colour for colour in self.money.came_by(transaction) if colour.hop > 1)
            self._onward.due.update((Colour(hop - 1, origin), key) for hop, origin in colours)

    def dispute(self, origin: str, root: Root | None) -> None:
        """Say that a payment that was seen is in dispute here (None: not, or no more)."""
        if self._disputes.get(origin) == root:
            return
        if root is None:
            del self._disputes[origin]
        else:
            self._disputes[origin] = root
        self._pass_on_or_keep(origin)

    def look_for(self, origin: str, root: Root | None) -> None:
        """Say that money that nobody disputes may be held (None: not, or no more)."""
        if self._undisputed.get(origin) == root:
            return
        if root is None:
            del self._undisputed[origin]
        else:
            self._undisputed[origin] = root
        self._pass_on_or_keep(origin)

    def _pass_on_or_keep(self, origin: str) -> None:
        """Take over a payment that may be held: a proxy passes it on to the account behind it."""
        self._traced.clear()
        posting = self._file.postings.get(origin + "+")
        money = self.money
        passed_on = posting is not None and money.passed_on_to(posting) is not None
        if self._is_proxy:
            self._onward.due.add((Colour(_PASSED_ON, origin), origin + "+"))
        root = None if passed_on else self._disputes.get(origin)
        money.dispute(origin, None if root is None else root.followed)
        money.look_for(origin, not passed_on and origin in self._undisputed)
        source = None
        if root is not None and root.followed:
            source = Source(self._policy.accounts, *root[1:])
        self._source(Colour(1, origin), "", source)

    def step_added(self, key: str, before: Step | None, step: Step) -> None:
        """Take over a step that is new in the file (``key``), or newer than ``before``."""
        if not step.marks and before is None:
            return
        self._traced.clear()
        colour, source = Colour(step.hop, step.origin), None
        if step.marks:
            source = Source(step.accounts, step.stolen, step.since, step.until, step.cluster)
        self._source(colour, key, source)
        self.money.step_added(key, step)
        if self._passes_on and step.hop > 1:
            self._onward.due.add((Colour(step.hop - 1, step.origin), step.transaction + "+"))
        if is_in_proportion(self._policy.method):
            self._onward.touch([colour])

    def _source(self, colour: Colour, key: str, source: Source | None) -> None:
        """Set where money of a colour comes from; None: not from there any more."""
        if self._sources.get(colour, {}).get(key) == source:
            return
        sources = self._sources.setdefault(colour, {})
        self._touched.add(colour.origin)
        if colour.hop == 1 and key:
            self._from_proxies += (source is not None) - (key in sources)
        if source is not None:
            sources[key] = source
        else:
            del sources[key]
        self._onward.touch([colour])
        self._hops.setdefault(colour.origin, set()).add(colour)
        if not sources:
            del self._sources[colour]
            self._hops[colour.origin].discard(colour)
            # Also steps about debits that were left out of the file are taken back.
            self._onward.due.update(
                (colour, step.transaction + "-")
                for step in self._file.sent.values()
                if (step.hop - 1, step.origin) == colour and not is_passed_on(step)
            )
        self._onward.allow(colour, sum(source.accounts for source in sources.values()))

    def settle(self, acts: bool) -> set[str]:
        """Bring all up to date; return the origins whose money here may be other than before.

        ``acts``: the account's own level allows holds, and its number is no slip: it is not spared.
        """
        money = self._money
        if money is None:
            return set()
        touched = money.settle()
        if touched.debits or touched.colours:
            self._traced.clear()
        for debit in touched.debits:
            posting = self._file.postings.get(debit)
            if posting is None:
                continue  # a credit of which a step told, and no more
            shares = money.shares(debit).items()
            parts = {colour: part for colour, part in shares if colour.hop < UNDISPUTED_HOP}
            self._go(debit, posting, parts)
        origins, self._touched = self._touched, set()
        origins.update(colour.origin for colour in touched.colours)
        if self._find_spared(acts):
            origins.update(self.origins())
        return origins

    def _go(self, debit: str, posting: Posting, parts: dict[Colour, Part]) -> None:
        """Take over what of a payment out is stolen money: it goes on, or leaves in cash."""
        in_cash = posting.other == CASH
        self.ends.leave(debit, parts if in_cash else {})
        self._onward.go(debit, posting.at, {} if in_cash else parts)

    def _find_spared(self, acts: bool) -> bool:
        """Find out whether the account is spared; return whether that is other than before."""
        money, hops = self.money, self._policy.hops
        exempt = acts or self._from_proxies > 0 or not money.trade.traced_in
        shop = self._no_shop
        if not exempt and money.has_many_payers():
            shop = [money.is_ordinary_trade(hop) for hop in range(hops + 1)]
        for hop in range(hops + 1) if shop != self._shop else ():
            if shop[hop] != self._shop[hop]:
                self._onward.touch(c for c in self._onward.colours() if c.hop == hop)
        self._shop, before = shop, self.spared
        small = not exempt and money.trade.is_small(self._policy)
        self.spared = ORDINARY_TRADE if shop[hops] else SMALL_SUM if small else None
        return self.spared != before

    def steps(self) -> dict[str, Step | None]:
        """Return the steps that may be other than before, by `step_key`; None: there is none.

        They have no version and no cause yet.
        """
        due, self._onward.due = self._onward.due, set()
        steps: dict[str, Step | None] = {}
        for colour, posting in due:
            if self._stands(colour, posting):
                continue  # left out of the file: what was said of it stands
            key = f"{colour.origin}|{colour.hop + 1}|{posting[:-1]}|{self._file.account}"
            step = self._step(colour, posting)
            if step is None or isinstance(step, str):
                self.ends.mark(colour, posting, step)
                steps[key] = None
            else:
                self.ends.mark(colour, posting, None)
                steps[key] = step
        return steps

    def _stands(self, colour: Colour, posting: str) -> bool:
        """Whether what was said of a posting stands, as it was left out of the file."""
        if self.money.has(posting):
            return False
        if posting.endswith("+") and colour.hop != _PASSED_ON:
            colour = Colour(colour.hop + 1, colour.origin)
        return colour in self._sources

    def rests_of(self, origin: str) -> Rests:
        """Return how much money of this origin is here, and where it left and is not followed."""
        shops = {colour: self._shop[colour.hop] for colour in self._hops.get(origin, ())}
        ends, in_cash = self.ends.of(origin, shops, self._file.postings)
        return Rests(self.resting(origin), ends, in_cash)

    def _step(self, colour: Colour, posting: str) -> Step | str | None:
        """Return the step with a posting; the limit that it came to; None: none is due."""
        if colour.hop == _PASSED_ON:
            return self._pass_on(colour.origin)
        if posting.endswith("+"):
            return self._pass_on_traced(colour, posting)
        part = self._onward.part(posting, colour)
        if part is None or colour not in self._sources:
            return None
        if self._shop[colour.hop]:
            return ORDINARY_TRADE
        if colour.hop >= self._policy.hops:
            return OUT_OF_HOPS
        source = joint_source(self._sources[colour].values())
        if not source.accounts:
            return None
        accounts = self._onward.accounts(colour, posting)
        if not accounts:
            return OUT_OF_ACCOUNTS
        marks, payments = part
        if len(marks) > MARKS_A_STEP:
            self.ends.count("marks_a_step")
        made = self._file.postings[posting]
        if made.other == made.account:
            return None
        share = sum(length for _, length in marks)
        own = leg_of(colour.hop + 1, made, share)
        before = joint_legs(self._trails(colour, payments))
        if self._policy.ends_at_payer and is_back(made, before, colour.origin):
            return None
        if len(before) >= LEGS:
            self.ends.count("legs_a_step")
        legs = (*before[: LEGS - 1], own)
        source = Source(accounts, *source[1:])
        account = self._file.account
        return new_step(account, colour, made, marks[:MARKS_A_STEP], legs, source)

    def _pass_on(self, origin: str) -> Step | None:
        """Return the step to the account behind a proxy, which has the money of this dispute."""
        root = self._disputes.get(origin) or self._undisputed.get(origin)
        posting = self._file.postings.get(origin + "+")
        behind = self.money.passed_on_to(posting) if posting is not None else None
        if root is None or posting is None or behind is None:
            return None
        return passed_on_dispute(self._file.account, posting, behind, root, self._policy.accounts)

    def _pass_on_traced(self, colour: Colour, posting: str) -> Step | None:
        """Return the step to the account behind a proxy to which stolen money went on.

        It is the step that came, at the same hop: a proxy is no account.
        """
        credit = self._file.postings.get(posting)
        behind = self.money.passed_on_to(credit) if credit is not None else None
        came = self.money.steps_of(posting[:-1], Colour(colour.hop + 1, colour.origin))
        if credit is None or behind is None or not came:
            return None
        step = min(came, key=lambda each: each.sender)
        made = made_to(behind, credit)
        back = self._policy.ends_at_payer and is_back(made, step.legs, colour.origin)
        return None if back or behind == made.account else passed_on(step, made)

    def _trails(self, colour: Colour, payments: Collection[str]) -> list[tuple[Leg, ...]]:
        """Return the ways of a colour that came with these payments, and end with them."""
        money = self.money
        trails = [step.legs for each in payments for step in money.steps_of(each, colour)]
        hop, origin = colour
        credit = self._file.postings.get(origin + "+")
        if hop == 1 and origin in payments and credit is not None:
            trails.append((leg_into(credit, money.coins(origin)),))
        return trails

    def resting(self, origin: str) -> int:
        """Return how much of the money of this origin is in the account still (satang)."""
        return self._money.resting(origin) if self._money is not None else 0

    def origins(self) -> set[str]:
        """Return the origins of which there are steps, or disputes that are followed."""
        return {colour.origin for colour in self._sources}

    def told_after(self, at: int) -> int:
        """Return how much came in after a time (ms) of which no posting tells, but a proxy does."""
        return self._money.told_after(at) if self._money is not None else 0

    def left_of(self, origin: str, whole: int) -> int:
        """Return how much of a payment into this account is there still (satang).

        ``whole`` is its amount. Of one that was never seen, the whole is taken to be there.
        """
        seen = origin + "+" in self._file.postings
        return self.resting(origin) if seen or self.traced(origin) else whole

    def traced(self, origin: str) -> Traced | None:
        """Return what came of this origin from other accounts; None: nothing.

        As of the last `settle`, if nothing was told since.
        """
        if origin not in self._traced:
            self._traced[origin] = self._find_traced(origin)
        return self._traced[origin]

    def _find_traced(self, origin: str) -> Traced | None:
        colours = sorted(self._hops.get(origin, ()))
        came = self._money.came_with(origin) if self._money is not None and colours else []
        if not came:
            return None
        came.sort(key=lambda each: (each[0].at, each[0].transaction))
        payments = [posting.transaction for posting, _ in came[:LEGS]]
        legs = joint_legs(trail for colour in colours for trail in self._trails(colour, payments))
        if not legs:
            return None
        sources = [source for colour in colours for source in self._sources[colour].values()]
        part = sum(satang for _, satang in came)
        at, source = came[0][0].at, joint_source(sources)
        return Traced(origin, part, at, source, legs[:LEGS])
