"""The parts of `make evaluate` on data whose answer one can see."""

import json
from pathlib import Path

import orjson
import pytest

from evaluation import febrl, neighbours
from evaluation.baselines import exact_account, exact_identifiers, one_edit_account
from evaluation.report import headline, write_readme
from evaluation.runs import World, clustered, in_order, lines, orders_agree, replayed, truth_of
from pipeline.contracts.reports import decode_report
from pipeline.evaluation.found import gather
from pipeline.evaluation.told import newest_reports
from pipeline.policy.policy import load_policy

REPORT = Path(__file__).parents[2] / "evaluation"
ROW = {
    "rec_id": "rec-17-dup-0",
    "given_name": "mitchell",
    "surname": "green",
    "street_number": "7",
    "address_1": "wallaby place",
    "address_2": "",
    "suburb": "cleveland",
    "postcode": "2119",
    "state": "sa",
    "date_of_birth": "19560409",
    "soc_sec_id": "1804974",
}


@pytest.fixture(scope="module")
def scenario():
    return World(3, 60, "default").scenario()


def event(number: int, account: str, *more: dict[str, str]) -> bytes:
    content = {
        "source": "s",
        "report_id": str(number),
        "kind": "submitted",
        "received_at": "2026-11-02T08:00:00Z",
        "suspects": [{"kind": "account", "number": account, "bank": "004"}, *more],
    }
    return orjson.dumps(content)


def test_clusters_are_the_same_with_and_without_payments(scenario):
    found, _, _ = replayed(scenario)
    alone = gather(clustered(lines(scenario.reports))[0], [])
    assert found.group_of == alone.group_of
    assert set(found.group_of) <= {r.report for r in truth_of(scenario).reports}


def test_the_orders_are_orders_of_the_same_reports_and_agree(scenario):
    reports = lines(scenario.reports)
    orders = [in_order(reports, name) for name in ("received", "reversed", "shuffled")]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(orders[2])
    assert orders[0] != orders[1] != orders[2]
    assert orders_agree(reports)


def test_simple_matchers_join_what_they_promise():
    phone = {"kind": "phone", "number": "0812345678"}
    told = newest_reports(
        [
            event(1, "1234567890"),
            event(2, "1234567890", phone),
            event(3, "1234567891"),
            event(4, "5555555555", phone),
        ],
        load_policy(),
    )

    def groups(found):
        sets = {}
        for report, group in found.items():
            sets.setdefault(group, set()).add(report[-1])
        return {frozenset(each) for each in sets.values()}

    assert groups(exact_account(told)) == {frozenset("12"), frozenset("3"), frozenset("4")}
    assert groups(exact_identifiers(told)) == {frozenset("124"), frozenset("3")}
    assert groups(one_edit_account(told)) == {frozenset("123"), frozenset("4")}


def test_a_record_of_febrl_becomes_a_report_with_its_attributes_or_without():
    whole = febrl.report(ROW, 0, all_fields=True)
    decode_report(orjson.dumps(whole))
    account, person = whole["suspects"]
    assert (account["number"], account["holder"]) == ("1804974", "mitchell green")
    assert person["birth_date"] == "19560409"
    assert person["address"] == "7 wallaby place cleveland 2119 sa"
    assert febrl.report(ROW, 0, all_fields=False)["suspects"] == [account]


def test_a_neighbour_is_an_innocents_number_one_digit_from_the_mules():
    few = neighbours.measure(8)
    assert few.mules == few.innocents == few.mules_held == 8
    assert few.reached["payment"] == 1


def test_rows_come_by_number_and_figures_of_several_parts_in_a_row_each(tmp_path):
    results = json.loads((REPORT / "report.json").read_text(encoding="utf-8"))
    page = tmp_path / "README.md"
    page.write_text("", encoding="utf-8")
    write_readme(page, results)
    written = page.read_text(encoding="utf-8")
    _, _, bits = written.partition("| bits from |")
    rows = [line.split("|")[1] for line in bits.partition("\n\n")[0].splitlines()[2:]]
    assert [int(row) for row in rows] == sorted(int(low) for low in results["calibration"]["bits"])
    assert "{" not in written
    assert "| neighbours reached (phone) | 1.0 |" in written


def test_the_report_is_written_from_its_figures_and_keeps_what_people_wrote(tmp_path):
    results = json.loads((REPORT / "report.json").read_text(encoding="utf-8"))
    page = tmp_path / "README.md"
    page.write_text((REPORT / "README.md").read_text(encoding="utf-8"), encoding="utf-8")
    write_readme(page, results)
    assert page.read_text(encoding="utf-8") == (REPORT / "README.md").read_text(encoding="utf-8")
    line = headline(results)
    assert line["orders_equal"] is True
    assert 0 < line["febrl3_f1"] <= 1
    assert 0 < line["worlds_f1"] <= 1
