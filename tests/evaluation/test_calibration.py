"""The calibration of the bits: links are judged by whose their ends are, and counted by bits."""

from __future__ import annotations

from evaluation.calibration import calibration_figures, kind_of_link, owners_of
from evaluation.runs import World
from pipeline.contracts.clusters import Edge
from pipeline.evaluation.truth import Innocents, TrueReport, TrueRing, Truth

MULE, SLIP, HONEST = "account:014:1112223330", "account:014:1112223331", "account:014:1112223332"
COURIER = "phone:+66811111111"


def test_a_slip_is_the_rings_that_was_meant_but_an_honest_account_and_a_courier_are_nobodys():
    truth = Truth(
        reports=[
            TrueReport(report="a/1", group="g1", ring="r1"),
            TrueReport(report="a/2", group="g2", ring="r2"),
        ],
        rings=[TrueRing(id="r1", accounts=[MULE])],
        innocents=Innocents(accounts=[HONEST]),
    )
    told = {"a/1": (MULE, SLIP, HONEST, COURIER), "a/2": (COURIER,)}
    owners = owners_of(truth, told)
    assert owners[MULE] == owners[SLIP] == {"r1"}
    assert owners[HONEST] == {HONEST}
    assert owners[COURIER] == {COURIER}


def test_a_links_kind_is_what_its_ends_are_or_which_fields_agree():
    together = Edge(MULE, COURIER, "T0", 8.0, ["named together in 1 report by 1 voice"], 1)
    alike = Edge(MULE, SLIP, "T1", 27.0, ["one_edit", "same_holder_name:+19.0", "bridge"])
    assert kind_of_link(together) == "named together: account and phone"
    assert kind_of_link(alike) == "one_edit, same_holder_name"


def test_each_link_is_counted_once_by_bits_and_more_bits_are_right_more_often():
    figures = calibration_figures([World(11, 160, "default")])
    links = sum(row["links"] for row in figures["bits"].values())
    assert links > 50
    assert all(row["right"] <= row["links"] for row in figures["bits"].values())
    weak = [row for low, row in figures["bits"].items() if int(low) < 8]
    strong = [row for low, row in figures["bits"].items() if int(low) >= 12]

    def share(rows):
        return sum(row["right"] for row in rows) / sum(row["links"] for row in rows)

    assert share(strong) > share(weak)
