"""Decide: which alerts should stand, as a pure function of the account file, policy and time.

The grounds (`pipeline.accounts.grounds`) say which payments may be held and why the others may
not. How much of each is held follows from the balance and the clock, and is decided here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from sortedcontainers import SortedList

from pipeline.accounts.file import AccountFile
from pipeline.accounts.grounds import (
    PAYMENT_NOT_SEEN,
    Candidate,
    Grounds,
    is_incoming,
    may_act,
)
from pipeline.accounts.matching import Disputed
from pipeline.contracts.account_log import Level, Notice, Posting
from pipeline.contracts.alerts import AlertKind
from pipeline.contracts.hold_updates import HoldStatus
from pipeline.policy.policy import NO_LEVEL

MAX_HOLDS_AN_ACCOUNT = 500
"""Limit on open holds of one account; the oldest payments come first, and it is counted."""

CLOCK_OUT = "clock_out"
MONEY_GONE = "money_gone"
REPORT_WITHDRAWN = "report_withdrawn"
RELEASED_BY_BANK = "released_by_bank"
REFUSED_BY_BANK = "refused_by_bank"
SEIZED = "seized"
SUPERSEDED = "superseded"

NOT_VERIFIED = "not_verified"
NO_PAYMENT = "no_payment"
BANK_UNKNOWN = "bank_unknown"
_WATCH_REASONS = (
    PAYMENT_NOT_SEEN,
    CLOCK_OUT,
    MONEY_GONE,
    RELEASED_BY_BANK,
    REFUSED_BY_BANK,
    SEIZED,
)


class Standing(NamedTuple):
    """One alert that should stand. ``until`` is in ms; amounts are satang."""

    kind: AlertKind
    origin: str
    amount: int
    disputed: int
    balance_known: bool
    until: int | None
    since: int
    why: str
    payment: Disputed | None = None
    incoming: Posting | None = None
    notice: Notice | None = None

    @property
    def claims(self) -> tuple[str, ...]:
        """The ids of the claims behind it."""
        if self.payment is None:
            return ()
        return tuple(sorted(claim.claim_id for claim in self.payment.claims))


@dataclass(slots=True)
class Decision:
    """What should stand, why a considered alert does not, and when to look again (ms).

    ``ended`` says why a hold that may have stood stands no more, ``reasons`` all such reasons.
    ``notices`` are the payments that payers' banks are to be told of, out of those ``considered``
    (payments' identities; None: all of the file).
    """

    standing: list[Standing] = field(default_factory=list)
    ended: dict[tuple[AlertKind, str], str] = field(default_factory=dict)
    reasons: set[str] = field(default_factory=set)
    notices: dict[str, Posting] = field(default_factory=dict)
    considered: Collection[str] | None = None
    due: int | None = None
    limited: bool = False

    def end(self, origin: str, reason: str) -> None:
        """Say why the hold of a payment does not stand."""
        self.ended[AlertKind.HOLD, origin] = reason
        self.reasons.add(reason)


class Facts(NamedTuple):
    """What a decision needs beside the file and its grounds.

    ``incoming``: (time, identity) of the payments that may be held though nobody disputes them.
    ``open_holds``: origins of the holds that stood until now.
    """

    balance: int | None
    incoming: SortedList[tuple[int, str]]
    ended_by_bank: dict[str, str]
    notices: list[Standing]
    open_holds: Iterable[str]


def decide(file: AccountFile, grounds: Grounds, facts: Facts, now: int) -> Decision:
    """Return what should stand for this file at ``now`` (ms, the newest tick)."""
    decision = Decision()
    for origin, reason in grounds.ended.items():
        decision.end(origin, reason)
    _Holds(file, grounds, facts, now, decision).ask_for_all()
    _watch(file, grounds, facts.balance, decision)
    decision.standing += facts.notices
    return decision


class _Holds:
    """Asks for each candidate's amount, as far as the account's money reaches."""

    def __init__(
        self, file: AccountFile, grounds: Grounds, facts: Facts, now: int, decision: Decision
    ) -> None:
        self._file = file
        self._grounds = grounds
        self._facts = facts
        self._now = now
        self._decision = decision
        self._left = facts.balance

    def ask_for_all(self) -> None:
        """Disputed payments first, the others after them, each in order of time."""
        for candidate in self._grounds.disputed:
            if not self._ask(candidate):
                return
        if self._grounds.holding:
            self._ask_for_incoming()
            self._say_why_others_ended()

    def _ask(self, candidate: Candidate) -> bool:
        """Let one candidate stand or say why not; False when no more holds may stand."""
        decision, origin, left = self._decision, candidate.origin, self._left
        if candidate.until <= self._now:
            decision.end(origin, CLOCK_OUT)
            return True
        if origin in self._facts.ended_by_bank:
            decision.end(origin, self._facts.ended_by_bank[origin])
            return True
        amount = candidate.disputed if left is None else min(candidate.disputed, left)
        if amount == 0:
            decision.end(origin, MONEY_GONE)
            return True
        if len(decision.standing) == MAX_HOLDS_AN_ACCOUNT:
            decision.limited = True
            return False
        if left is not None:
            self._left = left - amount
        if decision.due is None or candidate.until < decision.due:
            decision.due = candidate.until
        decision.standing.append(
            Standing(
                AlertKind.HOLD,
                origin,
                amount,
                candidate.disputed,
                left is not None,
                candidate.until,
                candidate.since,
                "disputed_payment" if candidate.payment else "payment_to_suspect",
                candidate.payment,
                candidate.incoming,
            )
        )
        return True

    def _ask_for_incoming(self) -> None:
        incoming, taken = self._facts.incoming, self._grounds.taken
        # The clocks run out in order of time. Of the payments whose time is over, and of those for
        # which no money is left, only the reason counts, and one says it for all.
        over = incoming.bisect_left((self._now - self._grounds.hours_ms + 1, ""))
        if self._grounds.since + self._grounds.hours_ms > self._now:
            over = 0
        if any(transaction not in taken for _, transaction in incoming.islice(0, over)):
            self._decision.reasons.add(CLOCK_OUT)
        for _, transaction in incoming.islice(over):
            if transaction not in taken:
                posting = self._file.postings[transaction + "+"]
                if not self._ask(self._candidate(posting)):
                    return
                if self._left == 0 and transaction not in self._facts.ended_by_bank:
                    return

    def _say_why_others_ended(self) -> None:
        """Give holds that stood and that were not reached above the reason that is theirs."""
        decision, grounds = self._decision, self._grounds
        standing = {alert.origin for alert in decision.standing}
        for origin in self._facts.open_holds:
            posting = self._file.postings.get(origin + "+")
            if (
                posting is None
                or origin in standing
                or origin in grounds.taken
                or (AlertKind.HOLD, origin) in decision.ended
                or not is_incoming(posting, grounds)
            ):
                continue
            if self._candidate(posting).until <= self._now:
                decision.end(origin, CLOCK_OUT)
            elif not decision.limited:
                decision.end(origin, self._facts.ended_by_bank.get(origin, MONEY_GONE))

    def _candidate(self, posting: Posting) -> Candidate:
        since = max(posting.at, self._grounds.since)
        until = since + self._grounds.hours_ms
        return Candidate(
            posting.transaction, posting.amount, posting.at, since, until, None, posting
        )


def ended_by_bank(file: AccountFile) -> dict[str, str]:
    """Return the origins whose hold a bank or the police ended, with the reason."""
    reasons = {
        HoldStatus.RELEASED: RELEASED_BY_BANK,
        HoldStatus.REFUSED: REFUSED_BY_BANK,
        HoldStatus.SEIZED: SEIZED,
    }
    newest = {}
    for answer in sorted(file.answers.values(), key=lambda a: (a.at, a.update_id)):
        if answer.alert_id is not None and answer.status != HoldStatus.POLICE_FILED:
            newest[answer.alert_id] = answer.status
    ended = {}
    for alert, said in sorted(file.said.items()):
        reason = reasons.get(HoldStatus(newest[alert])) if alert in newest else None
        if reason is not None:
            ended[said.origin] = reason
    return ended


def _watch(file: AccountFile, grounds: Grounds, balance: int | None, decision: Decision) -> None:
    """Watch an account that is spoken of while no hold stands: people look, nothing is held."""
    level = file.level
    if level is None or level.level == NO_LEVEL or decision.standing:
        return
    decision.standing.append(
        Standing(
            AlertKind.WATCH,
            file.account,
            0,
            grounds.claimed,
            balance is not None,
            None,
            level.since,
            why_not_held(file, level, decision),
        )
    )


def why_not_held(file: AccountFile, level: Level, decision: Decision) -> str:
    """Return what is missing for a hold, the weightiest reason first."""
    if not level.acting:
        return NOT_VERIFIED
    if not may_act(file):
        return BANK_UNKNOWN
    return next((reason for reason in _WATCH_REASONS if reason in decision.reasons), NO_PAYMENT)


def standing_notices(file: AccountFile) -> list[Standing]:
    """Return one notice a payment: of its payee's books the account's own speaks, if it does."""
    chosen: dict[str, Notice] = {}
    ranked = sorted(
        (notice for notice in file.notices.values() if notice.active),
        key=lambda n: (not n.payee.startswith("account:"), n.payee),
    )
    for notice in ranked:
        chosen.setdefault(notice.transaction, notice)
    return [_still_paying(notice) for _, notice in sorted(chosen.items())]


def _still_paying(notice: Notice) -> Standing:
    return Standing(
        AlertKind.VICTIM_STILL_PAYING,
        notice.transaction,
        0,
        notice.amount,
        False,
        None,
        notice.at,
        "paying_a_suspect",
        notice=notice,
    )
