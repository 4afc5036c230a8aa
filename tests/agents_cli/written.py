"""What workers would have written, for the commands that read it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pipeline.accounts.causes import alert_output
from pipeline.accounts.file import AccountFile, Said, add_event, add_posting, encode_file
from pipeline.contracts.account_log import (
    AccountEvents,
    Claim,
    Level,
    Posting,
    Postings,
    Tick,
    encode_log_entry,
    partition_of,
)
from pipeline.contracts.alerts import AlertKind, Evidence, FreezeAlert, alert_id
from pipeline.contracts.clusters import Cluster, Edge, FiledReport, cluster_id
from pipeline.contracts.codec import encode_json
from pipeline.contracts.dead_letters import dead_letter
from pipeline.contracts.invalid import InvalidEvent, Reason
from pipeline.fold import LogRecord, Output
from pipeline.topics import ACCOUNT_FILES, ACCOUNT_LOG, CLUSTERS, FILED_REPORTS

ACCOUNT = "account:014:1234567890"
SHARED = "account:004:5556667770"
PAID_AT = 1_793_500_000_000
HOLD = alert_id(AlertKind.HOLD, ACCOUNT, "bank-scb/T1")
PROVISIONAL = alert_id(AlertKind.HOLD, ACCOUNT, "report/aoc-1441/AOC-1#0")
WATCH = alert_id(AlertKind.WATCH, "account:004:9998887776", "account:004:9998887776")
CLUSTER = cluster_id(ACCOUNT)

CLAIM = Claim(
    account=ACCOUNT,
    claim_id="aoc-1441/AOC-1#0",
    version=1,
    withdrawn=False,
    report="aoc-1441/AOC-1",
    received_at=PAID_AT + 1_000,
    published_at=PAID_AT + 1_500,
    voice="v",
    verified=True,
    police_filed=False,
    paid_at=PAID_AT,
    amount=4_500_000,
    payer="account:004:4567890123",
)
LEVEL = Level(
    account=ACCOUNT,
    version=1,
    level="light_grey",
    acting=True,
    since=PAID_AT + 1_000,
    published_at=PAID_AT + 1_500,
    police_filed=False,
    reports=2,
    voices=2,
    verified_voices=1,
    cluster=CLUSTER,
    cluster_version=1,
    caused_by="aoc-1441/AOC-1",
)
POSTING = Posting(ACCOUNT, "bank-scb/T1", PAID_AT, 4_500_000, "account:004:4567890123", 4_510_000)


def alert(identity: str, version: int, kind: AlertKind, **more: object) -> FreezeAlert:
    plain = FreezeAlert(
        alert_id=identity,
        version=version,
        kind=kind,
        bank="014",
        account=ACCOUNT,
        origin="bank-scb/T1",
        amount_satang=4_500_000,
        disputed_satang=4_500_000,
        balance_known=True,
        level="light_grey",
        reason_en="Hold it.",
        reason_th="ระงับ",
        evidence=[
            Evidence(
                "claim",
                report="aoc-1441/AOC-1",
                detail="verified",
                amount_satang=4_500_000,
                at="2026-11-01T03:00:00.000Z",
            ),
            Evidence(
                "payment",
                transaction="bank-scb/T1",
                identifier="account:004:4567890123",
                detail="reference",
                amount_satang=4_500_000,
                at="2026-11-01T03:00:00.000Z",
            ),
            Evidence("level", detail="light_grey: 2 reports, 2 voices, 1 verified"),
        ],
        cluster_id=CLUSTER,
        cluster_version=1,
        policy_version="th-2026-11",
        caused_by="bank-scb/T1",
        caused_at="2026-11-01T03:00:00.000Z",
        held_from="2026-11-01T03:00:00.000Z",
        holds_until="2026-11-04T03:00:00.000Z",
    )
    return msgspec.structs.replace(plain, **more)


ALERTS = (
    alert(PROVISIONAL, 1, AlertKind.HOLD, origin="report/aoc-1441/AOC-1#0"),
    alert(HOLD, 1, AlertKind.HOLD, amount_satang=100),
    alert(HOLD, 2, AlertKind.HOLD),
    alert(
        PROVISIONAL,
        2,
        AlertKind.RELEASE,
        amount_satang=0,
        evidence=[],
        releases=AlertKind.HOLD,
        release_reason="superseded",
        superseded_by=HOLD,
        holds_until=None,
    ),
    alert(WATCH, 1, AlertKind.WATCH, account="account:004:9998887776", bank="004", amount_satang=0),
)


def records() -> Iterator[Output]:
    """What the workers would have written."""
    for one in ALERTS:
        yield alert_output(one, PAID_AT)
    file = AccountFile(account=ACCOUNT, version=3)
    add_event(file, CLAIM)
    add_event(file, LEVEL)
    add_posting(file, POSTING)
    file.said[HOLD] = Said("hold", "bank-scb/T1", 2, True, "", (CLAIM.claim_id,), 4_500_000)
    owner = partition_of(ACCOUNT, 4)
    older = AccountFile(account=ACCOUNT, version=2)
    for one_file in (file, older):
        yield Output(ACCOUNT_FILES, ACCOUNT.encode(), encode_file(one_file), (), owner)
    for entry in (AccountEvents([CLAIM, LEVEL]), Postings([POSTING]), Tick(PAID_AT)):
        yield Output(ACCOUNT_LOG, None, encode_log_entry(entry), (), owner)
    yield Output(ACCOUNT_LOG, b"k", b"\x00nonsense", (), owner)
    edge = Edge(ACCOUNT, "phone:+66812345678", "T0", 21.5, ["named together"], 2)
    cluster = Cluster(
        cluster_id=CLUSTER,
        version=2,
        anchor=ACCOUNT,
        members=[ACCOUNT, "phone:+66812345678"],
        reports=["aoc-1441/AOC-1", "etda-1212/E-1"],
        report_count=2,
        voices=2,
        edges=[edge],
        relations=[],
    )
    yield Output(CLUSTERS, CLUSTER.encode(), encode_json(cluster))
    shared = msgspec.structs.replace(
        cluster,
        cluster_id=cluster_id(SHARED),
        anchor=SHARED,
        members=[SHARED, "phone:+66811111111"],
    )
    yield Output(CLUSTERS, shared.cluster_id.encode(), encode_json(shared))
    filed = FiledReport(
        report="aoc-1441/AOC-1",
        version=1,
        received_at="2026-11-01T03:00:00.000Z",
        identifier=SHARED,
        cluster_id=shared.cluster_id,
        cluster_version=2,
        identifiers=[SHARED, ACCOUNT, "phone:+66812345678"],
        scam_type="job",
    )
    yield Output(FILED_REPORTS, filed.report.encode(), encode_json(filed))
    refused = (
        (b'{"broken \x1b[2J\xff', Reason.NOT_JSON, ()),
        (b'{"later":1}', Reason.BAD_TIME, (("own", b"1"),)),
        (b'{"later":1}', Reason.BAD_TIME, ()),
    )
    for offset, (value, reason, headers) in enumerate(refused):
        record = LogRecord(offset, PAID_AT, b"key", value, headers)
        yield dead_letter("reports", 0, record, InvalidEvent(reason, "$.received_at"))
    giant = LogRecord(7, PAID_AT, b"key", b"v" * 3_000_000)
    yield dead_letter("transactions", 2, giant, InvalidEvent(Reason.TOO_LARGE))
