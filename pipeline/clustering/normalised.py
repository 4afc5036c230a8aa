"""A report as clustering keeps it: canonical identifiers, payments, and whose word it is."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

import msgspec

from pipeline.clustering.homes import home_first
from pipeline.contracts.account_log import CASH
from pipeline.contracts.codec import checked_milliseconds, digest
from pipeline.contracts.invalid import InvalidEvent, Reason
from pipeline.contracts.reports import (
    AccountSuspect,
    DisputedPayment,
    HandleSuspect,
    PaymentParty,
    PersonSuspect,
    PhoneSuspect,
    PromptPaySuspect,
    QrSuspect,
    Report,
    ReportKind,
    Suspect,
    UrlSuspect,
    WalletSuspect,
)
from pipeline.erasure import ERASED
from pipeline.identity.account import bank_of, is_account, may_be_slip_of, number_of
from pipeline.identity.address import normalise_address
from pipeline.identity.banks import UNKNOWN_BANK
from pipeline.identity.birth_date import normalise_birth_date
from pipeline.identity.handle import normalise_handle
from pipeline.identity.name import normalise_name
from pipeline.identity.national_id import NATIONAL_ID_DIGITS, contains_national_id
from pipeline.identity.normalised import Normalised
from pipeline.identity.payee import normalise_payee
from pipeline.identity.phone import normalise_phone
from pipeline.identity.promptpay import decode_qr, normalise_promptpay, same_owner
from pipeline.identity.url import normalise_url
from pipeline.identity.voices import voice_of
from pipeline.identity.wallet import normalise_wallet
from pipeline.policy.policy import Policy

IMPLYING = ("promptpay:phone:", "promptpay:nid:")
"""PromptPay keys that name a phone or a person that is an identifier itself."""

_SUSPECT = "$.suspects[{}]"
_HOLDER = "$.suspects[{}].holder"
_PAYEE = "$.payments[{}].to"
_PAYER = "$.payments[{}].from"
_PAID_AT = "$.payments[{}].paid_at"

_KIND_RANK = {ReportKind.SUBMITTED: 0, ReportKind.CORRECTED: 1, ReportKind.WITHDRAWN: 2}


class Payment(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """A disputed payment: when (ms), satang, the slip's reference, the keys of payee and payer."""

    paid_at: int
    amount: int
    reference: str
    payee: str
    payer: str


