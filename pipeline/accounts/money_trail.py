"""The whole way of one stolen payment, put together out of the files of all accounts on it.

For people and for courts: every payment with the share of it that was the stolen money, and every
account with what came, what rests there, what left it in cash, what its bank was asked to hold, and
where the trace ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from pipeline.accounts.ends import Rests
from pipeline.accounts.file import AccountFile
from pipeline.accounts.review import Review
from pipeline.accounts.trails import in_order, leg_into
from pipeline.contracts.account_log import Leg
from pipeline.contracts.alerts import AlertKind, FreezeAlert
from pipeline.policy.policy import Policy


class Place(msgspec.Struct, frozen=True):
    """One account on the way; amounts are satang.

    ``hop`` is the nearest one at which the money came, ``asked`` what its bank is asked to hold.
    ``watched`` is why nothing is (as the alert says it). ``ends`` are payments with which the money
    went on and was not followed, with the limit or the reason. ``in_cash`` is how much left here in
    cash: it is in nobody's account any more.
    """

    account: str
    hop: int
    came: int
    resting: int
    asked: int
    watched: str | None
    ends: list[tuple[str, str]]
    in_cash: int = 0


class MoneyTrail(msgspec.Struct, frozen=True):
    """One stolen payment (``origin``), the payments on its way, and the accounts.

    What left in cash is among the payments (``legs``), and the payee is `CASH`.
    """

    origin: str
    stolen: int
    method: str
    legs: list[Leg]
    places: list[Place]

    @property
    def in_cash(self) -> int:
        """How much of it left in cash (satang), wherever that was."""
        return sum(place.in_cash for place in self.places)


def origins_at(file: AccountFile) -> set[str]:
    """Return the stolen payments of which money came to an account, as its file says."""
    origins = {step.origin for step in file.steps.values() if step.marks}
    origins |= {step.origin for step in file.sent.values() if step.marks}
    return origins | {
        said.origin
        for said in file.said.values()
        if said.kind == AlertKind.HOLD and said.open and said.claims
    }


def trail_of(
    origin: str,
    files: Mapping[str, AccountFile],
    alerts: Iterable[FreezeAlert],
    policy: Policy,
) -> MoneyTrail | None:
    """Return the way of a stolen payment; None when nobody disputes it.

    ``alerts`` are the newest version of each, ``files`` the newest of each account.
    """
    about = [alert for alert in alerts if alert.kind is not AlertKind.RELEASE]
    asked = {a.account: a.amount_satang for a in about if a.origin == origin}
    watches = {a.account: a.reason_en for a in about if a.kind is AlertKind.WATCH}
    legs: dict[tuple[int, str, str], Leg] = {}
    for file in files.values():
        for step in file.steps.values():
            if step.origin == origin and step.marks:
                for leg in (step.legs[0], step.legs[-1]):
                    if leg.hop in (1, step.hop):
                        legs[leg.hop, leg.transaction, leg.payee] = leg
        first = _stolen_here(origin, file)
        if first is not None and file.account.startswith("account:"):
            legs.setdefault((1, origin, file.account), first)
    ordered = list(in_order(legs.values()))
    if not ordered or policy.trace is None:
        return None
    came: Counter[str] = Counter()
    for leg in ordered:
        came[leg.payee] += leg.share
    nearest = {leg.payee: leg.hop for leg in reversed(ordered)}
    places = []
    for account, hop in sorted(nearest.items(), key=lambda item: (item[1], item[0])):
        rests = _rests(origin, files.get(account), policy)
        in_cash = sum(leg.share for leg in rests.in_cash)
        held, watched = asked.get(account, 0), watches.get(account)
        place = Place(
            account, hop, came[account], rests.resting, held, watched, rests.ends, in_cash
        )
        places.append(place)
        ordered += rests.in_cash
    legs_in_order = list(in_order(ordered))
    return MoneyTrail(origin, legs_in_order[0].amount, policy.trace.method, legs_in_order, places)


def _stolen_here(origin: str, file: AccountFile) -> Leg | None:
    posting = file.postings.get(origin + "+")
    disputed = any(said.origin == origin and said.claims for said in file.said.values())
    if posting is None or not disputed:
        return None
    return leg_into(posting, posting.amount)


def _rests(origin: str, file: AccountFile | None, policy: Policy) -> Rests:
    if file is None:
        return Rests(0, [], [])
    review = Review(file, policy)
    review.decide(0, None)
    return review.rests_of(origin)
