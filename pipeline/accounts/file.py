"""The account file: all that is known of an account with a case, and how events are added.

Adding is a union by id in which the newest version wins, so adding again changes nothing and
the order in which events arrive does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from pipeline.contracts.account_log import (
    AccountEvent,
    Answer,
    Claim,
    Level,
    Notice,
    Posting,
    Step,
)
from pipeline.identity.account import bank_of, is_account
from pipeline.identity.banks import UNKNOWN_BANK

Versioned = TypeVar("Versioned", Claim, Answer, Notice, Step)


class Said(msgspec.Struct, array_like=True):
    """What was said last under one alert id, as much as is needed to compare and to end it."""

    kind: str
    origin: str
    version: int
    open: bool
    substance: str
    claims: tuple[str, ...]
    disputed: int
    asked: int = 0
    """Satang that the alert asks to be held; nothing when it is not open."""


class AccountFile(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One account's file. Posting ids are the payment's identity with its side (+ or -).

    ``version`` is a position of the account-log: one more than the offset of the last record that
    changed the file. So of two files of an account the one with the higher version knows more,
    whoever wrote it, and the same version means the same content. (A file whose version is
    already ahead of the log, as when the log was begun anew, counts on from there by ones.)

    A long file is stored in parts (see `pipeline.accounts.parts`): blocks, which are files with
    their number in ``block`` and some of the entries, and the head with all that is newer.
    ``blocks`` are the versions of the blocks that belong to the head, beginning with the one of
    the number ``first_block``. As it is stored, the head has the newest of them only, and
    ``lists``, the versions of the lists of the older ones, beginning with the number
    ``first_list``.
    """

    account: str
    version: int = 0
    postings: dict[str, Posting] = {}
    claims: dict[str, Claim] = {}
    level: Level | None = None
    answers: dict[str, Answer] = {}
    notices: dict[str, Notice] = {}
    said: dict[str, Said] = {}
    told: dict[str, Notice] = {}
    steps: dict[str, Step] = {}
    sent: dict[str, Step] = {}
    passed: dict[str, Claim] = {}
    due: int | None = None
    limited: bool = False
    left_out_before: int = 0
    """Older postings (ms) that come again, or late, are left out too, unless a claim means them."""
    remembered: bool = False
    """Whether the look-back memory's postings were taken over; a notice alone needs none."""
    blocks: list[int] = []
    first_block: int = 0
    lists: list[int] = []
    first_list: int = 0
    block: int | None = None


_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder(AccountFile)


def encode_file(file: AccountFile) -> bytes:
    """Write a file as the value of the account-files topic (JSON, sorted keys)."""
    return _ENCODER.encode(file)


def decode_file(value: bytes) -> AccountFile:
    """Read what `encode_file` wrote.

    Raises:
        msgspec.DecodeError: the bytes are not a file.
    """
    return _DECODER.decode(value)


def posting_id(posting: Posting) -> str:
    """Return the posting's id within its account."""
    return posting.transaction + ("+" if posting.amount >= 0 else "-")


def add_posting(file: AccountFile, posting: Posting) -> bool:
    """Add a posting; return whether the file changed."""
    key = posting_id(posting)
    known = file.postings.get(key)
    if known is not None:
        posting = merged(known, posting)
        if posting == known:
            return False
    file.postings[key] = posting
    return True


def merged(known: Posting, posting: Posting) -> Posting:
    """Return what two postings of one id say together, whichever came first.

    Of one payment the payer's bank may name the PromptPay proxy that was paid, and the payee's the
    account: the money is in the account.
    """
    if posting == known:
        return known
    best = max(known, posting, key=_posting_rank)
    other = max(known.other, posting.other, key=_how_exact)
    references = tuple(sorted({*known.references, *posting.references}))
    return msgspec.structs.replace(best, other=other, references=references)


def contradicts(known: Posting, posting: Posting) -> bool:
    """Whether two postings of one id cannot be of one payment: only one of them is kept.

    A bank that uses a number again makes such. That the times differ, or how the other side is
    named, is no contradiction: both banks write of one payment.
    """
    if known.amount != posting.amount:
        return True
    others = known.other, posting.other
    return others[0] != others[1] and all(is_account(o) and _how_exact(o)[1] for o in others)


def contradictions(postings: Iterable[Posting]) -> int:
    """Count the postings that contradict one of the same id before them."""
    known: dict[str, Posting] = {}
    found = 0
    for posting in postings:
        before = known.setdefault(posting_id(posting), posting)
        found += contradicts(before, posting)
    return found


def _how_exact(other: str) -> tuple[bool, bool, str]:
    account = is_account(other)
    return account, account and bank_of(other) != UNKNOWN_BANK, other


def place_of(event: AccountEvent) -> tuple[str, str]:
    """Return the map of the file in which an event stands, and its key there."""
    # A trace has many of them in one record, so they are looked for first, as also below.
    match event:
        case Step():
            return "steps", step_key(event)
        case Claim():
            return "claims", event.claim_id
        case Answer():
            return "answers", event.update_id
        case Notice():
            # A proxy's book and its account's book may both speak of one payment.
            return "notices", f"{event.transaction}|{event.payee}"
        case Level():
            return "level", ""


def step_key(step: Step) -> str:
    """Return under which key a step stands, in the file of its receiver and of its sender."""
    return f"{step.origin}|{step.hop}|{step.transaction}|{step.sender}"


def passed_key(claim_id: str, account: str) -> str:
    """Return under which key a claim stands that was passed on to an account."""
    return f"{claim_id}|{account}"


def add_event(file: AccountFile, event: AccountEvent) -> bool:
    """Add a claim, level, answer, notice or step; return whether the file changed."""
    return add_event_at(file, place_of(event)[1], event)


def add_event_at(file: AccountFile, key: str, event: AccountEvent) -> bool:
    """Do as `add_event` does; ``key`` is the event's in the file, as `place_of` says."""
    match event:
        case Step():
            return _add(file.steps, key, event)
        case Claim():
            return _add(file.claims, key, event)
        case Answer():
            return _add(file.answers, key, event)
        case Notice():
            return _add(file.notices, key, event)
        case Level():
            if file.level is not None and _rank(file.level) >= _rank(event):
                return False
            file.level = event
            return True


def _add(known: dict[str, Versioned], key: str, event: Versioned) -> bool:
    before = known.get(key)
    if before is not None and _rank(before) >= _rank(event):
        return False
    known[key] = event
    return True


def _rank(event: AccountEvent) -> tuple[int, bytes]:
    """Newest version first; two of one version (a partner's mistake) in a fixed order."""
    version = event.at if isinstance(event, Answer) else event.version
    return version, msgspec.msgpack.encode(event)


def _posting_rank(posting: Posting) -> tuple[bool, bytes]:
    bare = msgspec.structs.replace(posting, other="", references=())
    return posting.balance is not None, msgspec.msgpack.encode(bare)
