"""What one victim tells one agency, with the errors that people make."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from pipeline.simulation.agencies import Agency
from pipeline.simulation.campaign import MINUTE, Loss, Victim
from pipeline.simulation.difficulty import Difficulty
from pipeline.simulation.people import written_name
from pipeline.simulation.qr import payload
from pipeline.simulation.rings import Mule, handle_key, page_key
from pipeline.simulation.world import BAHT
from pipeline.simulation.writing import (
    misspelt,
    misspelt_handle,
    moment,
    written_account,
    written_bank,
    written_handle,
    written_phone,
    written_url,
    wrong_bank,
)

Event = dict[str, Any]
Path = tuple[str | int, ...]

_SHORT_CODE = 0.3


@dataclass(slots=True)
class Telling:
    """The content of a report, what is difficult in it, and what a correction would put right.

    ``slips`` are (path into the event, right value). ``transactions`` and ``accounts`` are the
    true keys of what it means, however it is written; ``ties`` are the true keys of all the ring's
    identifiers in it, as they were before any mistake. ``named`` are the accounts that it names
    rightly, with their bank; ``named_after`` those that a correction would name rightly.
    ``onto_look_alike`` asks for a number typed as an innocent's, if the ring has such a neighbour.
    """

    level: Difficulty
    courier: str
    suspects: list[Event] = field(default_factory=list)
    payments: list[Event] = field(default_factory=list)
    difficulties: list[str] = field(default_factory=list)
    slips: list[tuple[Path, str | int]] = field(default_factory=list)
    transactions: list[str] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)
    ties: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)
    named_after: list[str] = field(default_factory=list)
    onto_look_alike: bool = False

    def mark(self, difficulty: str) -> None:
        """Note a difficulty, once."""
        if difficulty not in self.difficulties:
            self.difficulties.append(difficulty)


def tell(rng: random.Random, victim: Victim, agency: Agency, at: int, telling: Telling) -> None:
    """Fill ``telling`` with what the victim tells the agency at that time (ms)."""
    losses = [loss for loss in victim.losses if loss.payment.at < at]
    mules: dict[int, Mule] = {id(loss.mule): loss.mule for loss in losses}
    if not losses:
        telling.mark("no_payment")
        mules = {id(victim.mule): victim.mule}
    for mule in mules.values():
        paid = [loss for loss in losses if loss.mule is mule]
        if rng.random() < agency.account or (paid and rng.random() < agency.payment):
            _tell_mule(rng, telling, victim, agency, mule, paid)
    _tell_contacts(rng, telling, victim, agency)
    if agency.police and rng.random() < 0.4:
        _tell_person(rng, telling, victim.mule)
    if not telling.suspects:
        _tell_handle(rng, telling, victim)


def _tell_mule(
    rng: random.Random,
    telling: Telling,
    victim: Victim,
    agency: Agency,
    mule: Mule,
    paid: list[Loss],
) -> None:
    by_hand = rng.random() >= agency.neat
    telling.accounts.append(mule.account.key)
    proxied = next((loss for loss in paid if loss.payment.by_proxy), None)
    to: Event
    if proxied is not None and by_hand and rng.random() < 0.6:
        to = _tell_proxy(rng, telling, mule, proxied)
        right = None
    else:
        to, right = _tell_account(rng, telling, mule, agency, by_hand, bool(paid))
    for loss in paid:
        if rng.random() < agency.payment:
            _tell_payment(rng, telling, victim, agency, loss, dict(to), right)


def _tell_proxy(rng: random.Random, telling: Telling, mule: Mule, loss: Loss) -> Event:
    proxy = mule.account.proxy or ""
    telling.ties.append(mule.account.proxy_key or "")
    if loss.payment.channel == "qr":
        amount = loss.payment.amount if rng.random() < 0.5 else None
        telling.suspects.append({"kind": "promptpay_qr", "payload": payload(proxy, amount)})
        telling.mark("qr_payload")
    else:
        shown = proxy if rng.random() < 0.5 else written_phone(rng, f"+66{proxy[4:]}")
        telling.suspects.append({"kind": "promptpay", "proxy": shown})
        telling.mark("promptpay_only")
    return {"promptpay": proxy}


def _tell_account(
    rng: random.Random, telling: Telling, mule: Mule, agency: Agency, by_hand: bool, paid: bool
) -> tuple[Event, str | None]:
    """Add the account suspect; return the payment's payee as typed and the right number, if not."""
    account = mule.account
    telling.ties.append(account.key)
    digits, right = account.number, None
    onto = mule.look_alike is not None and (
        telling.onto_look_alike or rng.random() < telling.level.onto_look_alike
    )
    if by_hand and (rng.random() < telling.level.misspelt or (onto and telling.onto_look_alike)):
        right = digits
        if mule.look_alike is not None and onto:
            digits = mule.look_alike.number
            telling.mark("misspelt_onto_innocent")
        else:
            digits = misspelt(rng, digits)
            if rng.random() < telling.level.twice:
                digits = misspelt(rng, digits)
                telling.mark("misspelt_twice")
        telling.mark("misspelt_account")
        telling.slips.append((("suspects", len(telling.suspects), "number"), right))
    number = written_account(rng, digits, account.code) if by_hand else digits
    code = account.code
    if by_hand and rng.random() < telling.level.bank_wrong:
        code = wrong_bank(rng, code)
        telling.mark("bank_wrong")
    bank = written_bank(rng, code, telling.level.bank_missing) if by_hand else code
    suspect: Event = {"kind": "account", "number": number}
    if bank is None:
        telling.mark("bank_missing")
    else:
        suspect["bank"] = bank
        if not bank.isdigit():
            telling.mark("bank_by_name")
    if not number.isascii():
        telling.mark("thai_digits")
    elif not number.isdigit():
        telling.mark("grouped_number")
    if rng.random() < agency.holder:
        free = telling.level.free_spelling
        suspect["holder"] = written_name(rng, mule.holder, free) if by_hand else mule.holder.thai
        if suspect["holder"].isascii():
            telling.mark("romanised_name")
    telling.suspects.append(suspect)
    # The slip may still be at hand although the number was typed wrongly above.
    copied = right is None or rng.random() < 0.5
    to: Event = {"account": digits if copied else account.number}
    if bank is not None:
        to["bank"] = bank
    if bank is not None and code == account.code:
        telling.named_after.append(account.key)
        if right is None or (paid and not copied):
            telling.named.append(account.key)
    return to, right if copied else None


