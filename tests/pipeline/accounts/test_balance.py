"""What is known of an account's balance, also where several statements are of one moment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.accounts.balance import RunningBalance, known_balance
from pipeline.accounts.entries import ORDERED_ENTRIES
from pipeline.accounts.file import AccountFile, posting_id
from pipeline.contracts.account_log import Answer, Posting
from tests.pipeline.accounts import oracle

OWNER = "account:014:1112223330"


def posting(key: str, at: int, amount: int, balance: int | None = None) -> Posting:
    return Posting(OWNER, key, at, amount, "account:004:9998887770", balance)


def file_of(*postings: Posting) -> AccountFile:
    file = AccountFile(account=OWNER)
    for each in postings:
        file.postings[posting_id(each)] = each
    return file


def test_of_several_statements_of_one_second_the_one_that_they_lead_to_counts():
    first, last = posting("bank/z", 9, -60, 100), posting("bank/a", 9, -40, 60)
    assert known_balance(file_of(first, last)) == 60


def test_where_they_lead_nowhere_the_highest_id_counts():
    one, other = posting("bank/z", 9, -60, 100), posting("bank/a", 9, -40, 90)
    assert known_balance(file_of(one, other)) == 100


def test_where_they_end_as_they_began_what_goes_out_is_last():
    came, went = posting("bank/z", 9, 500, 600), posting("bank/a", 9, -500, 100)
    assert known_balance(file_of(came, went)) == 100


def test_what_a_bank_answers_in_that_moment_counts_by_its_id():
    file = file_of(posting("bank/b", 9, -60, 100), posting("bank/a", 9, -40, 60))
    file.answers["x/1"] = Answer(
        account=OWNER, update_id="x/1", status="held", at=9, balance=55, held=None
    )
    assert known_balance(file) == 55


@pytest.mark.parametrize(("more", "known"), [(0, 1), (1, ORDERED_ENTRIES + 1)])
def test_of_more_than_a_telephone_sends_in_a_moment_the_highest_id_counts(more: int, known: int):
    count = ORDERED_ENTRIES + more
    file, running = file_of(), None
    running = RunningBalance(file)
    for number in range(1, count + 1):
        each = posting(f"bank/{number:03}", 9, -1, number)
        file.postings[posting_id(each)] = each
        running.replace(posting_id(each), None, each)
    assert running.known == known == known_balance(file)


steps = st.tuples(st.integers(1, 3), st.integers(-50, 50).filter(bool), st.booleans())


@given(
    made=st.lists(steps, max_size=12),
    wrong=st.integers(0, 24),
    turn=st.randoms(use_true_random=False),
)
def test_one_posting_at_a_time_it_is_what_the_definition_says(made, wrong, turn):
    balance, postings = 100, []
    for number, (at, amount, stated) in enumerate(sorted(made, key=lambda each: each[0])):
        balance += amount
        told = balance + 7 if number == wrong else balance
        postings.append(
            posting(f"bank/{turn.randrange(99):02}", at, amount, told if stated else None)
        )
    turn.shuffle(postings)
    file = file_of()
    running = RunningBalance(file)
    for each in postings:
        key = posting_id(each)
        before = file.postings.get(key)
        file.postings[key] = each
        running.replace(key, before, each)
        assert running.known == known_balance(file) == oracle.known_balance(file)
