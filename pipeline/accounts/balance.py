"""What is known of an account's balance: the newest stated one and the movements after it."""

from __future__ import annotations

from pipeline.accounts.file import AccountFile, posting_id


def known_balance(file: AccountFile) -> int | None:
    """Return the balance in satang (never below zero), or None when no bank has stated one.

    The newest statement counts (a posting's balance after, or a bank's answer), and postings
    later than it move it; of two at the same millisecond the one with the higher id counts.
    """
    statements = [
        (posting.at, posting_id(posting), posting.balance)
        for posting in file.postings.values()
        if posting.balance is not None
    ]
    statements += [
        (answer.at, answer.update_id, answer.balance)
        for answer in file.answers.values()
        if answer.balance is not None
    ]
    if not statements:
        return None
    at, _, balance = max(statements)
    later = sum(posting.amount for posting in file.postings.values() if posting.at > at)
    return max(0, balance + later)
