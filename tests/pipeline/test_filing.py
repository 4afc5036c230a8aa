"""Which cluster a report belongs to that names identifiers of several."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
from hypothesis import given
from hypothesis import strategies as st

from pipeline.contracts.clusters import Cluster, FiledReport, cluster_id, encode_said
from pipeline.contracts.reports import ScamType
from pipeline.filing import Places, with_all_reports
from pipeline.topics import CLUSTERS, FILED_REPORTS
from tests.pipeline.clustering.scenarios import Run, line, newest, report
from tests.pipeline.clustering.test_contact_cuts import MINE, THEIRS, victims

ACCOUNT, PROMPTPAY, PHONE = "account:004:1", "promptpay:phone:+661", "phone:+661"
LINE, PAGE, COURIER = "handle:line:a", "url:b.example", "phone:+662"


def cluster(*members: str, public: bool = False, **told: int) -> Cluster:
    return Cluster(
        cluster_id=cluster_id(members[0]),
        version=1,
        anchor=members[0],
        members=sorted(members),
        reports=[],
        report_count=0,
        voices=1,
        edges=[],
        relations=[],
        scam_tellings=told,
        public=public,
    )


def filed(*identifiers: str, scam: str = "other", key: str = "aoc/1") -> FiledReport:
    return FiledReport(
        report=key,
        version=1,
        received_at="2026-11-20T03:00:00.000Z",
        identifier=identifiers[0] if identifiers else None,
        cluster_id=None,
        cluster_version=0,
        identifiers=list(identifiers),
        scam_type=scam if identifiers else None,
    )


def anchor_of(report: FiledReport, *clusters: Cluster) -> str | None:
    found = Places(clusters).of(report)
    return found.anchor if found is not None else None


def test_a_report_belongs_where_most_of_what_it_names_is() -> None:
    mine, theirs = cluster(ACCOUNT, "account:004:9"), cluster(LINE, PAGE)
    assert anchor_of(filed(ACCOUNT, LINE, PAGE), mine, theirs) == LINE
    assert anchor_of(filed(ACCOUNT, LINE), mine, theirs) == ACCOUNT
    assert anchor_of(filed(ACCOUNT), mine, theirs) == ACCOUNT


def test_of_two_that_hold_as_much_it_belongs_to_the_one_that_is_told_of_with_its_scam() -> None:
    mine, theirs = cluster(ACCOUNT, "account:004:9", job=7, loan=2), cluster(LINE, PAGE, loan=5)
    told = filed(ACCOUNT, LINE, scam="loan")
    assert anchor_of(told, mine, theirs) == LINE
    assert anchor_of(filed(ACCOUNT, LINE, scam="job"), mine, theirs) == ACCOUNT
    assert anchor_of(filed(ACCOUNT, LINE, scam="purchase"), mine, theirs) == ACCOUNT
    # Half of what is told of it is enough, and what nobody knows the name of is not told.
    assert anchor_of(told, cluster(ACCOUNT, "account:004:9", job=2, loan=2), theirs) == ACCOUNT
    assert anchor_of(told, mine, cluster(LINE, PAGE, loan=1, job=1, other=9)) == LINE


def test_that_nobody_knows_which_scam_it_is_says_nothing() -> None:
    mine, theirs = cluster(ACCOUNT, "account:004:9", job=7), cluster(LINE, PAGE, other=5)
    assert anchor_of(filed(ACCOUNT, LINE, scam="other"), mine, theirs) == ACCOUNT


def test_more_of_what_it_names_says_more_than_its_scam() -> None:
    mine, theirs = cluster(ACCOUNT, "account:004:9", job=7), cluster(LINE, PAGE, loan=5)
    assert anchor_of(filed(ACCOUNT, LINE, PAGE, scam="job"), mine, theirs) == LINE


def test_a_lone_identifier_has_only_the_reports_that_are_filed_under_it() -> None:
    courier = cluster(COURIER, loan=9)
    mine = cluster(ACCOUNT, "account:004:9", job=7)
    assert anchor_of(filed(ACCOUNT, COURIER, scam="loan"), mine, courier) == ACCOUNT
    assert anchor_of(filed(COURIER), mine, courier) == COURIER
    alone = cluster(ACCOUNT)
    assert anchor_of(filed(ACCOUNT, LINE, PAGE), alone, cluster(LINE, PAGE)) == LINE


def test_what_is_everybodys_has_no_reports() -> None:
    courier = cluster(COURIER, public=True)
    assert anchor_of(filed(COURIER), courier) is None
    assert anchor_of(filed(COURIER, PAGE), courier, cluster(PAGE)) == PAGE
    assert anchor_of(filed(COURIER, PAGE, LINE), courier, cluster(PAGE), cluster(LINE)) == PAGE
    assert Places([courier]).first_named(filed(COURIER)) == COURIER


def test_a_promptpay_key_and_its_phone_are_one() -> None:
    theirs = cluster(PROMPTPAY, PHONE)
    assert anchor_of(filed(ACCOUNT, PROMPTPAY, PHONE), cluster(ACCOUNT, LINE), theirs) == ACCOUNT
    assert anchor_of(filed(ACCOUNT, PROMPTPAY, PHONE), cluster(ACCOUNT), theirs) == ACCOUNT


def test_what_says_nothing_any_more_belongs_nowhere() -> None:
    assert anchor_of(filed(), cluster(ACCOUNT, LINE)) is None
    assert anchor_of(filed(PAGE, ACCOUNT), cluster(ACCOUNT, LINE)) is None


def test_a_report_stands_for_the_first_that_it_names_of_its_cluster() -> None:
    places = Places([cluster(ACCOUNT, "account:004:9"), cluster(LINE, PAGE)])
    assert places.first_named(filed(ACCOUNT, PAGE, LINE)) == PAGE
    assert places.first_named(filed(ACCOUNT, LINE)) == ACCOUNT
    assert places.first_named(filed()) is None


def test_what_was_said_before_reports_told_all_that_they_name_belongs_where_it_is_filed() -> None:
    before = msgspec.structs.replace(filed(ACCOUNT, LINE, PAGE), identifiers=[], scam_type=None)
    assert anchor_of(before, cluster(ACCOUNT), cluster(LINE, PAGE)) == ACCOUNT


MEMBERS = [ACCOUNT, PROMPTPAY, PHONE, LINE, PAGE, COURIER]
SCAMS = [scam.value for scam in list(ScamType)[-3:]]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Cluster], list[FiledReport]]:
    place = {member: draw(st.integers(0, 3)) for member in MEMBERS}
    clusters = [
        cluster(
            *members,
            public=len(members) == 1 and draw(st.booleans()),
            **draw(st.dictionaries(st.sampled_from(SCAMS), st.integers(1, 3))),
        )
        for at in range(3)
        if (members := [member for member in MEMBERS if place[member] == at])
    ]
    named = st.lists(st.sampled_from(MEMBERS), unique=True, max_size=5)
    tellings = draw(st.lists(st.tuples(named, st.sampled_from(SCAMS)), max_size=6))
    reports = [
        filed(*identifiers, scam=scam, key=f"aoc/{n}")
        for n, (identifiers, scam) in enumerate(tellings)
    ]
    return clusters, reports


def naive_place(report: FiledReport, clusters: list[Cluster]) -> str | None:
    """The rule, step by step."""
    home = [c for c in clusters if report.identifier in c.members]
    if not home:
        return None
    counted = [k for k in report.identifiers if f"promptpay:{k}" not in report.identifiers]
    first = {
        c.cluster_id: min([counted.index(k) for k in counted if k in c.members], default=99)
        for c in clusters
    }
    draws = {c.cluster_id: c in home or home[0].public or len(c.members) > 1 for c in clusters}
    places = [
        c
        for c in clusters
        if not c.public
        and (c in home or (draws[c.cluster_id] and any(k in c.members for k in counted)))
    ]
    if not places:
        return None

    def held(c: Cluster) -> int:
        return sum(key in c.members for key in counted)

    def fits(c: Cluster) -> bool:
        known = {scam: n for scam, n in c.scam_tellings.items() if scam != "other"}
        its = known.get(report.scam_type or "", 0)
        return its > 0 and its >= sum(known.values()) / 2

    most = [c for c in places if held(c) == max(map(held, places))]
    best = [c for c in most if fits(c)] or most
    chosen = [c for c in best if c in home] or sorted(best, key=lambda c: first[c.cluster_id])
    return chosen[0].cluster_id


@given(worlds())
def test_it_belongs_where_the_rule_read_step_by_step_says(
    world: tuple[list[Cluster], list[FiledReport]],
) -> None:
    clusters, reports = world
    places = Places(clusters)
    for each in reports:
        found = places.of(each)
        expected = naive_place(each, clusters)
        assert (found.cluster_id if found is not None else None) == expected


@given(worlds())
def test_every_living_report_is_listed_in_the_one_cluster_that_it_belongs_to(
    world: tuple[list[Cluster], list[FiledReport]],
) -> None:
    clusters, reports = world
    listed: dict[str, str] = {}
    for value in with_all_reports(map(encode_said, clusters), map(encode_said, reports)):
        whole = orjson.loads(value)
        assert whole["report_count"] == len(whole["reports"])
        assert whole["reports"] == sorted(whole["reports"])
        for key in whole["reports"]:
            assert key not in listed
            listed[key] = whole["cluster_id"]
    expected = {each.report: naive_place(each, clusters) for each in reports}
    assert listed == {key: place for key, place in expected.items() if place is not None}


def test_a_victim_who_names_the_shared_account_belongs_to_the_ring_whose_contacts_it_names() -> (
    None
):
    """Filed under the account, which stays with one ring, are the reports of both."""
    told: list[dict[str, Any]] = [*victims("mine", MINE, 14), *victims("theirs", THEIRS)]
    run = Run()
    run.feed(told)
    belongs: dict[str, set[str]] = {}
    for value in with_all_reports(newest(run, CLUSTERS), newest(run, FILED_REPORTS)):
        whole = orjson.loads(value)
        belongs[whole["cluster_id"]] = {key.split("/")[1] for key in whole["reports"]}
    everybody = [
        {event["report_id"] for event in told if event["report_id"].startswith(ring)}
        for ring in ("mine", "theirs")
    ]
    assert sorted(belongs.values(), key=len) == sorted(everybody, key=len)


def test_who_names_nothing_but_a_name_that_everybody_bears_belongs_to_nobody() -> None:
    page = {"kind": "handle", "platform": "facebook", "handle": "admin"}
    run = Run()
    run.feed([report("1", [page]), report("2", [page]), report("3", [page, line("@a")])])
    wholes = [
        orjson.loads(value)
        for value in with_all_reports(newest(run, CLUSTERS), newest(run, FILED_REPORTS))
    ]
    found = {whole["anchor"]: (whole["public"], whole["reports"]) for whole in wholes}
    assert found == {
        "handle:facebook:admin": (True, []),
        "handle:line:@a": (False, ["aoc1441/3"]),
    }
