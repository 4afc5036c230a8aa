"""What a decision about one file needs of it, kept up to date event by event.

A big shop's file may hold 100,000 postings, and one more must not cost a look at all of them. So
what was found out stays, and each new posting says what of it has to be found out again; mostly
that is nothing. `Review.decide` gives what deciding over the whole file anew would give: the tests
compare the two (tests/pipeline/accounts/oracle.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from sortedcontainers import SortedList

from pipeline.accounts.balance import RunningBalance
from pipeline.accounts.decision import Decision, Facts, decide, ended_by_bank, standing_notices
from pipeline.accounts.file import AccountFile
from pipeline.accounts.grounds import Grounds, grounds_of, is_incoming
from pipeline.accounts.matching import Matcher
from pipeline.accounts.sightings import Sightings
from pipeline.contracts.account_log import AccountEvent, Answer, Claim, Level, Notice, Posting
from pipeline.identity.account import is_account
from pipeline.policy.policy import Policy


class Review:
    """One open file under review. The file is changed first, then the review is told."""

    def __init__(self, file: AccountFile, policy: Policy) -> None:
        self._file = file
        self._policy = policy
        self._begin()

    def _begin(self) -> None:
        self._matcher: Matcher | None = None
        self._sightings = Sightings(self._file.postings, self._policy.claims)
        self._balance: RunningBalance | None = None
        self._grounds: Grounds | None = None
        self._incoming: SortedList[tuple[int, str]] = SortedList()
        self._incoming_since: int | None = None
        self._notices = standing_notices(self._file)
        self._ended_by_bank = ended_by_bank(self._file)
        self._told_of: tuple[object, ...] | None = None
        self._taken: frozenset[str] = frozenset()
        self._to_consider: set[str] = set()

    def forget(self) -> None:
        """Find out everything anew at the next decision: postings have left the file."""
        self._begin()

    def posting_added(self, key: str, before: Posting | None, after: Posting) -> None:
        """Take over a posting that is new in the file (id ``key``), or newer than ``before``."""
        if self._matcher is not None:
            if before is not None:
                self._matcher.remove(before)
            self._matcher.add(after)
            if self._matcher.changed:
                self._grounds = None
        if self._sightings.replace(key, after):
            self._grounds = None
        if self._balance is not None:
            self._balance.replace(key, before, after)
        if self._incoming_since is not None:
            for posting, change in ((before, self._incoming.discard), (after, self._incoming.add)):
                if posting is not None and self._may_be_incoming(posting, self._incoming_since):
                    change((posting.at, posting.transaction))
        if after.amount > 0 or (before is not None and before.amount > 0):
            self._to_consider.add(after.transaction)

    def event_added(self, event: AccountEvent, replaced: bool) -> None:
        """Take over an event that is new in the file, or newer than one that it ``replaced``."""
        self._grounds = None
        match event:
            case Claim():
                self._matcher = None
                self._sightings = Sightings(self._file.postings, self._policy.claims)
            case Answer():
                self._ended_by_bank = ended_by_bank(self._file)
                if replaced:
                    self._balance = None
                elif self._balance is not None and event.balance is not None:
                    self._balance.state((event.at, event.update_id, event.balance))
            case Notice():
                self._notices = standing_notices(self._file)
            case Level():
                pass

    def alert_said(self) -> None:
        """Take over that an alert was said for the first time: banks may have answered before."""
        if self._file.answers:
            self._ended_by_bank = ended_by_bank(self._file)

    def is_meant(self, posting: Posting) -> bool:
        """Whether a claim means this posting of the account, or could mean it."""
        self._current_grounds()
        assert self._matcher is not None
        return self._matcher.is_meant(posting)

    def rests_on(self) -> set[str]:
        """Return the ids of the postings without which another decision would be made.

        Payments that nobody disputes are not among them, though they may be held.
        """
        self._current_grounds()
        assert self._matcher is not None
        needed = {posting.transaction + "+" for posting in self._matcher.meant()}
        for payment in self._matcher.payments():
            witness = self._sightings.first_witness(payment)
            if witness is not None:
                needed.add(witness)
        needed.update(self._current_balance().carried())
        return needed

    def decide(self, now: int, open_holds: Iterable[str]) -> Decision:
        """Return what should stand at ``now`` (ms, the newest tick).

        ``open_holds`` are the origins of the holds that stood until now.
        """
        grounds = self._current_grounds()
        self._follow_incoming(grounds)
        facts = Facts(
            self._current_balance().known,
            self._incoming,
            self._ended_by_bank,
            self._notices,
            open_holds,
        )
        decision = decide(self._file, grounds, facts, now)
        self._tell(grounds, decision)
        return decision

    def _current_grounds(self) -> Grounds:
        if self._matcher is None or not self._matcher.complete:
            file = self._file
            self._matcher = Matcher(
                file.claims.values(), file.postings.values(), self._policy.claims
            )
            self._grounds = None
        if self._grounds is None:
            payments = self._matcher.payments()
            self._grounds = grounds_of(self._file, payments, self._sightings.unseen, self._policy)
        return self._grounds

    def _current_balance(self) -> RunningBalance:
        if self._balance is None:
            self._balance = RunningBalance(self._file)
        return self._balance

    def _follow_incoming(self, grounds: Grounds) -> None:
        """Keep the payments that may be held though nobody disputes them, while any may."""
        since = grounds.opens if grounds.holding else None
        if since != self._incoming_since:
            self._incoming_since = since
            self._incoming = SortedList(
                (posting.at, posting.transaction)
                for posting in self._file.postings.values()
                if is_incoming(posting, grounds)
            )

    def _may_be_incoming(self, posting: Posting, since: int) -> bool:
        least = max(1, self._policy.holds.small_sum_satang)
        return posting.amount >= least and posting.at >= since

    def _tell(self, grounds: Grounds, decision: Decision) -> None:
        """Choose the payments of which payers' banks are to be told."""
        level, postings = self._file.level, self._file.postings
        told_of: tuple[object, ...] = (False,)
        if grounds.telling and level is not None:
            told_of = (True, level.since, level.level, level.cluster)
        candidates: Iterable[Posting | None]
        if told_of != self._told_of:
            candidates = postings.values()
        else:
            # Whatever else was told is as it should be: only these can have changed.
            considered = self._to_consider | (self._taken ^ grounds.taken)
            candidates = [postings.get(transaction + "+") for transaction in considered]
            decision.considered = considered
        self._told_of, self._taken, self._to_consider = told_of, grounds.taken, set()
        if grounds.telling:
            for posting in candidates:
                if (
                    posting is not None
                    and posting.amount > 0
                    and posting.at >= grounds.since
                    and posting.transaction not in grounds.taken
                    and is_account(posting.other)
                ):
                    decision.notices[posting.transaction] = posting
