"""Why an alert stands or ends: structured evidence, and one sentence in Thai and in English."""

from __future__ import annotations

from functools import lru_cache

from pipeline.accounts.decision import (
    BANK_UNKNOWN,
    NO_PAYMENT,
    NOT_VERIFIED,
    TRACE_ENDED,
    Standing,
)
from pipeline.accounts.ends import ORDINARY_TRADE
from pipeline.accounts.file import AccountFile
from pipeline.accounts.grounds import PASSED_ON, PAYMENT_NOT_SEEN
from pipeline.accounts.matching import BY_AMOUNT, BY_PAYER, BY_REFERENCE, UNMATCHED
from pipeline.accounts.tracing import SMALL_SUM
from pipeline.accounts.trails import Traced
from pipeline.contracts.account_log import Level
from pipeline.contracts.alerts import AlertKind, Evidence
from pipeline.contracts.codec import rfc3339
from pipeline.identity.account import is_account

MAX_EVIDENCE = 40
"""Limit on reasons listed in one alert; the counts in the sentence are whole."""

moment = lru_cache(maxsize=4_096)(rfc3339)
"""`rfc3339`, remembered: the alerts of one decision have most of their times in common."""

_LEVEL_EN = {
    "black": "black",
    "dark_grey": "dark grey",
    "light_grey": "light grey",
    "dark_brown": "dark brown",
    "light_brown": "light brown",
    "none": "none",
}
_LEVEL_TH = {
    "black": "ดำ",
    "dark_grey": "เทาเข้ม",
    "light_grey": "เทาอ่อน",
    "dark_brown": "น้ำตาลเข้ม",
    "light_brown": "น้ำตาลอ่อน",
    "none": "ไม่มี",
}
_MATCH_EN = {
    BY_REFERENCE: "the payment was found by its reference",
    BY_PAYER: "the payment was found by amount, time and payer",
    BY_AMOUNT: "the payment was found by amount and time only",
    UNMATCHED: "the payment itself has not been seen yet",
}
_MATCH_TH = {
    BY_REFERENCE: "พบรายการโอนตามเลขอ้างอิง",
    BY_PAYER: "พบรายการโอนตามจำนวนเงิน เวลา และผู้โอน",
    BY_AMOUNT: "พบรายการโอนตามจำนวนเงินและเวลาเท่านั้น",
    UNMATCHED: "ยังไม่พบรายการโอนในระบบ",
}
_WATCHED = {
    NOT_VERIFIED: ("nobody has verified it", "ยังไม่มีการยืนยันตัวตนผู้แจ้ง"),
    NO_PAYMENT: ("no payment to hold has been seen", "ยังไม่พบรายการโอนที่ต้องระงับ"),
    BANK_UNKNOWN: ("its bank is not known", "ไม่ทราบธนาคารของบัญชี"),
    PAYMENT_NOT_SEEN: (
        "the payment that it disputes has not been seen in this account: check the number",
        "ยังไม่พบรายการที่โต้แย้งในบัญชีนี้ โปรดตรวจสอบเลขบัญชี",
    ),
    PASSED_ON: (
        "what it disputes is looked for, and held, in the account behind it",
        "ระบบค้นหาและระงับรายการที่โต้แย้งในบัญชีที่ผูกไว้",
    ),
}
_SPARED = {
    SMALL_SUM: (
        "the traced sum is too small to hold",
        "ยอดที่ติดตามมาต่ำกว่าเกณฑ์ระงับ",
    ),
    ORDINARY_TRADE: (
        "the account shows an ordinary trade, and gave goods for the money",
        "บัญชีมีลักษณะการค้าปกติ และรับเงินเป็นค่าสินค้า",
    ),
}
_ENDED = {
    **_SPARED,
    TRACE_ENDED: (
        "the stolen money is not traced to this account any more",
        "ไม่พบเส้นทางเงินมาถึงบัญชีนี้แล้ว",
    ),
    "clock_out": ("the time allowed for the hold is over", "ครบกำหนดเวลาระงับ"),
    "money_gone": (
        "none of this money is left in the account",
        "ไม่มีเงินส่วนนี้เหลือในบัญชี",
    ),
    "report_withdrawn": (
        "the report was withdrawn or corrected",
        "ผู้แจ้งถอนหรือแก้ไขการแจ้ง",
    ),
    "level_ended": (
        "the reports no longer allow action on this account",
        "การแจ้งไม่เพียงพอให้ดำเนินการต่อบัญชีนี้แล้ว",
    ),
    "released_by_bank": ("the bank has released it", "ธนาคารปลดการระงับแล้ว"),
    "refused_by_bank": ("the bank has refused it", "ธนาคารไม่รับดำเนินการ"),
    "seized": ("the police have seized the money by warrant", "ตำรวจอายัดตามหมายแล้ว"),
    "superseded": (
        "a newer alert about the same money replaces it",
        "มีการแจ้งใหม่แทนรายการนี้",
    ),
    PAYMENT_NOT_SEEN: (
        "the disputed payment is not among those of this account",
        "ไม่พบรายการที่โต้แย้งในบัญชีนี้",
    ),
    PASSED_ON: (
        "it is looked for, and held, in the account behind the proxy",
        "ระบบค้นหาและระงับเงินในบัญชีที่ผูกพร้อมเพย์ไว้แทน",
    ),
    "evidence_gone": ("the evidence for it is gone", "ไม่มีหลักฐานสนับสนุนแล้ว"),
}


