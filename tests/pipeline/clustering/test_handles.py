"""A LINE name without its @ is the name with it, where fewer people leave it out than write it."""

from __future__ import annotations

from tests.pipeline.clustering.scenarios import Run, decision, line, phone, report

PLAIN, OFFICIAL = "handle:line:quick-cash77", "handle:line:@quick-cash77"


def told(prefix: str, name: str, voices: int) -> list[dict[str, object]]:
    return [report(f"{prefix}-{n}", [line(name)]) for n in range(voices)]


def is_one(*reports: dict[str, object]) -> bool:
    run = Run()
    run.feed([*reports])
    return OFFICIAL in run.cluster_of(PLAIN)["members"]


def test_who_leaves_out_the_at_sign_means_the_same_name() -> None:
    assert is_one(*told("with", "@quick-cash77", 3), *told("without", "quick-cash77", 2))
    assert is_one(*told("without", "quick-cash77", 2), *told("with", "@quick-cash77", 3))


def test_a_name_that_as_many_tell_without_the_at_sign_is_another_one() -> None:
    assert not is_one(*told("with", "@quick-cash77", 2), *told("without", "quick-cash77", 2))


def test_another_voice_without_the_at_sign_parts_them_and_its_withdrawal_joins_them() -> None:
    run = Run()
    run.feed([*told("with", "@quick-cash77", 2), *told("without", "quick-cash77", 1)])
    (another,) = told("another", "quick-cash77", 1)
    run.feed([another])
    assert len(run.clusters()) == 2
    run.feed([{**another, "kind": "withdrawn"}])
    assert len(run.clusters()) == 1


def test_a_public_name_joins_its_other_form_no_more() -> None:
    run = Run()
    run.feed([*told("with", "@quick-cash77", 2), *told("without", "quick-cash77", 1)])
    run.feed([decision("d1", "public_number", OFFICIAL)])
    assert len(run.clusters()) == 2


def test_on_other_platforms_the_at_sign_says_nothing_and_phones_have_none() -> None:
    run = Run()
    run.feed([report("1", [phone("0811111111")]), *told("with", "@quick-cash77", 1)])
    assert len(run.clusters()) == 2
