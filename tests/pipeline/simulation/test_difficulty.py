"""The levels differ in what they promise, and the truth says what evidence can reach."""

import random
from collections import Counter, defaultdict

import orjson
import pytest

from pipeline.contracts.reports import decode_report
from pipeline.contracts.transactions import decode_transaction
from pipeline.simulation.campaign import plan_victims
from pipeline.simulation.difficulty import LEVELS, level
from pipeline.simulation.rings import build_rings
from pipeline.simulation.scenario import simulate
from pipeline.simulation.world import build_world

HARDER = ("misspelt_account", "bank_missing", "own_account", "recycled_phone")


@pytest.fixture(scope="module")
def worlds(start):
    return {
        name: simulate(11, rings=20, reports=500, payments=3_000, difficulty=name, start=start)
        for name in LEVELS
    }


def _count(world, difficulty):
    return len(world.truth["difficulties"].get(difficulty, ()))


@pytest.mark.parametrize("difficulty", HARDER)
def test_each_level_is_harder_than_the_one_before(worlds, difficulty):
    easy, default, hard = (_count(worlds[name], difficulty) for name in ("easy", "default", "hard"))
    assert easy <= default <= hard
    assert easy < hard


@pytest.mark.parametrize(
    "difficulty", ["bank_wrong", "misspelt_handle", "misspelt_phone", "misspelt_twice"]
)
def test_some_errors_are_at_no_easy_level(worlds, difficulty):
    assert _count(worlds["easy"], difficulty) == 0
    assert _count(worlds["hard"], difficulty) > 0


@pytest.mark.parametrize("name", LEVELS)
def test_every_event_of_every_level_is_valid(worlds, name):
    for event in worlds[name].reports:
        decode_report(orjson.dumps(event))
    for event in worlds[name].transactions:
        decode_transaction(orjson.dumps(event))
    assert len(worlds[name].truth["reports"]) == 500


def test_running_numbers_put_innocents_one_digit_from_mules(worlds):
    def beside(world):
        """Mule accounts with an honest customer's number one substituted digit away."""
        mules = {a for ring in world.truth["rings"] for a in ring["accounts"]}
        planted = {p["account"] for p in world.truth["innocents"]["look_alikes"]}
        near = defaultdict(set)
        for account in set(world.truth["innocents"]["accounts"]) - planted:
            for at in range(len(account)):
                near[account[:at] + "_" + account[at + 1 :]].add(account)
        return sum(any(near.get(m[:at] + "_" + m[at + 1 :]) for at in range(len(m))) for m in mules)

    assert beside(worlds["hard"]) > 10
    assert beside(worlds["easy"]) == 0


def test_a_victim_is_talked_to_by_one_team_and_pays_into_the_rings_accounts(start):
    rng = random.Random(5)
    world = build_world(rng, 500, level("teams"))
    rings = build_rings(rng, world, 30, int(start.timestamp()) * 1000, 24)
    victims = plan_victims(rng, world, rings, 1_200)
    of_teams = [victim for victim in victims if victim.ring.teams]
    assert len({len(victim.ring.teams) for victim in of_teams}) == 3
    assert len(of_teams) < len(victims)
    payees = defaultdict(set)
    for victim in of_teams:
        (team,) = (team for team in victim.ring.teams if team.page == victim.page)
        assert victim.phone in [*team.phones, *victim.ring.passed_phones]
        assert victim.handle in team.handles
        payees[victim.mule].add(team)
    assert max(map(len, payees.values())) == 4


def test_a_brigade_is_a_burst_of_unverified_reports_against_one_shop(worlds):
    world = worlds["hard"]
    told = {}
    for event in world.reports:
        report = decode_report(orjson.dumps(event))
        told.setdefault(report.key, report)
    brigades = defaultdict(list)
    for truth in world.truth["reports"]:
        if truth["role"] == "brigade":
            assert truth["ring"] is None
            brigades[truth["accounts"][0]].append(told[truth["report"]])
    assert brigades
    for account, reports in brigades.items():
        assert account in world.truth["innocents"]["shops"]
        assert len(reports) >= 5
        assert {r.reporter.verified_by for r in reports} == {"none"}
        times = [r.received_at for r in reports]
        assert (max(times) - min(times)).total_seconds() < 6 * 3600
        assert len({r.reporter.person for r in reports} - {None}) <= 4


def test_a_group_is_reports_of_one_ring_and_no_withdrawn_one(worlds):
    for world in worlds.values():
        rings = defaultdict(set)
        for report in world.truth["reports"]:
            assert report["withdrawn"] == (report["group"] is None)
            if report["group"] is not None:
                rings[report["group"]].add(report["ring"])
        assert all(len(each) == 1 for each in rings.values())


def test_most_of_a_ring_can_be_reached(worlds):
    """The rest are reports that name nothing of the ring that anybody else names."""
    for world in worlds.values():
        sizes = defaultdict(Counter)
        for report in world.truth["reports"]:
            if report["ring"] is not None and report["group"] is not None:
                sizes[report["ring"]][report["group"]] += 1
        whole = sum(groups.total() for groups in sizes.values())
        assert sum(max(groups.values()) for groups in sizes.values()) > 0.85 * whole


def test_reports_in_one_group_that_name_an_account_share_it_or_a_chain(worlds):
    world = worlds["default"]
    by_account = defaultdict(set)
    for report in world.truth["reports"]:
        if report["role"] == "victim" and report["group"] is not None:
            for account in report["named"]:
                by_account[report["ring"], account].add(report["group"])
    assert by_account
    assert all(len(groups) == 1 for groups in by_account.values())


def test_an_unknown_difficulty_is_refused(start):
    with pytest.raises(ValueError, match="easy, default, hard"):
        simulate(1, difficulty="impossible", start=start)
