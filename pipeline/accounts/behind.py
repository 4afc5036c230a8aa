"""Which account stands behind a PromptPay proxy, as the proxy's own payments say it.

A payment to a proxy names the account that it led to. A proxy may be registered to another account
at any time, so each payment speaks for its own moment: what it says holds up to the next one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping

from pipeline.accounts.places import ABOVE_ALL, Place, between, take_out
from pipeline.contracts.account_log import Posting
from pipeline.identity.account import bank_of, is_account
from pipeline.identity.banks import UNKNOWN_BANK

_BEGINNING = -1
_END = 1 << 62
"""Before and after every time (ms)."""

Span = tuple[int, int]
"""Two times (ms), both included."""


def account_named(posting: Posting) -> str | None:
    """Return the account that a proxy's payment led to, if it names one."""
    return next(filter(is_account, posting.references), None)


def account_behind(posting: Posting) -> str | None:
    """Return the account that a proxy's payment led to, if it names one and its bank."""
    account = account_named(posting)
    return account if account is not None and bank_of(account) != UNKNOWN_BANK else None


class Behind:
    """The accounts behind one proxy, in order of time. ``postings`` are the file's, by id."""

    def __init__(self, postings: Mapping[str, Posting]) -> None:
        self._accounts: dict[str, str] = {}
        """By posting."""
        self._places: list[Place] = []
        for key, posting in postings.items():
            account = account_behind(posting)
            if account is not None:
                self._accounts[key] = account
                self._places.append((posting.at, key))
        self._places.sort()

    def around(self, at: int) -> tuple[str, ...]:
        """Return who stood behind the proxy just before a time (ms), and just after it.

        One account where it is the same, none where no payment names any.
        """
        places = self._places
        before, after = bisect_right(places, (at, ABOVE_ALL)) - 1, bisect_left(places, (at, ""))
        near = [places[place][1] for place in (before, after) if 0 <= place < len(places)]
        return tuple(sorted({self._accounts[key] for key in near}))

    def changed(self, key: str, before: Posting | None, after: Posting) -> list[Span]:
        """Take over a posting; return the times at which another account may stand there now."""
        had, has = self._accounts.get(key), account_behind(after)
        if had == has and before is not None and before.at == after.at:
            return []
        spans = []
        if had is not None and before is not None:
            spans.append(self._take(key, before.at))
        if has is not None:
            spans.append(self._put(key, after.at, has))
        return spans

    def _put(self, key: str, at: int, account: str) -> Span:
        self._accounts[key] = account
        insort(self._places, (at, key))
        return self._around(at, key)

    def _take(self, key: str, at: int) -> Span:
        span = self._around(at, key)
        take_out(self._places, (at, key))
        del self._accounts[key]
        return span

    def _around(self, at: int, key: str) -> Span:
        """Return between which times this posting alone may say who stands there."""
        places, place = self._places, bisect_left(self._places, (at, key))
        before = places[place - 1] if place else None
        after = places[place + 1] if place + 1 < len(places) else None
        beside = {self._accounts[each[1]] for each in (before, after) if each is not None}
        if beside == {self._accounts[key]}:
            return _END, _BEGINNING  # its neighbours say the same
        return before[0] if before else _BEGINNING, after[0] if after else _END


class AccountsOf:
    """Which account has the money of each credit of one proxy, also of those that name none.

    ``postings`` are the file's, by id. One that names no account went where the proxy's payments
    just before and just after it say, if that is one.
    """

    def __init__(self, postings: Mapping[str, Posting]) -> None:
        self._behind = Behind(postings)
        unnamed = ((posting.at, key) for key, posting in postings.items() if _is_unnamed(posting))
        self._unnamed: list[Place] = sorted(unnamed)

    def account(self, posting: Posting) -> str | None:
        """Return the account that has the money of a posting; None: it is not known."""
        if not _is_unnamed(posting):
            return account_named(posting)
        around = self._behind.around(posting.at)
        return around[0] if len(around) == 1 else None

    def changed(self, key: str, before: Posting | None, after: Posting) -> set[str]:
        """Take over a posting; return the credits of which another account may have the money."""
        if before is not None and _is_unnamed(before):
            take_out(self._unnamed, (before.at, key))
        if _is_unnamed(after):
            insort(self._unnamed, (after.at, key))
        spans = self._behind.changed(key, before, after)
        return {each for span in spans for _, each in between(self._unnamed, *span)}


def _is_unnamed(posting: Posting) -> bool:
    """Whether a proxy's posting is a credit that does not say which account has the money."""
    return posting.amount > 0 and account_named(posting) is None
