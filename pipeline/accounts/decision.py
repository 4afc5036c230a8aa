"""A decision: which alerts should stand, and why others do not.

It is a pure function of the account file, policy and time, whichever way it was found: the review
(`pipeline.accounts.review`) names only what may have changed since the decision before.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from pipeline.accounts.answers import REFUSED_BY_BANK, RELEASED_BY_BANK, SEIZED
from pipeline.accounts.file import AccountFile
from pipeline.accounts.grounds import PASSED_ON, PAYMENT_NOT_SEEN, Candidate, may_act
from pipeline.accounts.holds import CLOCK_OUT, MONEY_GONE
from pipeline.accounts.matching import Disputed
from pipeline.accounts.trails import Traced
from pipeline.contracts.account_log import Claim, Level, Notice, Posting, Step
from pipeline.contracts.alerts import AlertKind
from pipeline.policy.policy import NO_LEVEL

REPORT_WITHDRAWN = "report_withdrawn"
SUPERSEDED = "superseded"
TRACE_ENDED = "trace_ended"
TRACED_MONEY = "traced_money"

NOT_VERIFIED = "not_verified"
NO_PAYMENT = "no_payment"
BANK_UNKNOWN = "bank_unknown"
_WATCH_REASONS = (
    PASSED_ON,
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
    traced: Traced | None = None

    @property
    def claims(self) -> tuple[str, ...]:
        """The ids of the claims behind it."""
        if self.payment is None:
            return ()
        return tuple(sorted(claim.claim_id for claim in self.payment.claims))


class Holds(Protocol):
    """What can be asked about the holds of a decision."""

    @abstractmethod
    def why_not(self, origin: str) -> str | None:
        """Return why the hold of a payment does not stand, if the decision says so."""

    @abstractmethod
    def total(self) -> int:
        """Return the sum of all holds, in satang."""

    @abstractmethod
    def first(self, claims: Iterable[str] | None) -> str | None:
        """Return the origin of the first hold that stands, of those with any of these claims.

        None asks for the first of all.
        """


@dataclass(slots=True)
class Decision:
    """What should stand, and when to look again (``due``, ms).

    ``standing`` are the alerts that stand and may be other than before, ``gone`` those that stand
    no more, by kind and origin (None: all that are open and not in ``standing``). ``notices`` are
    the payments that payers' banks are to be told of, out of those ``considered`` (payments'
    identities; None: all of the file). ``steps`` are those of the traces that may be other than
    before, by `step_key` (None: it stands no more), ``cut`` counts where a trace came to a limit.
    ``passed`` are claims that other accounts are told of, by `passed_key`, in the same way.
    ``limited``: more holds would stand without their limit.
    ``crowded``: a claim could mean more payments than are looked at.
    """

    holds: Holds
    standing: list[Standing] = field(default_factory=list)
    gone: list[tuple[AlertKind, str]] | None = None
    notices: dict[str, Posting] = field(default_factory=dict)
    considered: Collection[str] | None = None
    steps: dict[str, Step | None] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    passed: dict[str, Claim | None] = field(default_factory=dict)
    due: int | None = None
    limited: bool = False
    crowded: bool = False


def claimed(claim: Claim) -> int:
    """Return what a claim says of its account, in satang; one told of another says nothing yet."""
    return 0 if claim.withdrawn or claim.typed is not None else claim.amount


def hold(candidate: Candidate, amount: int, balance_known: bool) -> Standing:
    """Return the alert that asks for ``amount`` (satang) of a candidate."""
    return Standing(
        AlertKind.HOLD,
        candidate.origin,
        amount,
        candidate.disputed,
        balance_known,
        candidate.until,
        candidate.since,
        _why_held(candidate),
        candidate.payment,
        candidate.incoming,
        traced=candidate.traced,
    )


def _why_held(candidate: Candidate) -> str:
    if candidate.payment is not None:
        return "disputed_payment"
    return "payment_to_suspect" if candidate.incoming is not None else TRACED_MONEY


def watch_of_traced(
    account: str, resting: int, since: int, balance_known: bool, why: str
) -> Standing:
    """Return the watch of an account where stolen money rests that is not held there."""
    return Standing(AlertKind.WATCH, account, 0, resting, balance_known, None, since, why)


def watch(
    file: AccountFile, claimed: int, balance_known: bool, reasons: Collection[str]
) -> Standing | None:
    """Return the watch of an account that is spoken of while no hold stands: people look.

    ``claimed`` is the sum of what is disputed, in satang, ``reasons`` why payments are not held.
    """
    level = file.level
    if level is None or level.level == NO_LEVEL:
        return None
    why = why_not_held(file, level, reasons)
    return Standing(
        AlertKind.WATCH, file.account, 0, claimed, balance_known, None, level.since, why
    )


def why_not_held(file: AccountFile, level: Level, reasons: Collection[str]) -> str:
    """Return what is missing for a hold, the weightiest reason first."""
    if not level.acting:
        return NOT_VERIFIED
    if not may_act(file):
        return BANK_UNKNOWN
    return next((reason for reason in _WATCH_REASONS if reason in reasons), NO_PAYMENT)


def still_paying(notice: Notice) -> Standing:
    """Return the alert to a payer's bank that its customer has paid a suspect."""
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


def notice_that_counts(notices: Iterable[Notice]) -> Notice | None:
    """Return one of a payment's notices: of its payee's books the account's own speaks, if it does.

    None when all were taken back.
    """
    return min(
        (notice for notice in notices if notice.active),
        key=lambda n: (not n.payee.startswith("account:"), n.payee),
        default=None,
    )