class StoredReport(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """One revision of a report, canonical; what it contributes is a function of this alone.

    ``voice`` tells independent reporters apart. ``victim`` is False for sources that never count
    as a victim's voice (policy.reporters). ``names`` are (account, holder's normal form).
    ``changes`` say what was read differently from how it was written.
    """

    key: str
    revision: int
    kind: int
    content: str = ""
    received_at: int
    published_at: int
    voice: str
    victim: bool
    verified: bool
    police_filed: bool
    bank_detected: bool
    laundering_listed: bool
    scam_type: str
    home: str
    identifiers: tuple[str, ...]
    names: tuple[tuple[str, str], ...]
    payments: tuple[Payment, ...]
    changes: tuple[str, ...]
    traits: tuple[tuple[str, str], ...] = ()
    """(account, date of birth or address of its holder, as a key)."""

    @property
    def withdrawn(self) -> bool:
        """Whether the report no longer says anything (or all that it named was erased)."""
        return self.kind == _KIND_RANK[ReportKind.WITHDRAWN] or not self.identifiers

    @property
    def acting(self) -> bool:
        """Whether it lets an account reach a level that may act: verified, or a laundering list."""
        return self.verified or self.laundering_listed

    @property
    def rank(self) -> tuple[int, int, str]:
        """The order of a report's words: the highest is its newest, whenever it came.

        In one revision a withdrawal stands above a correction above a submission, because a
        source that does not count revisions sends all of them as revision 1.
        """
        return self.revision, self.kind, self.content

    @property
    def version(self) -> int:
        """The `rank` as one integer, for what downstream keeps by its newest version."""
        return self.revision << 32 | self.kind << 30 | int(self.content[:8], 16) >> 2


T = TypeVar("T", str, tuple[str, str], Payment)

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(StoredReport)


def encode_stored(report: StoredReport) -> bytes:
    """Write a report for the state."""
    return _ENCODER.encode(report)


def decode_stored(value: bytes) -> StoredReport:
    """Read a report from the state."""
    return _DECODER.decode(value)


def normalise_report(report: Report, recorded_at: int, policy: Policy) -> StoredReport:
    """Make a report canonical; ``recorded_at`` is its record's timestamp (ms).

    Raises:
        InvalidEvent: an absurd time, a national ID in the clear, or nothing usable in it.
    """
    received_at = checked_milliseconds(report.received_at, recorded_at, "$.received_at")
    if report.text is not None and contains_national_id(report.text):
        raise InvalidEvent(Reason.RAW_NATIONAL_ID, "$.text")
    reading = _Reading()
    for place, suspect in enumerate(report.suspects):
        reading.suspect(suspect, place)
    for place, payment in enumerate(report.payments):
        reading.payment(payment, recorded_at, place)
    reading.correct()
    identifiers = reading.identifiers()
    if report.kind is not ReportKind.WITHDRAWN and not identifiers:
        raise InvalidEvent(Reason.BAD_IDENTIFIER, reading.first_problem or "$.suspects")
    rules = policy.reporters
    bank_detected = report.source in rules.bank_detection_sources
    laundering_listed = report.source in rules.laundering_list_sources
    victim = not bank_detected and not laundering_listed
    key, reporter = report.key, report.reporter
    stored = StoredReport(
        key=key,
        revision=report.revision,
        kind=_KIND_RANK[report.kind],
        received_at=received_at,
        published_at=0,
        voice=voice_of(reporter.person, report.hash_generation) if reporter.person else key,
        victim=victim,
        verified=victim and reporter.verified_by in rules.verified_by,
        police_filed=report.police_case is not None or report.source in rules.police_sources,
        bank_detected=bank_detected,
        laundering_listed=laundering_listed,
        scam_type=report.scam_type.value,
        home=identifiers[0] if identifiers else "",
        identifiers=tuple(identifiers),
        names=reading.names(),
        payments=_in_order(reading.payments),
        changes=_in_order(reading.changes),
        traits=reading.traits(),
    )
    # Nobody else has it yet, and to copy it would cost ten times as much.
    msgspec.structs.force_setattr(stored, "content", digest(_ENCODER.encode(stored)))
    msgspec.structs.force_setattr(stored, "published_at", recorded_at)
    return stored


class _Reading:
    """What has been read of one report so far; `correct` then makes it agree with itself.

    A field's path is put together only where it is said, from its template and place.
    """

    __slots__ = (
        "_holders",
        "_payers",
        "_persons",
        "_suspects",
        "_traits",
        "changes",
        "first_problem",
        "payments",
    )

    def __init__(self) -> None:
        self.payments: list[Payment] = []
        self.changes: list[str] = []
        self.first_problem: str | None = None
        self._suspects: dict[str, None] = {}
        self._holders: set[tuple[str, str]] = set()
        self._persons: set[str] = set()
        self._traits: list[set[str]] = []
        self._payers: set[str] = set()

    def suspect(self, suspect: Suspect, place: int) -> None:
        """Read one suspect."""
        if isinstance(suspect, AccountSuspect):
            self._account(suspect, place)
            return
        if isinstance(suspect, PersonSuspect):
            self._person(suspect, place)
            return
        if isinstance(suspect, PhoneSuspect):
            _refuse_national_id(suspect.number, _SUSPECT, place)
        key = self._usable(_NORMALISERS[type(suspect)](suspect), _SUSPECT, place)
        if key is not None:
            self._suspects[key] = None

    def _account(self, account: AccountSuspect, place: int) -> None:
        _refuse_national_id(account.number, _SUSPECT, place)
        found = normalise_payee(account.bank, account.number)
        key = self._usable(found, _SUSPECT, place)
        if key is None:
            return
        self._suspects[key] = None
        if account.holder is not None:
            _refuse_national_id(account.holder, _HOLDER, place)
            name = _normal_name(account.holder)
            if name and is_account(key):
                self._holders.add((key, name))

    def _person(self, person: PersonSuspect, place: int) -> None:
        for text in (person.name, person.birth_date, person.address):
            _refuse_national_id(text, _SUSPECT, place)
        if person.national_id is not None:
            self._suspects[f"nid:{person.national_id}"] = None
        name = _normal_name(person.name)
        if name:
            self._persons.add(name)
        born = normalise_birth_date(person.birth_date) if person.birth_date else None
        lives = normalise_address(person.address) if person.address else None
        self._traits.append({found.key for found in (born, lives) if found and found.key})

    def payment(self, payment: DisputedPayment, recorded_at: int, place: int) -> None:
        """Read one disputed payment; the payee is a suspect, the payer is not."""
        paid_at = checked_milliseconds(payment.paid_at, recorded_at, _PAID_AT, place)
        payees = self._party(payment.to, _PAYEE, place)
        payers = self._party(payment.from_, _PAYER, place) if payment.from_ else []
        for payer in payers:
            self._payers.update(same_owner(payer))
        self._suspects.update(dict.fromkeys(payees))
        # Which book a wallet's money is in is not known by its phone: no book is called so.
        payees = [payee for payee in payees if not payee.startswith("phone:")]
        payers = [payer for payer in payers if not payer.startswith("phone:")]
        payees = [ERASED + payment.erased] if payment.erased else payees
        if payees:
            reference, payer = payment.reference or "", payers[0] if payers else ""
            told = Payment(paid_at, payment.amount_satang, reference, payees[0], payer)
            self.payments.append(told)

    def _party(self, party: PaymentParty, field: str, place: int) -> list[str]:
        """Return the party's keys, the one whose book the payment is in first."""
        found: list[str | None] = [CASH] if party.cash else []
        if party.account is not None:
            _refuse_national_id(party.account, f"{field}.account", place)
            account = normalise_payee(party.bank, party.account)
            found.append(self._usable(account, field, place))
        if party.promptpay is not None:
            found.append(self._usable(normalise_promptpay(party.promptpay), field, place))
        if party.wallet is not None:
            wallet = normalise_wallet(party.wallet_network or "", party.wallet)
            found.append(self._usable(wallet, field, place))
        return [key for key in found if key is not None]

    def _usable(self, found: Normalised, field: str, place: int) -> str | None:
        key = found.key
        if key is not None:
            if found.changes:
                path = field.format(place)
                self.changes += [f"{path}: {change}" for change in found.changes]
            return key
        path = field.format(place)
        if found.problem == "raw_national_id":
            raise InvalidEvent(Reason.RAW_NATIONAL_ID, path)
        self.first_problem = self.first_problem or path
        self.changes.append(f"{path}: unusable ({found.problem})")
        return None

    def correct(self) -> None:
        """Let the report correct itself by the payments that it documents.

        A payee without its bank takes the bank of the same number among the suspects; a typed
        account within one edit of a payee of the same bank is that payee; whoever paid is not
        a suspect, by phone or by proxy.
        """
        accounts = [key for key in self._suspects if key.startswith("account:")]
        if len(accounts) > 1:
            self._name_the_banks(accounts)
            self._right_the_slips()
        paid_by_themselves = self._suspects.keys() & self._payers
        if paid_by_themselves:
            self.changes += [f"{key} paid and is no suspect" for key in sorted(paid_by_themselves)]
            for key in paid_by_themselves:
                del self._suspects[key]
            self.payments = [p for p in self.payments if p.payee not in self._payers]

    def _right_the_slips(self) -> None:
        payees = sorted({p.payee for p in self.payments if p.payee.startswith("account:")})
        renamed: dict[str, str] = {}
        for typed in sorted(self._suspects.keys() - set(payees)):
            near = [payee for payee in payees if may_be_slip_of(typed, payee)]
            if len(near) == 1:
                renamed[typed] = near[0]
                self.changes.append(f"{typed} read as the payee {near[0]}")
        self._rename(renamed)

    def _name_the_banks(self, accounts: list[str]) -> None:
        renamed: dict[str, str] = {}
        for key in accounts:
            if bank_of(key) != UNKNOWN_BANK:
                continue
            same = [k for k in accounts if k != key and number_of(k) == number_of(key)]
            if len(same) == 1:
                renamed[key] = same[0]
                self.changes.append(f"{key} read as {same[0]}")
        self._rename(renamed)

    def _rename(self, renamed: dict[str, str]) -> None:
        if not renamed:
            return
        self._suspects = {renamed.get(key, key): None for key in self._suspects}
        self._holders = {(renamed.get(key, key), name) for key, name in self._holders}
        self.payments = [
            msgspec.structs.replace(p, payee=renamed.get(p.payee, p.payee)) for p in self.payments
        ]

    def identifiers(self) -> list[str]:
        """Return the canonical identifiers by kind, the report's home first."""
        keys = set(self._suspects)
        implied = [key.removeprefix("promptpay:") for key in keys if key.startswith(IMPLYING)]
        keys.update(key for key in implied if key not in self._payers)
        return home_first(self._suspects, keys)

    def names(self) -> tuple[tuple[str, str], ...]:
        """Return (account, name): holders as given; a person's name where one account is."""
        named = {pair for pair in self._holders if pair[0] in self._suspects}
        if self._persons and not named:
            accounts = [key for key in self._suspects if key.startswith("account:")]
            if len(accounts) == 1:
                named = {(accounts[0], name) for name in self._persons}
        return _in_order(named)

    def traits(self) -> tuple[tuple[str, str], ...]:
        """Return (account, trait) of the one person that is named, where one account is."""
        if len(self._traits) != 1 or not self._traits[0]:
            return ()
        accounts = [key for key in self._suspects if key.startswith("account:")]
        return _in_order(
            [(k, t) for k in accounts for t in self._traits[0]] if len(accounts) == 1 else []
        )


_NORMALISERS: dict[type, Callable[[Any], Normalised]] = {
    PhoneSuspect: lambda suspect: normalise_phone(suspect.number),
    PromptPaySuspect: lambda suspect: normalise_promptpay(suspect.proxy),
    QrSuspect: lambda suspect: decode_qr(suspect.payload),
    HandleSuspect: lambda suspect: normalise_handle(suspect.platform, suspect.handle),
    UrlSuspect: lambda suspect: normalise_url(suspect.url),
    WalletSuspect: lambda suspect: normalise_wallet(suspect.network, suspect.address),
}


def _in_order(found: Collection[T]) -> tuple[T, ...]:
    """Return what was found, each once, in order."""
    return tuple(found) if len(found) < 2 else tuple(sorted(set(found)))


def _normal_name(text: str) -> str:
    key = normalise_name(text).key
    return key.removeprefix("name:") if key else ""


def _refuse_national_id(text: str | None, field: str, place: int) -> None:
    """Refuse a check-valid national ID in the clear."""
    if text is not None and len(text) >= NATIONAL_ID_DIGITS and contains_national_id(text):
        raise InvalidEvent(Reason.RAW_NATIONAL_ID, field.format(place))
