"""Numbers one edit apart are found exactly: no fewer, no more."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clustering.numbers import KnownNumbers
from pipeline.identity.account import is_one_edit, one_edit_neighbours

numbers = st.text(alphabet="0019", min_size=1, max_size=6)


@settings(deadline=None)
@given(known=st.sets(numbers, max_size=30), asked=numbers)
def test_the_numbers_found_are_those_one_edit_apart(known: set[str], asked: str) -> None:
    index = KnownNumbers(bytearray(1 << 12))
    for number in known:
        index.add("004", number)
    found = list(index.one_edit_from("004", asked))
    assert sorted(found) == sorted(number for number in known if is_one_edit(asked, number))
    assert list(index.one_edit_from("014", asked)) == []


@settings(deadline=None)
@given(asked=st.text(alphabet="0123456789", min_size=5, max_size=12))
def test_every_neighbour_of_a_number_is_found(asked: str) -> None:
    index = KnownNumbers(bytearray(1 << 12))
    expected = set(one_edit_neighbours(asked))
    for number in expected:
        index.add("004", number)
    assert set(index.one_edit_from("004", asked)) == expected


@settings(deadline=None)
@given(known=st.lists(st.tuples(st.sampled_from(["004", "?"]), numbers), unique=True, max_size=20))
def test_what_is_removed_is_unknown(known: list[tuple[str, str]]) -> None:
    index = KnownNumbers(bytearray(1 << 12))
    for bank, number in known:
        index.add(bank, number)
    for place, (bank, number) in enumerate(known):
        rest = known[place:]
        assert sorted(index.banks_of(number)) == sorted(b for b, n in rest if n == number)
        index.remove(bank, number)
        assert not index.known(bank, number)
    assert index.banks_of("0") == []


@settings(max_examples=30, deadline=None)
@given(
    asked=st.text(alphabet="0123456789", min_size=9, max_size=17),
    others=st.sets(st.text(alphabet="0123456789", min_size=9, max_size=12), max_size=20),
)
def test_a_neighbour_among_many_other_numbers_is_found(asked: str, others: set[str]) -> None:
    for neighbour in one_edit_neighbours(asked):
        index = KnownNumbers(bytearray(1 << 12))
        index.add("004", neighbour)
        assert list(index.one_edit_from("004", asked)) == [neighbour]
    crowded = KnownNumbers(bytearray(1 << 12))
    for number in others:
        crowded.add("004", number)
    expected = sorted(number for number in others if is_one_edit(asked, number))
    assert sorted(crowded.one_edit_from("004", asked)) == expected
