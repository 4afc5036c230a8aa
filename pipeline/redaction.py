"""Events without what is erased, as the topics that are kept for good hold them afterwards.

Folding what is left gives the same as folding the events with the erasure (`pipeline.erasure`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import orjson

from pipeline.clustering.decisions import normalise_decision
from pipeline.clustering.erasing import mentioned, without_erased
from pipeline.clustering.normalised import StoredReport, normalise_report
from pipeline.contracts.alerts import FreezeAlert
from pipeline.contracts.codec import parse_rfc3339
from pipeline.contracts.decisions import Verdict, decode_decision
from pipeline.contracts.hold_updates import decode_hold_update
from pipeline.contracts.invalid import InvalidEvent
from pipeline.contracts.reports import decode_report
from pipeline.erasure import ERASED, Erasures
from pipeline.identity.account import is_one_edit, number_of
from pipeline.intake.fold import answer_of
from pipeline.policy.policy import Policy

Content = dict[str, Any]


def report_left(value: bytes, at: int, erasures: Erasures, policy: Policy) -> bytes | None:
    """Return a report's event (recorded ``at``, ms) without what is erased.

    None when it says nothing any more. The free text goes with anything that is erased, for nobody
    can tell what it says of whom.

    Raises:
        InvalidEvent: it is no valid event.
    """
    report = decode_report(value)
    stored = normalise_report(report, at, policy)
    gone = _gone(stored, erasures)
    if not gone:
        return value
    event: Content = orjson.loads(value)
    event.pop("text", None)
    suspects = zip(event.get("suspects", []), report.suspects, strict=True)
    event["suspects"] = [said for said, _ in suspects if not _names(event, said, at, gone, policy)]
    for payment in event.get("payments", []):
        _erase_parties(event, payment, at, gone, policy)
    return orjson.dumps(event) if event["suspects"] or event.get("payments") else None


def _gone(stored: StoredReport, erasures: Erasures) -> dict[str, str]:
    """Return what a report names that is erased, with its mark."""
    marks = {key: erasures.hides(key, stored.received_at) for key in mentioned(stored)}
    return {key: mark for key, mark in marks.items() if mark is not None}


def _names(event: Content, suspect: Content, at: int, gone: Mapping[str, str], p: Policy) -> bool:
    """Say whether one suspect is somebody erased; a person's name may be the erased one's."""
    if suspect["kind"] == "person":
        return any(key.startswith(("account:", "name:", "nid:")) for key in gone)
    alone = _read({**event, "suspects": [suspect], "payments": []}, at, p)
    if alone is None:
        return False
    # A number that was read as the payee's is the payee's, written wrongly.
    return any(key in gone or _is_slip(key, gone) for key in alone.identifiers) or any(
        f"name:{name}" in gone for _, name in alone.names
    )


def _is_slip(key: str, gone: Mapping[str, str]) -> bool:
    if not key.startswith("account:"):
        return False
    numbers = [number_of(other) for other in gone if other.startswith("account:")]
    return any(is_one_edit(number_of(key), number) for number in numbers)


def _erase_parties(
    event: Content, payment: Content, at: int, gone: Mapping[str, str], policy: Policy
) -> None:
    alone = _read({**event, "suspects": [], "payments": [payment]}, at, policy)
    for told in alone.payments if alone is not None else ():
        if told.payee in gone:
            payment["to"], payment["erased"] = {}, gone[told.payee].removeprefix(ERASED)
        if told.payer in gone:
            payment.pop("from", None)


def _read(event: Content, at: int, policy: Policy) -> StoredReport | None:
    try:
        report = decode_report(orjson.dumps({**event, "kind": "submitted"}))
        return normalise_report(report, at, policy)
    except InvalidEvent:
        return None


def decision_left(value: bytes, at: int, erasures: Erasures) -> bytes | None:
    """Return an analyst's decision (recorded ``at``, ms); None: it is about somebody erased.

    Raises:
        InvalidEvent: it is no valid event.
    """
    stored = normalise_decision(decode_decision(value), at)
    if stored.verdict == Verdict.ERASE:
        return value
    return value if without_erased(stored, erasures) is stored else None


def update_left(value: bytes, at: int, erasures: Erasures) -> bytes | None:
    """Return a bank's answer (recorded ``at``, ms); None: it is about an erased account.

    Raises:
        InvalidEvent: it is no valid event.
    """
    answer = answer_of(decode_hold_update(value), at)
    return value if erasures.hides(answer.account, answer.at) is None else None


def alert_left(value: bytes, erasures: Erasures, is_gone: Callable[[str], bool]) -> bytes:
    """Return an alert with the hash in place of what is erased: that it was sent is kept.

    ``is_gone`` says of an alert's id whether its first version was before the erasure.
    """
    alert: Content = orjson.loads(value)
    caused = 0 if is_gone(alert["alert_id"]) else parse_rfc3339(alert["caused_at"])
    gone: dict[str, str] = {}
    for text in _texts(alert):
        mark = erasures.hides(text, caused)
        if mark is not None:
            gone[text] = mark
    if not gone:
        return value
    for key, mark in list(gone.items()):
        # Sentences for people have the bare number.
        gone[key.rpartition(":")[2]] = mark
    return orjson.dumps(_replaced(alert, gone), option=orjson.OPT_SORT_KEYS)


def alert_was_before(value: bytes, erasures: Erasures) -> str | None:
    """Return the id of an alert about an erased account that was caused before its erasure."""
    try:
        alert = msgspec.json.decode(value, type=FreezeAlert)
        before = erasures.hides(alert.account, parse_rfc3339(alert.caused_at)) is not None
    except (msgspec.MsgspecError, ValueError):
        return None
    return alert.alert_id if before else None


def _texts(content: Any) -> list[str]:
    if isinstance(content, dict):
        return [text for part in content.values() for text in _texts(part)]
    if isinstance(content, list):
        return [text for part in content for text in _texts(part)]
    return [content] if isinstance(content, str) else []


def _replaced(content: Any, gone: Mapping[str, str]) -> Any:
    if isinstance(content, dict):
        return {key: _replaced(part, gone) for key, part in content.items()}
    if isinstance(content, list):
        return [_replaced(part, gone) for part in content]
    if isinstance(content, str):
        for key in sorted(gone, key=len, reverse=True):
            content = content.replace(key, gone[key])
    return content
