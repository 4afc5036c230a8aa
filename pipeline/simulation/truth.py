"""The truth of a scenario, JSON-ready: what a perfect matcher and a perfect tracer would say."""

from __future__ import annotations

from typing import Any

from pipeline.simulation.campaign import Victim
from pipeline.simulation.complaints import Filed
from pipeline.simulation.ledger import Ledger, Payment
from pipeline.simulation.reach import groups_of
from pipeline.simulation.rings import Mule, Ring, handle_key, page_key
from pipeline.simulation.traffic import Onward
from pipeline.simulation.world import Account, World

Json = dict[str, Any]

_GUILTY_ROLES = ("victim", "bank_detection", "laundering_list")


def tell_truth(
    world: World,
    rings: list[Ring],
    victims: list[Victim],
    filed: list[Filed],
    onward: Onward,
    ledger: Ledger,
    courier: Account,
) -> Json:
    """Return the truth (see `pipeline.simulation.scenario.Scenario` for its fields)."""
    groups = groups_of(filed)
    cash_outs = [_payment(ring, payment) for ring, payment in onward.cash_outs]
    return {
        "rings": [_ring(ring) for ring in rings],
        "reports": [_report(truth, groups.get(truth.key)) for truth in filed],
        "stolen_payments": _stolen(victims, filed),
        "transfers": [
            {
                "transaction": payment.key,
                "ring": ring.ring_id,
                "hop": hop,
                "from": payment.payer.key,
                "to": payment.payee.key,
                "amount_satang": payment.amount,
                "at": payment.at,
            }
            for ring, hop, payment in onward.transfers
        ],
        "mule_spending": [_payment(ring, payment) for ring, payment in onward.spending],
        **({"cash_outs": cash_outs} if cash_outs else {}),
        "innocents": _innocents(world, rings, victims, filed, courier),
        "shared_phones": sorted(
            {f"phone:{phone}" for ring in rings for phone in ring.passed_phones}
        ),
        "difficulties": _difficulties(filed),
        "payments_told_by_both_banks": ledger.mirrored,
        "payments_published_twice": ledger.repeated,
    }


def _payment(ring: Ring, payment: Payment) -> Json:
    return {
        "transaction": payment.key,
        "ring": ring.ring_id,
        "from": payment.payer.key,
        "to": payment.payee.key,
        "amount_satang": payment.amount,
        "at": payment.at,
    }


def _ring(ring: Ring) -> Json:
    accounts = [mule.account.key for mule in ring.mules]
    proxies = [mule.account.proxy_key for mule in ring.mules if mule.account.proxy_key]
    phones = [f"phone:{phone}" for phone in ring.phones]
    handles = [handle_key(platform, name) for platform, name in ring.handles]
    pages = [page_key(page) for page in ring.pages]
    handles += [key for key in pages if key.startswith("handle:")]
    pages = [key for key in pages if key.startswith("url:")]
    persons = list(dict.fromkeys(f"nid:{mule.national_id}" for mule in ring.mules))
    wallets = [ring.wallet.key] if ring.wallet else []
    return {
        "id": ring.ring_id,
        "scam_type": ring.scam_type,
        "accounts": accounts,
        "promptpay": proxies,
        "phones": phones,
        "handles": handles,
        "urls": pages,
        "national_ids": persons,
        "wallets": wallets,
        "holders": list(dict.fromkeys(mule.holder.thai for mule in ring.mules)),
        "onward_accounts": [account.key for layer in ring.layers for account in layer],
        "identifiers": sorted({*accounts, *proxies, *phones, *handles, *pages, *persons, *wallets}),
    }


def _report(truth: Filed, group: str | None) -> Json:
    return {
        "report": truth.key,
        "role": truth.role,
        "ring": truth.ring,
        "group": group,
        "victim": truth.victim,
        "received_at": truth.received_at,
        "transactions": truth.transactions,
        "accounts": truth.accounts,
        "named": truth.named,
        "corrected": truth.corrected,
        "withdrawn": truth.withdrawn,
        "difficulties": truth.difficulties,
    }


def _stolen(victims: list[Victim], filed: list[Filed]) -> list[Json]:
    disputing: dict[str, list[str]] = {}
    first_told: dict[str, int] = {}
    for truth in filed:
        if truth.role not in _GUILTY_ROLES:
            continue
        for transaction in truth.transactions:
            disputing.setdefault(transaction, []).append(truth.key)
        for account in truth.accounts:
            earliest = first_told.get(account, truth.received_at)
            first_told[account] = min(earliest, truth.received_at)
    stolen: list[Json] = []
    for victim in victims:
        for loss in victim.losses:
            payment = loss.payment
            told = first_told.get(payment.payee.key)
            stolen.append(
                {
                    "transaction": payment.key,
                    "reference": payment.reference,
                    "amount_satang": payment.amount,
                    "at": payment.at,
                    "victim": victim.victim_id,
                    "victim_account": payment.payer.key,
                    "mule_account": payment.payee.key,
                    "ring": victim.ring.ring_id,
                    "reports": disputing.get(payment.key, []),
                    "after_own_report": loss.after_own_report,
                    "after_first_report": told is not None and told < payment.at,
                }
            )
    return stolen


def _innocents(
    world: World,
    rings: list[Ring],
    victims: list[Victim],
    filed: list[Filed],
    courier: Account,
) -> Json:
    honest = [
        *world.people,
        *world.shops,
        *world.temples,
        *world.employers,
        *world.billers,
        *world.ewallets,
    ]
    mules = [mule for ring in rings for mule in ring.mules]
    accused = [truth for truth in filed if truth.role in ("malicious", "brigade", "mistaken")]
    return {
        "accounts": sorted({a.key for a in honest} | {v.account.key for v in victims}),
        "shops": [shop.key for shop in world.shops],
        "victims": [
            {"victim": v.victim_id, "person": v.person, "account": v.account.key} for v in victims
        ],
        "look_alikes": [
            {"account": innocent.key, "of": mule.account.key, "same_number": same}
            for mule in mules
            for innocent, same in _resembling(mule)
        ],
        "accused": [
            {"account": account, "report": truth.key, "role": truth.role}
            for truth in accused
            for account in truth.accounts
        ],
        "courier": {
            "account": courier.key,
            "phone": (courier.proxy_key or "").removeprefix("promptpay:"),
        },
    }


def _resembling(mule: Mule) -> list[tuple[Account, bool]]:
    pairs = [(mule.look_alike, False), (mule.namesake, True)]
    return [(account, same) for account, same in pairs if account is not None]


def _difficulties(filed: list[Filed]) -> dict[str, list[str]]:
    """Return the keys of the reports that show each difficulty."""
    found: dict[str, list[str]] = {}
    for truth in filed:
        for name in truth.difficulties:
            found.setdefault(name, []).append(truth.key)
        if truth.corrected:
            found.setdefault("corrected", []).append(truth.key)
        if truth.withdrawn:
            found.setdefault("withdrawn", []).append(truth.key)
    return dict(sorted(found.items()))
