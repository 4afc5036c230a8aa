"""What we run is what was locked, from one registry, under licences that were agreed to."""

from __future__ import annotations

import pytest

from tests.supply_chain.licences import (
    REGISTRY,
    is_allowed,
    licence,
    locked,
    run_time_packages,
)


def test_every_locked_file_has_its_hash_and_comes_from_one_registry() -> None:
    for package in locked():
        if "editable" in package["source"]:
            continue
        assert package["source"] == {"registry": REGISTRY}, package["name"]
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert files, package["name"]
        assert all(file["hash"].startswith("sha256:") for file in files), package["name"]


def test_every_package_that_runs_stands_under_a_licence_that_was_agreed_to() -> None:
    said = {package: licence(package) for package in run_time_packages()}
    # Those for other systems are not installed here.
    here = {package: text for package, text in said.items() if text is not None}
    assert len(here) > 40
    assert {package: text for package, text in here.items() if not is_allowed(text)} == {}


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("Apache-2.0 OR GPL-3.0-only", True),
        ("(MIT AND ISC)", True),
        ("MIT AND GPL-3.0-only", False),
        ("(MIT OR ISC) AND AGPL-3.0-only", False),
        ("AGPL-3.0-or-later", False),
        ("Proprietary", False),
        ("", False),
    ],
)
def test_a_licence_counts_by_all_of_its_parts(expression: str, allowed: bool) -> None:
    assert is_allowed(expression) is allowed
