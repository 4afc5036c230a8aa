"""Small scenarios with the clusters, levels and claims that people expect of them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from pipeline.contracts.account_log import Claim
from pipeline.contracts.clusters import cluster_id
from tests.pipeline.clustering.scenarios import (
    Run,
    account,
    line,
    pay,
    phone,
    report,
    small_policy,
)

A, B = "account:004:1234567890", "account:004:1234567891"
NINE = "2026-11-20T09:00:00+07:00"


def ring(name: str, first: int, shared: dict[str, Any], reports: int = 6) -> list[dict[str, Any]]:
    """Return reports of a ring: two accounts, far apart in digits, and its line handle."""
    numbers = [f"{first}00000001", f"{first}99999992"]
    return [
        report(
            f"{name}{place}",
            [account(numbers[place % 2]), line(f"@{name}"), *([shared] if place == 0 else [])],
            minute=place,
        )
        for place in range(reports)
    ]


def test_misspelt_accounts_with_the_same_holder_join() -> None:
    run = Run()
    run.feed([report("1", [account("1234567890", holder="นายสมชาย พิทักษ์ไทย")])])
    run.feed([report("2", [account("1234567891", holder="สมชาย พิทักษ์ไทย")])])
    cluster = run.cluster_of(A)
    assert cluster["members"] == [A, B]
    assert cluster["edges"][0]["tier"] == "T1"
    assert any("same_holder_name" in reason for reason in cluster["edges"][0]["reasons"])


def test_look_alike_alone_is_a_relation() -> None:
    run = Run()
    run.feed([report("1", [account("1234567890")]), report("2", [account("1234567891")])])
    assert run.clusters() == {frozenset([A]), frozenset([B])}
    assert run.cluster_of(A)["relations"][0]["tier"] == "T2"


def test_given_name_alone_does_not_join_look_alikes() -> None:
    run = Run()
    run.feed([report("1", [account("1234567890", holder="Kamonwan J.")])])
    run.feed([report("2", [account("1234567891", holder="Kamonwan Jaidee")])])
    assert len(run.clusters()) == 2


def test_look_alikes_do_not_chain() -> None:
    # A common name: with a rare one all three would be one person's.
    holder = "ประเสริฐ ใจดี"
    run = Run()
    for place, number in enumerate(["1234567890", "1234567891", "1234567811"]):
        run.feed([report(str(place), [account(number, holder=holder)], minute=place)])
    # 1234567811 is the smallest key and so an anchor; 891 joins it and 890, no anchor, joins none.
    assert run.clusters() == {frozenset([A]), frozenset([B, "account:004:1234567811"])}


def test_amount_within_an_hour_joins_look_alikes() -> None:
    run = Run()
    run.feed([report("1", payments=[pay("1234567890", 123_456, NINE)])])
    later = "2026-11-20T09:59:00+07:00"
    run.feed([report("2", payments=[pay("1234567891", 123_456, later)])])
    assert run.clusters() == {frozenset([A, B])}


def test_a_number_without_its_bank_needs_evidence_and_one_bank() -> None:
    holder = "กมลวรรณ พิทักษ์ไทย"
    run = Run()
    run.feed([report("1", [account("1234567890", holder=holder)])])
    run.feed([report("2", [account("1234567890", bank=None, holder=holder)])])
    assert run.clusters() == {frozenset([A, "account:?:1234567890"])}
    run.feed([report("3", [account("1234567890", bank="014", holder=holder)])])
    assert len(run.clusters()) == 3


def test_the_same_victim_at_two_agencies_is_one_voice() -> None:
    run = Run()
    run.feed([report("1", [account("1234567890")], victim="ann")])
    run.feed([report("77", [account("1234567890")], victim="ann", source="etda1212")])
    level = run.levels()[A]
    assert (level.reports, level.voices, level.verified_voices) == (2, 1, 1)
    assert run.cluster_of(A)["voices"] == 1


def test_the_same_event_counts_once() -> None:
    run = Run()
    event = report("1", [account("1234567890")])
    run.feed([event])
    folded = run.feed([event, dict(reversed(event.items()))])
    assert folded.outputs == []
    assert folded.counts["duplicates", "clustering"] == 2


@pytest.mark.parametrize(
    ("changes", "level", "acting"),
    [
        ({"verified": False}, "light_brown", False),
        ({"verified": True}, "light_grey", True),
        ({"police_case": "CIB-1"}, "dark_grey", True),
        ({"verified": False, "police_case": "CIB-1"}, "light_brown", False),
        ({"source": "bank-fraud-desk"}, "dark_brown", False),
        ({"source": "amlo", "verified": False}, "black", True),
    ],
)
def test_levels(changes: dict[str, Any], level: str, acting: bool) -> None:
    run = Run()
    run.feed([report("1", [account("1234567890")], **changes)])
    said = run.levels()[A]
    assert (said.level, said.acting) == (level, acting)
    entry = run.newest("watchlist")[A]
    assert (entry["level"], entry["acting"]) == (level, acting)


def test_acting_counts_from_the_first_verified_report() -> None:
    run = Run()
    run.feed([report("1", [account("1234567890")], minute=1, verified=False)])
    run.feed([report("2", [account("1234567890")], minute=9)])
    run.feed([report("3", [account("1234567890")], minute=5)])
    assert run.newest("watchlist")[A]["since"] == "2026-11-20T03:05:00.000Z"


def test_withdrawal_ends_level_and_claims() -> None:
    run = Run()
    run.feed([report("1", payments=[pay("1234567890", 5_000, NINE)])])
    # A source that does not count revisions sends its withdrawal as revision 1 too.
    run.feed([report("1", kind="withdrawn")])
    assert run.levels()[A].level == "none"
    assert not run.levels()[A].acting
    assert run.clusters() == set()
    assert [claim.withdrawn for claim in run.claims().values()] == [True]
    assert run.fold.gauges() == {"clusters": 0.0, "reports": 0.0}


def test_correction_moves_a_claim() -> None:
    run = Run()
    run.feed([report("1", payments=[pay("1234567890", 5_000, NINE)])])
    payments = [pay("5556667770", 5_000, NINE)]
    run.feed([report("1", payments=payments, kind="corrected", revision=2)])
    run.feed([report("1", payments=[pay("1234567890", 5_000, NINE)])])
    standing = {account for (account, _), c in run.claims().items() if not c.withdrawn}
    assert standing == {"account:004:5556667770"}


def test_claims_come_before_levels_in_the_accounts_partition() -> None:
    run = Run(partitions=4)
    run.feed([report("1", payments=[pay("1234567890", 5_000, NINE, reference="R9")])])
    claim, level = run.log()
    assert isinstance(claim, Claim)
    assert (claim.account, claim.amount, claim.reference) == (A, 5_000, "R9")
    assert claim.claim_id == "aoc1441/1#0"
    assert level.account == A


def test_what_was_paid_in_as_cash_is_claimed_so_and_names_nobody() -> None:
    run = Run()
    payment = pay("1234567890", 5_000, NINE) | {"from": {"cash": True}}
    run.feed([report("1", payments=[payment])])
    (claim,) = run.claims().values()
    assert (claim.cash, claim.payer) == (True, None)
    assert run.clusters() == {frozenset([A])}


def test_report_corrects_itself_by_its_payment() -> None:
    run = Run()
    own = {"bank": "014", "account": "9998887770"}
    payment = pay("1234567890", 5_000, NINE) | {"from": own}
    run.feed(
        [
            report(
                "1",
                [account("1234567980"), account("9998887770", bank="014")],
                payments=[payment],
            )
        ]
    )
    assert run.clusters() == {frozenset([A])}


def test_promptpay_of_a_phone_is_the_phone() -> None:
    run = Run()
    run.feed([report("1", [{"kind": "promptpay", "proxy": "0066812345678"}])])
    run.feed([report("2", [phone("081-234-5678")])])
    assert run.clusters() == {frozenset(["phone:+66812345678", "promptpay:phone:+66812345678"])}


def test_public_number_joins_nothing_also_when_it_turns_one_late() -> None:
    run = Run(small_policy(hub=3))
    numbers = [f"{digit}000000001" for digit in range(2, 6)]
    for place, number in enumerate(numbers[:3]):
        run.feed([report(str(place), [account(number), phone("0811111111")])])
    assert len(run.clusters()) == 1
    run.feed([report("3", [account(numbers[3]), phone("0811111111")])])
    assert len(run.clusters()) == 5
    assert run.cluster_of("phone:+66811111111")["relations"]
    run.feed([report("3", kind="withdrawn", revision=2)])
    assert len(run.clusters()) == 1


def test_shared_phone_between_two_supported_rings_is_a_bridge() -> None:
    run = Run()
    shared = phone("0811111111")
    run.feed(ring("a", 21, shared))
    run.feed(ring("b", 53, shared))
    handles = ["handle:line:@a", "handle:line:@b"]
    ids = {run.cluster_of(handle)["cluster_id"] for handle in handles}
    assert len(ids) == 2
    cut = [r for h in handles for r in run.cluster_of(h)["relations"]]
    assert any("bridge" in relation["reasons"] for relation in cut)


def test_one_confused_report_is_a_bridge() -> None:
    run = Run()
    run.feed(ring("a", 21, phone("0811111111")))
    run.feed(ring("b", 53, phone("0822222222")))
    confused = ["2100000001", "2199999992", "5300000001", "5399999992"]
    run.feed([report("confused", [account(number) for number in confused])])
    ids = {run.cluster_of(f"handle:line:@{name}")["cluster_id"] for name in "ab"}
    assert len(ids) == 2


def test_three_voices_are_not_enough_for_a_bridge() -> None:
    run = Run()
    run.feed(ring("a", 21, phone("0811111111")))
    run.feed(ring("b", 53, phone("0811111111"), reports=3))
    assert len(run.clusters()) == 1


def test_merge_and_split_are_said() -> None:
    run = Run()
    run.feed([report("1", [account("1234567890")]), report("2", [line("@x")], minute=1)])
    run.feed([report("3", [account("1234567890"), line("@x")], minute=2)])
    kept, gone = cluster_id(A), cluster_id("handle:line:@x")
    merged = run.newest("clusters")[gone]
    assert merged["members"] == []
    assert merged["merged_into"] == kept
    assert run.newest("clusters")[kept]["members"] == [A, "handle:line:@x"]
    run.feed([report("3", kind="withdrawn", revision=2)])
    parts = run.newest("clusters")
    assert parts[kept]["members"] == [A]
    assert parts[gone]["members"] == ["handle:line:@x"]
    assert parts[gone]["split_from"] == kept


def test_size_limit_leaves_a_review_and_is_counted() -> None:
    run = Run(small_policy(cluster_limit=2))
    folded = run.feed([report("1", [account("1234567890"), line("@x"), phone("0811111111")])])
    assert folded.counts["limit_hits", "cluster_size"] > 0
    assert {c["review"] for c in run.newest("clusters").values()} == {"cluster_size"}


def test_platform_referral_follows_the_handles() -> None:
    run = Run()
    page = {"kind": "url", "url": "https://www.facebook.com/scam.page"}
    run.feed([report("1", [account("1234567890"), line("@x"), page], scam_type="job")])
    run.feed([report("2", [account("1234567890"), line("@x")], minute=1)])
    referrals = {r["platform"]: r for r in run.newest("platform-referrals").values()}
    assert set(referrals) == {"line", "facebook"}
    assert referrals["line"]["identifiers"] == ["handle:line:@x"]
    assert referrals["line"]["version"] == 1
    assert referrals["line"]["scam_types"] == ["job"]
    run.feed([report("1", kind="withdrawn", revision=2)])
    referrals = {r["platform"]: r for r in run.newest("platform-referrals").values()}
    assert referrals["facebook"]["identifiers"] == []


@pytest.mark.parametrize(
    ("event", "reason", "field"),
    [
        (b"not json", "not_json", ""),
        (report("1", [{"kind": "account", "number": "-"}]), "bad_identifier", "$.suspects[0]"),
        (
            report("1", [phone("0811111111")], text="บัตร 1-1017-00230-70-8"),
            "raw_national_id",
            "$.text",
        ),
        (
            report("1", [{"kind": "person", "name": "1101700230708"}]),
            "raw_national_id",
            "$.suspects[0]",
        ),
        (
            report("1", [{"kind": "promptpay", "proxy": "1101700230708"}]),
            "raw_national_id",
            "$.suspects[0]",
        ),
        (report("1", [account("1101700230708")]), "raw_national_id", "$.suspects[0]"),
        (
            report("1", payments=[pay("1234567890", 1, "2029-01-01T00:00:00Z")]),
            "bad_time",
            "$.payments[0].paid_at",
        ),
    ],
)
def test_what_cannot_be_taken_is_a_dead_letter(
    event: dict[str, Any] | bytes, reason: str, field: str
) -> None:
    run = Run()
    folded = run.feed([event])
    (output,) = folded.outputs
    assert output.topic == "reports-dead-letters"
    assert output.value == (event if isinstance(event, bytes) else orjson.dumps(event))
    headers = dict(output.headers)
    assert headers["dlq.reason"] == reason.encode()
    assert headers["dlq.field"] == field.encode()
    assert folded.counts["dead_letters", "reports", reason] == 1
    assert len(run.state._entries) == 0


def test_headers_hold_no_identifier() -> None:
    run = Run()
    folded = run.feed([report("1", [account("1234567890"), line("@x")])])
    for output in folded.outputs:
        for _, content in output.headers:
            assert b"1234567890" not in content
