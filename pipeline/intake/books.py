"""Which books a payment's side is entered in: an account, a PromptPay proxy, a wallet."""

from __future__ import annotations

from pipeline.contracts.invalid import InvalidEvent, Reason
from pipeline.contracts.reports import PaymentParty
from pipeline.identity.account import plain_account_key
from pipeline.identity.normalised import Normalised
from pipeline.identity.payee import normalise_book
from pipeline.identity.promptpay import normalise_promptpay
from pipeline.identity.wallet import normalise_wallet


def books_of(party: PaymentParty, field: str) -> list[str]:
    """Return the canonical keys of the books of one side of a payment, the account first.

    Cash is in nobody's book. PromptPay in the place of the bank makes the number a proxy, as in a
    report: else a claim at the proxy would wait for a payment that is in another book.

    Raises:
        InvalidEvent: when the side names nothing that can hold money.
    """
    books = []
    if party.account is not None:
        plain = plain_account_key(party.bank, party.account)
        if plain is not None and party.promptpay is None and party.wallet is None:
            return [plain]
        books.append(plain or _key(normalise_book(party.bank, party.account), field))
    if party.promptpay is not None:
        books.append(_key(normalise_promptpay(party.promptpay), field))
    if party.wallet is not None:
        books.append(_key(normalise_wallet(party.wallet_network or "", party.wallet), field))
    if not (books or party.cash):
        raise InvalidEvent(Reason.MISSING_FIELD, f"{field}.account")
    # A proxy may be said twice: in the place of the account as well.
    return books if len(books) < 2 else list(dict.fromkeys(books))


def _key(found: Normalised, field: str) -> str:
    if found.key is None:
        raw = found.problem == "raw_national_id"
        raise InvalidEvent(Reason.RAW_NATIONAL_ID if raw else Reason.BAD_IDENTIFIER, field)
    return found.key