@lru_cache(maxsize=4_096)
def baht(satang: int) -> str:
    """Write satang as baht with two decimals, exactly."""
    return f"{satang // 100:,}.{satang % 100:02d}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def sentences(standing: Standing, file: AccountFile) -> tuple[str, str]:
    """Return the reason as one sentence in English and one in Thai."""
    level = file.level
    name = level.level if level else "none"
    if standing.notice is not None:
        return (
            (
                f"Your customer paid {baht(standing.disputed)} baht to an account at level "
                f"{_LEVEL_EN.get(standing.notice.level, standing.notice.level)} after it was "
                "reported: warn the customer."
            ),
            (
                f"ลูกค้าของท่านโอนเงิน {baht(standing.disputed)} บาท ไปยังบัญชีระดับ"
                f"{_LEVEL_TH.get(standing.notice.level, standing.notice.level)}"
                "หลังจากมีการแจ้งแล้ว โปรดเตือนลูกค้า"
            ),
        )
    if standing.traced is not None:
        return _traced_sentences(standing, standing.traced)
    told_en, told_th = _told(level)
    if level is None and standing.payment is not None:
        told_en, told_th = "a proxy of the account is reported", "มีการแจ้งพร้อมเพย์ของบัญชีนี้"
        if any(is_account(claim.typed) for claim in standing.payment.claims):
            told_en = "the payer's own account shows that the disputed payment went here"
            told_th = "บัญชีผู้โอนแสดงว่ารายการที่โต้แย้งโอนมาที่บัญชีนี้"
    if standing.kind is AlertKind.WATCH:
        if level is None:
            return _traced_watch_sentences(standing)
        why_en, why_th = _WATCHED.get(standing.why) or _ENDED[standing.why]
        return (
            f"Watch only, hold nothing: {told_en}; {why_en}.",
            f"เฝ้าระวังเท่านั้น ไม่ต้องระงับเงิน: {told_th} {why_th}",
        )
    capped = "" if standing.balance_known else "; the balance is not known"
    capped_th = "" if standing.balance_known else " (ไม่ทราบยอดคงเหลือ)"
    if standing.payment is not None:
        how = standing.payment.how
        victims = len({claim.voice for claim in standing.payment.claims})
        what = f"disputed by {_count(victims, 'victim')}"
        what_en, what_th = (
            f"{what}, {_MATCH_EN[how]}",
            f"ผู้เสียหายโต้แย้งรายการนี้ {_MATCH_TH[how]}",
        )
    else:
        what_en = "it came into an account that was reported"
        what_th = "เงินเข้าบัญชีที่ถูกแจ้ง"
    return (
        (
            f"Hold {baht(standing.amount)} of {baht(standing.disputed)} baht: {what_en}; "
            f"{told_en} (level {_LEVEL_EN.get(name, name)}){capped}."
        ),
        (
            f"ระงับ {baht(standing.amount)} บาท จาก {baht(standing.disputed)} บาท: {what_th} "
            f"{told_th} (ระดับ{_LEVEL_TH.get(name, name)}){capped_th}"
        ),
    )


def _traced_sentences(standing: Standing, traced: Traced) -> tuple[str, str]:
    """Return why money is held that was stolen elsewhere and came here."""
    hops, capped = f"{traced.legs[-1].hop - 1}", ""
    capped_th = ""
    if not standing.balance_known:
        capped, capped_th = "; the balance is not known", " (ไม่ทราบยอดคงเหลือ)"
    return (
        (
            f"Hold {baht(standing.amount)} of {baht(standing.disputed)} baht: it is part of "
            f"{baht(traced.source.stolen)} baht that a victim disputes, and came here from the "
            f"reported account by transfers (transfer {hops}; see the evidence){capped}."
        ),
        (
            f"ระงับ {baht(standing.amount)} บาท จาก {baht(standing.disputed)} บาท: "
            f"เป็นส่วนหนึ่งของเงิน {baht(traced.source.stolen)} บาท ที่ผู้เสียหายโต้แย้ง "
            f"และถูกโอนต่อจากบัญชีที่ถูกแจ้งมาถึงบัญชีนี้ (โอนต่อทอดที่ {hops} ดูหลักฐาน){capped_th}"
        ),
    )


