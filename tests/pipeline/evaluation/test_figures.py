"""Figures, worst cases and causes of small runs whose answer one can see."""

from typing import Any

import msgspec
import pytest

from pipeline.contracts.alerts import AlertKind, FreezeAlert, alert_id
from pipeline.contracts.clusters import Cluster, Edge
from pipeline.contracts.codec import encode_json, rfc3339
from pipeline.evaluation.figures import figures_of
from pipeline.evaluation.found import gather
from pipeline.evaluation.truth import Innocents, TrueReport, TrueRing, Truth
from pipeline.evaluation.worst import lost_by_difficulty, worst_cases

NINE = 1_790_000_000_000
MULE, SECOND, SHOP = "account:004:1111111111", "account:014:2222222222", "account:002:3333333333"


def report(key: str, ring: str | None, account: str, **more: Any) -> TrueReport:
    fields = {"group": f"{ring} first", "received_at": NINE, "accounts": [account]}
    return TrueReport(report=key, ring=ring, **{"named": [account], **fields, **more})


TRUTH = Truth(
    reports=[
        report("a/1", "ring-1", MULE),
        report("a/2", "ring-1", MULE, difficulties=["misspelt_account"]),
        report("a/3", "ring-2", SECOND),
        report("a/4", None, SHOP, role="malicious", group="accused a/4"),
        report("a/5", "ring-1", MULE, withdrawn=True),
    ],
    rings=[
        TrueRing(id="ring-1", accounts=[MULE], identifiers=[MULE, "phone:+66811111111"]),
        TrueRing(id="ring-2", accounts=[SECOND], identifiers=[SECOND]),
    ],
    innocents=Innocents(accounts=[SHOP]),
)


def cluster(name: str, members: list[str], reports: list[str], **more: Any) -> bytes:
    fields = {"edges": [], "relations": [], **more}
    return encode_json(
        Cluster(
            cluster_id=name,
            version=1,
            anchor=members[0],
            members=members,
            reports=reports,
            report_count=len(reports),
            voices=len(reports),
            **fields,
        )
    )


def alert(account: str, kind: AlertKind, satang: int = 0, **more: Any) -> bytes:
    fields = {"version": 1, "at": NINE, "origin": "x", **more}
    about = AlertKind.HOLD if kind is AlertKind.RELEASE else kind
    at = fields.pop("at")
    return encode_json(
        FreezeAlert(
            alert_id=alert_id(about, account, fields["origin"]),
            kind=kind,
            bank="004",
            account=account,
            amount_satang=satang,
            disputed_satang=satang,
            balance_known=True,
            level="light_grey",
            reason_en="Because.",
            reason_th="เพราะ",
            evidence=[],
            cluster_id="c",
            cluster_version=1,
            policy_version="p",
            caused_by="r",
            caused_at=rfc3339(at),
            **fields,
        )
    )


PERFECT = [
    cluster("c1", [MULE], ["a/1", "a/2"]),
    cluster("c2", [SECOND], ["a/3"]),
    cluster("c3", [SHOP], ["a/4"]),
]
RIGHT_HOLDS = [alert(MULE, AlertKind.HOLD, 500), alert(SECOND, AlertKind.WATCH)]


def test_a_perfect_run_has_perfect_figures_and_no_worst_case():
    found = gather(PERFECT, RIGHT_HOLDS)
    figures = figures_of(TRUTH, found)
    for grouping in (figures.clusters, figures.whole_rings):
        assert all(value.value == 1 for value in msgspec.structs.astuple(grouping))
    assert figures.hold_precision.value == figures.mule_recall.value == 1
    assert figures.innocent_hold_rate.value == figures.accounts_wrongly_inside == 0
    assert figures.hold_recall.value == 0.5  # the second mule is watched, not held
    assert figures.largest_wrong_cluster == 0
    assert worst_cases(TRUTH, found) == []


def test_a_withdrawn_report_neither_helps_nor_harms():
    with_it = [cluster("c1", [MULE], ["a/1", "a/2", "a/5"]), *PERFECT[1:]]
    assert figures_of(TRUTH, gather(with_it, RIGHT_HOLDS)) == figures_of(
        TRUTH, gather(PERFECT, RIGHT_HOLDS)
    )