def _tell_payment(
    rng: random.Random,
    telling: Telling,
    victim: Victim,
    agency: Agency,
    loss: Loss,
    to: Event,
    right: str | None,
) -> None:
    payment, index = loss.payment, len(telling.payments)
    telling.transactions.append(payment.key)
    told: Event = {"to": to, "amount_satang": payment.amount, "currency": "THB"}
    paid_at = payment.at
    if rng.random() < agency.reference:
        told["reference"] = payment.reference
        telling.mark("reference_known")
    else:
        telling.mark("payment_without_reference")
        paid_at = (paid_at + rng.randrange(-25, 26) * MINUTE) // MINUTE * MINUTE
        if rng.random() < telling.level.amount_off:
            step = 100 * BAHT if payment.amount > 3_000 * BAHT else 10 * BAHT
            told["amount_satang"] = (payment.amount // step + 1) * step
            telling.mark("amount_off")
            telling.slips.append((("payments", index, "amount_satang"), payment.amount))
        if rng.random() < 0.06:
            telling.slips.append((("payments", index, "reference"), payment.reference))
    told["paid_at"] = moment(paid_at)
    if rng.random() < 0.65:
        told["from"] = {"bank": victim.account.code, "account": victim.account.number}
    if right is not None:
        telling.slips.append((("payments", index, "to", "account"), right))
    telling.payments.append(told)


def _tell_contacts(rng: random.Random, telling: Telling, victim: Victim, agency: Agency) -> None:
    suspects = telling.suspects
    if rng.random() < agency.phone:
        phone = victim.phone
        if rng.random() < telling.level.phone_misspelt:
            at = rng.randrange(5, len(phone))
            phone = f"{phone[:at]}{(int(phone[at]) + rng.randrange(1, 10)) % 10}{phone[at + 1 :]}"
            telling.mark("misspelt_phone")
        suspects.append({"kind": "phone", "number": written_phone(rng, phone)})
        telling.ties.append(f"phone:{victim.phone}")
        if victim.phone in victim.ring.passed_phones:
            telling.mark("recycled_phone")
    if rng.random() < agency.handle:
        _tell_handle(rng, telling, victim)
    if rng.random() < agency.page:
        suspects.append({"kind": "url", "url": written_url(rng, victim.page)})
        telling.ties.append(page_key(victim.page))
    if agency.source != "meta" and rng.random() < telling.level.courier:
        suspects.append({"kind": "phone", "number": written_phone(rng, telling.courier)})
        telling.mark("courier_phone")
    if victim.ring.scam_type == "impersonation" and rng.random() < _SHORT_CODE:
        # The caller pretended to be the hotline itself.
        suspects.append({"kind": "phone", "number": "1441"})
        telling.mark("public_short_code")
    wallet = victim.ring.wallet
    if wallet is not None and victim.ring.scam_type == "investment" and rng.random() < 0.15:
        suspects.append({"kind": "wallet", "network": "tron", "address": wallet.number})
        telling.ties.append(wallet.key)


def _tell_handle(rng: random.Random, telling: Telling, victim: Victim) -> None:
    platform, name = victim.handle
    if rng.random() < telling.level.handle_misspelt:
        name = misspelt_handle(rng, name)
        telling.mark("misspelt_handle")
    telling.suspects.append(written_handle(rng, platform, name))
    telling.ties.append(handle_key(*victim.handle))


def _tell_person(rng: random.Random, telling: Telling, mule: Mule) -> None:
    person: Event = {
        "kind": "person",
        "name": written_name(rng, mule.holder, telling.level.free_spelling),
    }
    if rng.random() < 0.5:
        person["national_id"] = mule.national_id
        telling.ties.append(f"nid:{mule.national_id}")
    if rng.random() < 0.5:
        person["birth_date"] = mule.birth_date
    telling.suspects.append(person)
    telling.mark("person")
