"""Payments that were returned (pacs.004, a reversal): how much of each posting counts.

A return undoes its payment, as far as its amount goes: neither the returned part nor the return
moves money in the book (docs/apportionment.md). A return names its payment by any of its names. One
whose payment is not in the file is a payment like any other.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.accounts.credits import names_of
from pipeline.accounts.file import posting_id
from pipeline.contracts.account_log import RETURNS, Posting


class Returns:
    """The returns among an account's postings, which are the file's, by id."""

    def __init__(self, postings: Mapping[str, Posting]) -> None:
        self._postings = postings
        self._names: dict[str, set[str]] | None = None
        """Postings by their names; made for the first return, which most accounts never see."""
        self._waiting: dict[str, set[str]] = {}
        """Returns by the name that they give."""
        self._of: dict[str, str] = {}
        """The payment of each return that has one."""
        self._back: dict[str, set[str]] = {}
        for key, posting in postings.items():
            if is_return(posting):
                self.changed(key, None, posting)

    def changed(self, key: str, before: Posting | None, after: Posting) -> set[str]:
        """Take over a posting; return the ids of the postings of which another part counts now."""
        gave, gives = _returned(before) if before is not None else None, _returned(after)
        if self._names is None:
            if gave is gives is None:
                return set()
            self._names = {}
            for known, posting in self._postings.items():
                for name in _names(posting):
                    self._names.setdefault(name, set()).add(known)
        had, has = _names(before) if before is not None else set(), _names(after)
        for name in had - has:
            self._names.get(name, set()).discard(key)
        for name in has:
            self._names.setdefault(name, set()).add(key)
        if gave is not None:
            self._waiting.get(gave, set()).discard(key)
        if gives is not None:
            self._waiting.setdefault(gives, set()).add(key)
        returns = {each for name in had | has for each in self._waiting.get(name, ())}
        if gave is not None or gives is not None:
            returns.add(key)
        touched = {key} if key in self._back else set()
        for each in returns:
            touched |= self._find(each)
        return touched

    def coins(self, key: str) -> int:
        """Return how many satang of a posting count."""
        amount = abs(self._postings[key].amount)
        if key in self._of:
            return amount - self._taken(self._of[key])[key]
        if key in self._back:
            return amount - sum(self._taken(key).values())
        return amount

    def _find(self, key: str) -> set[str]:
        """Find out of which payment this is the return; return what is touched by a change."""
        assert self._names is not None
        before, posting = self._of.pop(key, None), self._postings[key]
        if before is not None:
            self._back[before].discard(key)
            if not self._back[before]:
                del self._back[before]
        name, is_debit = _returned(posting) or "", posting.amount < 0
        named = (self._postings[each] for each in self._names.get(name, ()))
        meant = [(p.at, posting_id(p)) for p in named if (p.amount > 0) is is_debit]
        touched = {key}
        if meant:
            self._of[key] = min(meant)[1]
            self._back.setdefault(self._of[key], set()).add(key)
        for original in (before, self._of.get(key)):
            if original is not None:
                touched |= {original, *self._back.get(original, ())}
        return touched

    def _taken(self, original: str) -> dict[str, int]:
        """Return how much of a payment each of its returns gives back, the first ones first."""
        left = abs(self._postings[original].amount)
        taken = {}
        for key in sorted(self._back[original], key=lambda k: (self._postings[k].at, k)):
            taken[key] = min(left, abs(self._postings[key].amount))
            left -= taken[key]
        return taken


def _names(posting: Posting) -> set[str]:
    """Return the names by which a return may mean this posting; a return has none."""
    return set() if is_return(posting) else names_of(posting)


def is_return(posting: Posting) -> bool:
    """Whether a posting says that it returns a payment."""
    return _returned(posting) is not None


def _returned(posting: Posting) -> str | None:
    """Return the name of the payment that this one returns."""
    for reference in posting.references:
        if reference.startswith(RETURNS):
            return reference[len(RETURNS) :]
    return None