def _traced_watch_sentences(standing: Standing) -> tuple[str, str]:
    """Return why nothing is held though stolen money came to an account that nobody reported."""
    why_en, why_th = _SPARED.get(standing.why) or _WATCHED[standing.why]
    return (
        (
            f"Watch only, hold nothing: {baht(standing.disputed)} baht of stolen money came here "
            f"by transfers; {why_en}."
        ),
        (
            f"เฝ้าระวังเท่านั้น ไม่ต้องระงับเงิน: เงินที่ถูกหลอก {baht(standing.disputed)} บาท "
            f"ถูกโอนต่อมาที่บัญชีนี้ {why_th}"
        ),
    )


def _told(level: Level | None) -> tuple[str, str]:
    if level is None:
        return "no report names the account", "ไม่มีการแจ้งบัญชีนี้"
    return _told_by(level.reports, level.voices, level.verified_voices)


@lru_cache(maxsize=4_096)
def _told_by(reports: int, voices: int, verified: int) -> tuple[str, str]:
    return (
        (
            f"the account is named in {_count(reports, 'report')} "
            f"by {_count(voices, 'person')}, {verified} verified"
        ),
        f"มีการแจ้งบัญชีนี้ {reports} ครั้ง โดย {voices} คน ยืนยันตัวตนแล้ว {verified} คน",
    )


def release_sentences(reason: str, disputed: int) -> tuple[str, str]:
    """Return why an alert ends, in English and in Thai."""
    english, thai = _ENDED[reason]
    if reason == "superseded" or not disputed:
        return f"Nothing more to do here: {english}.", f"ไม่ต้องดำเนินการ: {thai}"
    return (
        f"Release {baht(disputed)} baht: {english}.",
        f"ปลดการระงับ {baht(disputed)} บาท: {thai}",
    )


def evidence(standing: Standing, file: AccountFile) -> list[Evidence]:
    """Return the reasons for programs: claims, payment, level, and the edges behind it."""
    listed: list[Evidence] = []
    if standing.payment is not None:
        for claim in sorted(standing.payment.claims, key=lambda c: c.claim_id)[:MAX_EVIDENCE]:
            detail = "verified" if claim.verified else "not_verified"
            listed.append(
                Evidence(
                    "claim",
                    report=claim.report,
                    identifier=claim.typed if claim.typed != claim.account else None,
                    detail=detail,
                    amount_satang=claim.amount,
                    at=moment(claim.paid_at),
                )
            )
    posting = standing.incoming or (standing.payment.posting if standing.payment else None)
    if posting is not None:
        how = standing.payment.how if standing.payment else "payment_to_suspect"
        listed.append(
            Evidence(
                "payment",
                transaction=posting.transaction,
                identifier=posting.other,
                detail=how,
                amount_satang=posting.amount,
                at=moment(posting.at),
                references=[r for r in posting.references if not r.startswith("account:")],
            )
        )
    if standing.traced is not None:
        listed += [
            Evidence(
                "transfer" if leg.hop > 1 else "stolen_payment",
                transaction=leg.transaction,
                identifier=leg.payee,
                detail=f"hop {leg.hop}",
                amount_satang=leg.amount,
                at=moment(leg.at),
                payer=leg.payer,
                share_satang=leg.share,
                references=list(leg.references),
            )
            for leg in standing.traced.legs
        ]
    if standing.notice is not None:
        notice = standing.notice
        listed.append(
            Evidence(
                "payment",
                transaction=notice.transaction,
                identifier=notice.payee,
                detail=notice.level,
                amount_satang=notice.amount,
                at=moment(notice.at),
            )
        )
    elif file.level is not None:
        level = file.level
        counts = f"{level.reports} reports, {level.voices} voices, {level.verified_voices} verified"
        listed.append(Evidence("level", detail=f"{level.level}: {counts}"))
        for kind, identifier, detail in level.evidence[:MAX_EVIDENCE]:
            listed.append(Evidence(kind, identifier=identifier, detail=detail))
    return listed[:MAX_EVIDENCE]
