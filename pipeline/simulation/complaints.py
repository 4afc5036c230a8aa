"""Report events: submissions, corrections, withdrawals and repeats at every agency."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field
from typing import Any

from pipeline.simulation.agencies import Agency
from pipeline.simulation.campaign import MINUTE, Victim
from pipeline.simulation.difficulty import Difficulty
from pipeline.simulation.telling import Path, Telling, tell
from pipeline.simulation.writing import moment

Event = dict[str, Any]

_CORRECTED = 0.35
_REPEATED = 0.05
_WITHDRAWN_DUPLICATE = 0.08
_TEXT = 0.3


@dataclass(slots=True)
class Filed:
    """The truth of one report: whose, about which ring, which payments it really means.

    ``role`` is victim, malicious (a false report), brigade (one of many false ones), mistaken (an
    honest dispute, withdrawn later), bank_detection or laundering_list. ``accounts`` are the true
    keys of the accounts that it names, whether misspelt or by a proxy; ``named`` those that its
    newest word names rightly, with their bank. ``ties`` are all true identifiers in it, as they
    were before any mistake.
    """

    key: str
    role: str
    ring: str | None
    victim: str | None
    received_at: int
    transactions: list[str]
    accounts: list[str]
    difficulties: list[str]
    ties: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)
    corrected: bool = False
    withdrawn: bool = False


@dataclass(slots=True)
class Desk:
    """Where reports are filed: numbers them and keeps the events (ms, event) and their truth."""

    rng: random.Random
    year: int
    events: list[tuple[int, Event]] = field(default_factory=list)
    filed: list[Filed] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def report_id(self, prefix: str) -> str:
        """Return the next reference of a source, with the Buddhist year."""
        number = self._numbers.get(prefix, 0) + 1
        self._numbers[prefix] = number
        return f"{prefix}-{self.year + 543}-{number:06d}"

    def file(self, at: int, event: Event, truth: Filed) -> None:
        """Add a submission; now and then the source publishes it twice."""
        self.events.append((at, event))
        self.filed.append(truth)
        if self.rng.random() < _REPEATED:
            self.events.append((at + self.rng.randrange(1_000, 10 * MINUTE), event))
            truth.difficulties.append("repeated")

    def correct(self, at: int, event: Event, slips: list[tuple[Path, str | int]]) -> int:
        """Add a corrected revision some time later, and return when (ms)."""
        later = at + self.rng.randrange(8 * MINUTE, 150 * MINUTE)
        corrected = copy.deepcopy(event)
        corrected.update(kind="corrected", revision=2, received_at=moment(later))
        for path, right in slips:
            target: Any = corrected
            for step in path[:-1]:
                target = target[step]
            target[path[-1]] = right
        self.events.append((later, corrected))
        return later

    def withdraw(self, at: int, event: Event, revision: int) -> None:
        """Add the withdrawal of a report at that time (ms)."""
        withdrawn = {
            "source": event["source"],
            "report_id": event["report_id"],
            "kind": "withdrawn",
            "revision": revision,
            "received_at": moment(at),
            "reporter": event["reporter"],
            "scam_type": event["scam_type"],
        }
        self.events.append((at, withdrawn))


def file_victims(desk: Desk, victims: list[Victim], couriers: list[str], level: Difficulty) -> None:
    """File what every victim tells every agency that they called.

    ``couriers`` are phones of couriers; the first one delivers all over the country.
    """
    own_account_given = False
    typed_onto_innocent = False
    for victim in victims:
        known = [rank for rank, (_, agency) in enumerate(victim.calls) if agency.knows_person]
        for rank, (at, agency) in enumerate(victim.calls):
            courier = couriers[0]
            if len(couriers) > 1 and desk.rng.random() < level.local_courier:
                courier = desk.rng.choice(couriers[1:])
            telling = Telling(level, courier, onto_look_alike=not typed_onto_innocent)
            tell(desk.rng, victim, agency, at, telling)
            typed_onto_innocent |= "misspelt_onto_innocent" in telling.difficulties
            mistakes_own = not own_account_given or desk.rng.random() < level.own_account
            if mistakes_own and telling.payments and agency.source != "bank":
                _give_own_account(
                    telling, victim, documented=not own_account_given or desk.rng.random() < 0.5
                )
                own_account_given = True
            if len(known) > 1 and rank in known:
                telling.mark("several_agencies")
            _file_call(desk, victim, at, agency, telling, rank)


def _file_call(
    desk: Desk, victim: Victim, at: int, agency: Agency, telling: Telling, rank: int
) -> None:
    rng = desk.rng
    source = f"bank-{victim.account.code}" if agency.source == "bank" else agency.source
    prefix = f"{agency.prefix}{victim.account.code}" if agency.source == "bank" else agency.prefix
    verified_by = rng.choice(agency.verified)
    reporter: Event = {"verified_by": verified_by}
    if rng.random() < agency.knows_person or verified_by != "none":
        reporter["person"] = victim.person
    if verified_by == "none":
        telling.mark("unverified")
    event: Event = {
        "source": source,
        "report_id": desk.report_id(prefix),
        "kind": "submitted",
        "revision": 1,
        "received_at": moment(at, utc=source == "meta"),
        "reporter": reporter,
        "scam_type": victim.ring.scam_type if rng.random() < 0.9 else "other",
        "suspects": telling.suspects,
        "payments": telling.payments,
    }
    if agency.police:
        event["police_case"] = f"{rng.randrange(1, 9_999)}/{desk.year + 543}"
        telling.mark("police_case")
    if rng.random() < _TEXT:
        event["text"] = _text(victim)
    truth = Filed(
        key=f"{source}/{event['report_id']}",
        role="victim",
        ring=victim.ring.ring_id,
        victim=victim.victim_id,
        received_at=at,
        transactions=telling.transactions,
        accounts=telling.accounts,
        difficulties=telling.difficulties,
        ties=telling.ties,
        named=telling.named,
    )
    desk.file(at, event, truth)
    if telling.slips and rng.random() < _CORRECTED:
        at = desk.correct(at, event, telling.slips)
        truth.corrected = True
        truth.named = telling.named_after
    if rank > 0 and rng.random() < _WITHDRAWN_DUPLICATE:
        # Already reported elsewhere: the victim takes the second report back, not the first.
        desk.withdraw(at + rng.randrange(MINUTE, 240 * MINUTE), event, 2 + truth.corrected)
        truth.withdrawn = True


def _give_own_account(telling: Telling, victim: Victim, documented: bool) -> None:
    own = victim.account
    telling.suspects.append(
        {"kind": "account", "number": own.number, "bank": own.code, "holder": victim.name.thai}
    )
    telling.mark("own_account")
    if documented:
        # The payment documents that it is the payer's own.
        telling.payments[0]["from"] = {"bank": own.code, "account": own.number}
        return
    telling.mark("own_account_undocumented")
    for payment in telling.payments:
        payment.pop("from", None)


def _text(victim: Victim) -> str:
    told = f"ผู้แจ้งติดต่อผ่าน {victim.handle[0]} ชื่อ {victim.handle[1]} เบอร์ {victim.phone}"
    return f"{told} บัญชี {victim.mule.account.number} ชื่อ {victim.mule.holder.thai} ขอให้ระงับบัญชี"