def test_two_rings_and_a_shop_in_one_cluster_are_told_with_the_edge_that_joined_them():
    tie = Edge(MULE, SHOP, "T1", 35.0, ["one_edit", "same_holder_name:+19.0"])
    mixed = cluster("c1", [MULE, SECOND, SHOP], ["a/1", "a/2", "a/3", "a/4"], edges=[tie])
    found = gather([mixed], RIGHT_HOLDS)
    figures = figures_of(TRUTH, found)
    assert figures.largest_wrong_cluster == 4
    assert figures.most_strangers == 2
    assert figures.accounts_wrongly_inside == 2
    assert figures.clusters.pairwise_precision.value == pytest.approx(1 / 6, abs=1e-5)
    (case,) = worst_cases(TRUTH, found)
    assert case.kind == "mixed_cluster"
    assert case.harm == 2
    assert any("same_holder_name" in line for line in case.why)


def test_a_cluster_that_holds_nothing_has_nobody_wrongly_inside():
    mixed = cluster("c1", [MULE, SHOP], ["a/1", "a/2", "a/4"])
    assert figures_of(TRUTH, gather([mixed, PERFECT[1]], [])).accounts_wrongly_inside == 0


def test_a_torn_group_and_its_difficulty_are_named():
    torn = [cluster("c1", [MULE], ["a/1"]), cluster("c4", ["phone:+66811111111"], ["a/2"])]
    found = gather([*torn, *PERFECT[1:]], RIGHT_HOLDS)
    (case,) = worst_cases(TRUTH, found)
    assert (case.kind, case.harm) == ("torn_group", 1)
    assert lost_by_difficulty(TRUTH, found) == {"any": (2, 1), "misspelt_account": (1, 1)}


def test_a_hold_at_an_innocents_account_counts_also_after_its_release():
    alerts = [
        *RIGHT_HOLDS,
        alert(SHOP, AlertKind.HOLD, 1_500),
        alert(SHOP, AlertKind.RELEASE, 0, version=2, releases=AlertKind.HOLD),
    ]
    found = gather(PERFECT, alerts)
    figures = figures_of(TRUTH, found)
    assert figures.accounts_held == 2
    assert figures.innocent_hold_rate.value == figures.honest_hold_rate.value == 0.5
    assert figures.innocent_satang_rate.value == 0.75
    assert figures.innocents_held_at_end == 0
    (case,) = worst_cases(TRUTH, found)
    assert (case.kind, case.harm) == ("innocent_held", 1_500)


def test_money_of_a_hold_that_another_took_over_counts_once():
    taken_over = [
        alert(MULE, AlertKind.HOLD, 700, origin="report/a/1#1"),
        alert(MULE, AlertKind.HOLD, 700, origin="uetr/1"),
        alert(MULE, AlertKind.RELEASE, 0, origin="report/a/1#1", version=2, superseded_by="u"),
    ]
    assert gather(PERFECT, taken_over).held_ever() == {MULE: 700}


def test_a_number_of_nobody_is_no_honest_customer():
    figures = figures_of(TRUTH, gather(PERFECT, [alert("account:004:9", AlertKind.HOLD, 10)]))
    assert figures.innocent_hold_rate.value == 1
    assert figures.honest_hold_rate.value == 0


def test_an_honest_dispute_is_counted_apart():
    mistaken = report("a/6", None, SHOP, role="mistaken", withdrawn=True)
    truth = msgspec.structs.replace(TRUTH, reports=[*TRUTH.reports, mistaken])
    figures = figures_of(truth, gather(PERFECT, [alert(SHOP, AlertKind.HOLD, 10)]))
    assert figures.disputed_holds == 1
    assert figures.innocent_hold_rate.value == 0
    assert figures.innocents_held_at_end == 1


def test_a_mule_without_an_alert_is_missed_and_time_is_the_events():
    alerts = [alert(MULE, AlertKind.WATCH), alert(MULE, AlertKind.HOLD, 5, at=NINE + 30_000)]
    found = gather(PERFECT, alerts)
    figures = figures_of(TRUTH, found)
    assert figures.mule_recall.value == 0.5
    assert figures.report_to_alert_median_s.value == 0
    assert figures.report_to_hold_median_s.value == 30
    (case,) = worst_cases(TRUTH, found)
    assert case.kind == "missed_mule"
    assert SECOND in case.what


def test_older_versions_that_come_late_change_nothing():
    in_order = [alert(MULE, AlertKind.HOLD, 5), alert(MULE, AlertKind.HOLD, 9, version=2)]
    found = gather(PERFECT, in_order)
    again = gather(PERFECT, [*reversed(in_order), *in_order])
    assert (found.newest, found.asked) == (again.newest, again.asked)
    assert found.held_now() == {MULE: 9}
