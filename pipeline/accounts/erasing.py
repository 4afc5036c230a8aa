"""Erasing a person's identifiers from account files (`pipeline.erasure`).

The file of an erased account loses what was received before the erasure, and ends when nothing is
left. In another account's file the hash takes the identifier's place, so that the file's own
money stays what it was; a trace goes no further than there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeVar, cast

import msgspec

from pipeline.accounts.file import AccountFile, passed_key, place_of, posting_id, step_key
from pipeline.accounts.parts import BLOCK_ROWS, HEAD_ROWS, account_of
from pipeline.contracts.account_log import (
    AccountEvent,
    Answer,
    Claim,
    Leg,
    Level,
    Notice,
    Posting,
    Step,
)
from pipeline.erasure import Erasures
from pipeline.state import State, scan_prefix

Told = TypeVar("Told", Notice, Step, Claim)

_IDENTIFIERS = re.compile(rb'(?:account|promptpay|wallet):[^"|\\]+')
"""What may be an identifier in a part of a file, which is JSON. (Kinds that have books.)"""


def accounts_to_look_at(state: State, erasures: Erasures) -> list[str]:
    """Return the accounts whose files name something erased, in order.

    Reads all files (about 14 s for 100,000 of them): an erasure comes seldom.
    """
    known: dict[bytes, bool] = {}
    found = set()
    for prefix in (HEAD_ROWS, BLOCK_ROWS):
        for key, value in scan_prefix(state, prefix):
            for name in set(_IDENTIFIERS.findall(value)):
                if name not in known:
                    known[name] = erasures.hides(name.decode(), 0) is not None
                if known[name]:
                    found.add(account_of(key[1:]).decode())
    return sorted(found)


def posting_left(posting: Posting, erasures: Erasures) -> Posting | None:
    """Return a posting without what is erased; None: it is in the book of an erased account."""
    at = posting.at
    if erasures.hides(posting.account, at) is not None:
        return None
    other = erasures.hides(posting.other, at) or posting.other
    references = tuple(erasures.hides(name, at) or name for name in posting.references)
    if other == posting.other and references == posting.references:
        return posting
    return msgspec.structs.replace(posting, other=other, references=references)


def postings_left(postings: Iterable[Posting], erasures: Erasures) -> Iterable[Posting]:
    """Return postings without what is erased."""
    if not erasures:
        return postings
    left = (posting_left(posting, erasures) for posting in postings)
    return [posting for posting in left if posting is not None]


def event_left(event: AccountEvent, erasures: Erasures) -> AccountEvent | None:
    """Return an event without what is erased; None: it is about an erased account."""
    if erasures.hides(event.account, _received(event)) is not None:
        return None
    return _without_others(event, erasures)


def _without_others(event: AccountEvent, erasures: Erasures) -> AccountEvent:
    at, hides = _received(event), erasures.hides
    match event:
        case Claim():
            payer = event.payer and (hides(event.payer, at) or event.payer)
            typed = event.typed and (hides(event.typed, at) or event.typed)
            return msgspec.structs.replace(event, payer=payer, typed=typed)
        case Level() if event.slip_of:
            slip_of = tuple(hides(name, at) or name for name in event.slip_of)
            return msgspec.structs.replace(event, slip_of=slip_of)
        case Notice() if mark := hides(event.payee, at):
            return msgspec.structs.replace(event, payee=mark)
        case Step():
            legs = tuple(_leg(leg, erasures) for leg in event.legs)
            sender = hides(event.sender, at) or event.sender
            return msgspec.structs.replace(event, sender=sender, legs=legs)
    return event


def _received(event: AccountEvent) -> int:
    """Return the time (ms) by which an event is older or newer than an erasure."""
    match event:
        case Claim():
            return event.received_at
        case Level():
            return event.since
        case Answer() | Notice():
            return event.at
        case Step():
            return event.legs[-1].at if event.legs else event.since


def _leg(leg: Leg, erasures: Erasures) -> Leg:
    hides = erasures.hides
    payer = hides(leg.payer, leg.at) or leg.payer
    payee = hides(leg.payee, leg.at) or leg.payee
    return msgspec.structs.replace(
        leg,
        payer=payer,
        payee=payee,
        references=tuple(hides(name, leg.at) or name for name in leg.references),
    )


def file_left(file: AccountFile, erasures: Erasures) -> AccountFile:
    """Return a whole file without what is erased; its parts are all to be written anew."""
    postings = (posting_left(posting, erasures) for posting in file.postings.values())
    left = msgspec.structs.replace(
        file,
        postings={posting_id(posting): posting for posting in postings if posting is not None},
        claims=dict(_events_left(file.claims, erasures)),
        answers=dict(_events_left(file.answers, erasures)),
        notices=dict(_events_left(file.notices, erasures)),
        steps=dict(_events_left(file.steps, erasures)),
        told={n.transaction: _told(n, erasures) for n in file.told.values()},
        sent={step_key(s): s for s in (_told(s, erasures) for s in file.sent.values())},
        passed={
            passed_key(claim.claim_id, claim.account): claim
            for claim in (_told(claim, erasures) for claim in file.passed.values())
        },
        said=dict(file.said),
        blocks=[],
        first_block=0,
        lists=[],
        first_list=0,
    )
    if left.level is not None:
        left.level = cast(Level | None, event_left(left.level, erasures))
    return left


def _events_left(
    events: dict[str, Claim] | dict[str, Answer] | dict[str, Notice] | dict[str, Step],
    erasures: Erasures,
) -> Iterator[tuple[str, AccountEvent]]:
    for event in events.values():
        left = event_left(event, erasures)
        if left is not None:
            yield place_of(left)[1], left


def _told(event: Told, erasures: Erasures) -> Told:
    """Return what was told to an account, which may be erased itself."""
    mark = erasures.hides(event.account, _received(event))
    left = cast(Told, _without_others(event, erasures))
    return left if mark is None else msgspec.structs.replace(left, account=mark)


def says_nothing(file: AccountFile) -> bool:
    """Say whether nothing is left in a file that anything could be decided on."""
    entries = (file.postings, file.claims, file.answers, file.notices, file.steps)
    return file.level is None and not any(entries)
