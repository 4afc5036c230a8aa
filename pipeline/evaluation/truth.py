"""The truth that a run is measured against, read from JSON.

`freezeline simulate` writes it as ``truth.json``. For other data only ``reports`` with ``report``
and ``group`` is needed; everything else sharpens the figures. Unknown fields are ignored.
"""

from __future__ import annotations

import msgspec


class TrueReport(msgspec.Struct, frozen=True, kw_only=True):
    """One report as it really is.

    ``report`` is its key (source/report_id). ``group`` says with which other reports evidence can
    join it: reports of one ring with a chain of truly equal identifiers; None when nothing says so
    (then it stands alone). ``ring`` is the whole ring behind it, None for a false accusation.
    ``accounts`` are the accounts that it means, ``named`` those that its newest word names rightly
    (number and bank). ``role`` is victim for a victim's report; a report with role ``mistaken`` is
    an honest dispute that came to nothing. ``received_at`` is in ms since 1970.
    """

    report: str
    group: str | None = None
    ring: str | None = None
    role: str = "victim"
    victim: str | None = None
    received_at: int = 0
    accounts: list[str] = []
    named: list[str] = []
    transactions: list[str] = []
    withdrawn: bool = False
    difficulties: list[str] = []


class TrueRing(msgspec.Struct, frozen=True, kw_only=True):
    """One ring: the accounts that took victims' money, and those that it went on to.

    ``identifiers`` are all its identifiers, accounts among them; they help to say why two rings
    were put together.
    """

    id: str
    accounts: list[str] = []
    promptpay: list[str] = []
    wallets: list[str] = []
    onward_accounts: list[str] = []
    identifiers: list[str] = []

    @property
    def guilty(self) -> set[str]:
        """Every account, proxy and wallet of the ring."""
        return {*self.accounts, *self.promptpay, *self.wallets, *self.onward_accounts}


class StolenPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment by which a victim lost money, and the reports that are about it."""

    transaction: str
    reports: list[str] = []


class Innocents(msgspec.Struct, frozen=True, kw_only=True):
    """Honest people's accounts, as far as they are known."""

    accounts: list[str] = []


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """A whole truth. An account of no ring is innocent, also one that ``innocents`` lacks.

    What ``innocents`` lists exists for sure; a number that is misspelt mostly belongs to nobody.
    """

    reports: list[TrueReport]
    rings: list[TrueRing] = []
    innocents: Innocents = Innocents()
    stolen_payments: list[StolenPayment] = []

    def speaking(self) -> list[TrueReport]:
        """Return the reports that still say something: a withdrawn one joins nothing."""
        return [report for report in self.reports if not report.withdrawn]

    def groups(self) -> dict[str, str]:
        """Return the group of each speaking report that has one: what evidence can reach."""
        return {r.report: r.group for r in self.speaking() if r.group is not None}

    def owners(self) -> dict[str, str]:
        """Return whose each speaking report is: its whole ring, else its group, else itself."""
        return {r.report: r.ring or r.group or f"alone {r.report}" for r in self.speaking()}

    def guilty(self) -> set[str]:
        """Return all accounts, proxies and wallets of rings."""
        return {account for ring in self.rings for account in ring.guilty}

    def honestly_disputed(self) -> set[str]:
        """Return the innocents' accounts into which somebody honestly disputes a payment.

        A verified person who bought there says so: no evidence tells that they are wrong.
        """
        return {a for r in self.reports if r.role == "mistaken" for a in r.accounts}


def decode_truth(value: bytes) -> Truth:
    """Read a truth file.

    Raises:
        msgspec.MsgspecError: it is no JSON, or a field is missing or of a wrong type.
    """
    return msgspec.json.decode(value, type=Truth)
