"""Explaining an identifier or a pair: the evidence in bits, the rule, what would change it."""

from __future__ import annotations

import msgspec
import orjson
from rich.console import Console
from rich.tree import Tree

from agents.cli.explain_identifier import Known, tree_of_identifier, tree_of_pair, way_between
from pipeline.contracts.clusters import Cluster, WatchlistEntry
from tests.pipeline.clustering.scenarios import Run, account, decision, line, phone, report

MULE, SLIP, SHOP = "account:004:1234567890", "account:004:1234567891", "account:004:5556667770"
PHONE = "phone:+66811111111"
HOLDER = "กมลวรรณ พิทักษ์ไทย"


def known(run: Run) -> Known:
    clusters = [msgspec.convert(c, Cluster) for c in run.newest("clusters").values()]
    entries = run.newest("watchlist").items()
    return Known(clusters, {key: msgspec.convert(e, WatchlistEntry) for key, e in entries})


def text(tree: Tree) -> str:
    terminal = Console(width=200)
    with terminal.capture() as captured:
        terminal.print(tree)
    return captured.get()


def test_an_account_is_explained_by_the_bits_that_join_it() -> None:
    run = Run()
    run.feed([report("1", [account("1234567890", holder=HOLDER)])])
    run.feed([report("2", [account("1234567891", holder=HOLDER)])])
    told = text(tree_of_identifier(known(run), SLIP))
    assert "level light grey: 1 reports, 1 voices that count" in told
    assert "+19.0  same holder name  (so far 19.0)" in told
    assert "+2.0  same bank  (so far 21.0)" in told
    assert "23.5  bits in all" in told


def test_a_pair_that_is_joined_by_way_of_others_shows_each_step() -> None:
    run = Run()
    run.feed([report("1", [account("1234567890"), phone("0811111111")])])
    run.feed([report("2", [account("5556667770"), phone("0811111111")])])
    told = text(tree_of_pair(known(run), MULE, SHOP))
    assert "by 2 step(s)" in told
    assert "account and phone in one report  (so far 8.5)" in told
    assert "The weakest step has 8.5 bits" in told
    (cluster,) = known(run).clusters
    assert [{e.a, e.b} for e in way_between(cluster.edges, MULE, SHOP)] == [
        {MULE, PHONE},
        {SHOP, PHONE},
    ]


def test_a_look_alike_says_how_many_bits_are_missing() -> None:
    run = Run()
    run.feed([report("1", [account("1234567890")]), report("2", [account("1234567891")])])
    told = text(tree_of_pair(known(run), MULE, SLIP))
    assert "not in one cluster" in told
    assert "10.0 bits are missing" in told


def test_what_an_analyst_parted_says_who_did_it() -> None:
    run = Run()
    run.feed([report("1", [account("1234567890"), line("@quick")])])
    run.feed([decision("d", "not_same", MULE, "handle:line:@quick")])
    told = text(tree_of_pair(known(run), MULE, "handle:line:@quick"))
    assert "an analyst said that they are not the same" in told


def test_two_that_nothing_ties_say_so() -> None:
    run = Run()
    run.feed([report("1", [account("1234567890")]), report("2", [account("5556667770")])])
    told = text(tree_of_pair(known(run), MULE, SHOP))
    assert "nothing that reports say of both ties them" in told
    assert orjson.dumps(told)


def test_what_nobody_names_says_so() -> None:
    assert "no live report names it" in text(tree_of_identifier(Known(), MULE))
