"""``freezeline blocking`` counts the pairs of each rule, on reports as partners send them."""

from __future__ import annotations

import json
from pathlib import Path

import orjson

from tests.agents_cli.running import freezeline
from tests.pipeline.clustering.scenarios import account, phone, report, somebody

NAME, BORN, HOME = "กมลวรรณ พิทักษ์ไทย", "1990-03-14", "99/1 บางนา กรุงเทพ 10260"


def written(folder: Path) -> Path:
    person = somebody(NAME, BORN, HOME)
    told = [
        report("1", [account("1112223330", holder=NAME), person, phone("0811111111")]),
        report("2", [account("1112223331", holder=NAME), phone("0811111111")]),
        report("3", [account("9876543210", "004", NAME), person]),
        report("4", [account("1112223330", None), phone("0811111111")]),
        report("5", [phone("0811111111")]),
        report("5", kind="withdrawn", revision=2),
    ]
    file = folder / "reports.jsonl"
    file.write_bytes(b"\n".join([*map(orjson.dumps, told), b"not json", b""]))
    return file


def test_each_rule_says_how_many_pairs_it_makes(tmp_path: Path) -> None:
    ran = freezeline("blocking", "--reports", str(written(tmp_path)), "--json")
    assert ran.exit_code == 0, ran.err
    told = json.loads(ran.out)
    assert (told["reports"], told["refused"]) == (4, 1)
    pairs = {rule["rule"]: rule["pairs"] for rule in told["rules"]}
    assert pairs["the same phone"] == 3
    assert pairs["account numbers of one bank within one edit"] == 1
    assert pairs["an account number once without its bank"] == 1
    # One block for the whole name and one for each consonant left out.
    assert pairs["holder's name within one edit of its consonants, one bank"] > 1
    assert pairs["holder's date of birth, and a name or a number of the address"] > 0


def test_the_table_ends_with_what_comparing_all_would_cost(tmp_path: Path) -> None:
    ran = freezeline("blocking", "--reports", str(written(tmp_path)))
    assert "4 reports, 6 pairs if all were compared; 1 lines are no valid reports." in ran.out


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    ran = freezeline("blocking", "--reports", str(tmp_path / "nothing"))
    assert ran.exit_code == 2
    assert "cannot be read" in ran.err
