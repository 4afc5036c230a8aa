"""What a decision about one file needs of it, kept up to date event by event.

A file may hold 100,000 postings and as many claims, and one more must not cost a look at all of
them. So what was found out stays, and each change says what of it has to be found out again; mostly
that is one payment. `Review.decide` gives what deciding over the whole file anew would give: the
tests compare the two (tests/pipeline/accounts/oracle.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.accounts.answers import Answers
from pipeline.accounts.balance import RunningBalance, Statement
from pipeline.accounts.decision import (
    Decision,
    Standing,
    claimed,
    hold,
    notice_that_counts,
    still_paying,
    watch,
)
from pipeline.accounts.elsewhere import Elsewhere
from pipeline.accounts.ends import Rests
from pipeline.accounts.file import AccountFile
from pipeline.accounts.grounds import (
    Candidate,
    Grounds,
    Terms,
    incoming_candidate,
    is_incoming,
)
from pipeline.accounts.holds import HoldQueue, Waiting
from pipeline.accounts.matching import Matcher
from pipeline.accounts.sightings import Sightings
from pipeline.accounts.traces import Traces
from pipeline.contracts.account_log import AccountEvent, Answer, Claim, Level, Notice, Posting, Step
from pipeline.contracts.alerts import AlertKind
from pipeline.identity.account import is_account
from pipeline.policy.policy import Policy


class Review:
    """One open file under review. The file is changed first, then the review is told."""

    def __init__(self, file: AccountFile, policy: Policy) -> None:
        self._file = file
        self._policy = policy
        self._begin()

    def _begin(self) -> None:
        file, policy = self._file, self._policy
        self._matcher = Matcher(file.claims.values(), file.postings, policy.claims)
        self._claimed = sum(claimed(claim) for claim in file.claims.values())
        self._sightings = Sightings(file.postings, policy.claims, self._matcher.went_elsewhere)
        self._balance = RunningBalance(file)
        self._answers = Answers(file)
        self._grounds = Grounds(policy)
        self._queue = HoldQueue(self._answers.ended)
        self._terms: Terms | None = None
        self._to_place: set[str] = set()
        """Payments whose place in the queue may be another."""
        self._candidates: dict[str, Candidate] = {}
        """Those that the decision being made has found."""
        self._told_of: tuple[object, ...] | None = None
        self._to_tell: set[str] = set()
        self._said = _LastSaid(file)
        self._traces = Traces(file, policy) if policy.trace is not None else None
        self._elsewhere = Elsewhere(file, policy.claims)

    def posting_added(self, key: str, before: Posting | None, after: Posting) -> None:
        """Take over a posting that is new in the file (id ``key``), or newer than ``before``."""
        since = self._file.left_out_before
        if before is not None and (before.at < since) is not (after.at < since):
            # It went over the edge of what is looked at in a file that has reached its limit.
            self._begin()
            return
        self._matcher.posting_changed(before, after)
        for origin in self._sightings.posting_added(key, before, after):
            payment = self._matcher.payments.get(origin)
            if payment is not None:
                self._grounds.put(payment, self._sightings.ask(payment))
                self._to_place.add(origin)
        self._balance.replace(key, before, after)
        self._elsewhere.posting_changed(key, before, after)
        if self._traces is not None:
            self._traces.tracing.posting_changed(key, before, after)
        if after.amount > 0 or (before is not None and before.amount > 0):
            self._to_tell.add(after.transaction)
            self._to_place.add(after.transaction)

    def event_added(self, key: str, event: AccountEvent, before: AccountEvent | None) -> None:
        """Take over an event that is new in the file, under ``key``, or newer than ``before``."""
        match event:
            case Claim():
                assert before is None or isinstance(before, Claim)
                self._claimed += claimed(event) - (claimed(before) if before is not None else 0)
                self._matcher.claim_changed(before, event)
                self._elsewhere.claim_added(event)
            case Answer() if before is not None:
                self._answered_anew()
            case Answer():
                self._ended_by_bank(self._answers.added(event))
                if event.balance is not None:
                    self._balance.state(Statement(event.at, event.update_id, event.balance))
            case Notice():
                self._said.notice_added(event)
            case Step():
                assert before is None or isinstance(before, Step)
                if self._traces is not None:
                    self._traces.tracing.step_added(key, before, event)
            case Level():
                pass

    def alert_said(self, alert_id: str) -> None:
        """Take over that an alert was said for the first time: banks may have answered before."""
        self._ended_by_bank(self._answers.said(alert_id))

    def is_meant(self, posting: Posting) -> bool:
        """Whether a claim means this posting of the account, or could mean it."""
        return self._matcher.is_meant(posting) or self._elsewhere.is_in_question(posting)

    def rests_on(self) -> set[str]:
        """Return the ids of the postings without which another decision would be made.

        Payments that nobody disputes are not among them, though they may be held.
        """
        self._follow_payments()
        payments = self._matcher.payments.values()
        needed = {payment.origin + "+" for payment in payments if payment.posting is not None}
        needed.update(self._sightings.witnesses())
        needed.update(self._balance.carried())
        needed.update(self._elsewhere.rests_on())
        return needed

    def rests_of(self, origin: str) -> Rests:
        """Return how much stolen money of this origin is here, and where its trace ends and why.

        As of the last decision.
        """
        tracing = self._traces.tracing if self._traces is not None else None
        return tracing.rests_of(origin) if tracing is not None else Rests(0, [], [])

    def decide(self, now: int, behind: str | None) -> Decision:
        """Return what should stand at ``now`` (ms, the newest tick).

        ``behind`` is the bank behind the account, as `versions.bank_behind` says it.
        """
        self._follow_payments()
        terms = self._grounds.terms(self._file, self._answers.police_filed, behind)
        queue, balance = self._queue, self._balance.known
        queue.advance(now)
        if self._terms is None or not _same_queue(self._terms, terms):
            self._place_all(terms)
        self._terms = terms
        if self._traces is not None:
            balance, payments = self._traces.known_balance(self._balance), self._matcher.payments
            self._to_place |= self._traces.follow(self._to_place, payments, self._grounds, terms)
        for origin in self._to_place:
            self._place(origin, terms)
        # What is about a payment that is held may be other though its place is the same.
        queue.touched |= self._to_place & queue.held
        self._to_place.clear()
        queue.fit(balance)
        decision = Decision(_Asked(self), due=queue.due, limited=queue.limited)
        decision.crowded = self._matcher.crowded()
        decision.passed = self._elsewhere.passed(self._matcher, terms)
        if self._traces is not None:
            decision.steps = self._traces.tracing.steps()
            decision.cut = self._traces.tracing.ends.newly_cut()
        level = self._file.level
        context = (level.level, level.cluster, behind) if level is not None else (behind,)
        self._said.compare(decision, self._holds(context), self._watch(balance), context)
        self._candidates.clear()
        self._tell(terms, decision)
        return decision

    def _follow_payments(self) -> None:
        """Take over which payments the claims are about now."""
        payments = self._matcher.payments
        for origin in self._matcher.settle():
            payment = payments.get(origin)
            if payment is None:
                self._sightings.drop(origin)
                self._grounds.drop(origin)
            else:
                self._grounds.put(payment, self._sightings.ask(payment))
                self._elsewhere.look(payment.claims)
            self._to_place.add(origin)
            self._to_tell.add(origin)

    def _place_all(self, terms: Terms) -> None:
        """Let every payment have its place in the queue found anew."""
        self._to_place.update(self._matcher.payments, self._queue.origins())
        if self._traces is not None:
            self._to_place |= self._traces.roots
        if terms.holding:
            postings = self._file.postings.values()
            self._to_place.update(p.transaction for p in postings if is_incoming(p, terms))

    def _place(self, origin: str, terms: Terms) -> None:
        """Put a payment in its place in the queue, or take it out."""
        candidate = self._candidate(origin, terms)
        if candidate is None:
            self._queue.drop(origin)
        else:
            self._candidates[origin] = candidate
            undisputed = candidate.payment is None and candidate.traced is None
            turn = (undisputed, candidate.at, origin)
            amount = candidate.disputed
            if self._traces is not None:
                amount = self._traces.tracing.left_of(origin, amount)
            self._queue.put(origin, Waiting(turn, amount, candidate.until))

    def _candidate(self, origin: str, terms: Terms) -> Candidate | None:
        payment = self._matcher.payments.get(origin)
        if payment is not None:
            if self._grounds.reason(origin, terms) is not None:
                return None
            return self._grounds.candidate(payment, terms)
        if self._traces is not None and self._traces.tracing.traced(origin) is not None:
            return self._traces.candidate(origin)
        posting = self._file.postings.get(origin + "+")
        if posting is None or not is_incoming(posting, terms):
            return None
        return incoming_candidate(posting, terms)

    def _holds(self, context: object) -> dict[str, Standing | None]:
        """Return the holds that may be other than at the decision before; None: it stands no more.

        In the order of the queue.
        """
        queue, terms = self._queue, self._terms
        assert terms is not None
        touched, queue.touched = queue.touched, set()
        if self._said.context != context:
            touched |= queue.held
        known = self._balance.known is not None
        held = sorted((queue.turn(origin), origin) for origin in touched & queue.held)
        holds: dict[str, Standing | None] = dict.fromkeys(touched - queue.held)
        for _, origin in held:
            candidate = self._candidates.get(origin) or self._candidate(origin, terms)
            assert candidate is not None
            holds[origin] = hold(candidate, queue.amount(origin), known)
        return holds

    def _watch(self, balance: int | None) -> Standing | None:
        if self._queue.held:
            return None
        reasons = self._queue.why_none()
        assert self._terms is not None
        unseen = self._grounds.why_unseen(self._terms)
        reasons |= {unseen} if unseen is not None else set()
        by_level = watch(self._file, self._claimed, balance is not None, reasons)
        if by_level is None and self._traces is not None:
            return self._traces.watch(balance is not None)
        return by_level

    def _ended_by_bank(self, origin: str | None) -> None:
        if origin is not None:
            self._queue.ended_by_bank(origin)

    def _answered_anew(self) -> None:
        """Take over that an answer was replaced by another one of the same id, which is rare."""
        before = self._answers.ended
        self._answers = Answers(self._file)
        self._balance = RunningBalance(self._file)
        ended = self._answers.ended
        origins = before.keys() | ended.keys()
        changed = [origin for origin in origins if before.get(origin) != ended.get(origin)]
        before.clear()
        before.update(ended)
        self._answers.ended = before
        for origin in changed:
            self._queue.ended_by_bank(origin)

    def _tell(self, terms: Terms, decision: Decision) -> None:
        """Choose the payments of which payers' banks are to be told."""
        level, postings = self._file.level, self._file.postings
        told_of: tuple[object, ...] = (False,)
        if terms.telling and level is not None:
            told_of = (True, level.since, level.level, level.cluster)
        candidates: Iterable[Posting | None]
        if told_of != self._told_of:
            candidates = postings.values()
        else:
            # Whatever else was told is as it should be: only these can have changed.
            decision.considered = self._to_tell
            candidates = [postings.get(transaction + "+") for transaction in self._to_tell]
        self._told_of, self._to_tell = told_of, set()
        if terms.telling:
            disputed = self._matcher.payments
            for posting in candidates:
                if (
                    posting is not None
                    and posting.amount > 0
                    and posting.at >= terms.since
                    and posting.transaction not in disputed
                    and is_account(posting.other)
                ):
                    decision.notices[posting.transaction] = posting


class _Asked:
    """What the differ may ask about the holds of the decision that was made last."""

    def __init__(self, review: Review) -> None:
        self._review = review

    def why_not(self, origin: str) -> str | None:
        review = self._review
        terms = review._terms
        if terms is not None and origin in review._matcher.payments:
            reason = review._grounds.reason(origin, terms)
            if reason is not None:
                return reason
        traces = review._traces
        if (
            traces is not None
            and origin not in review._matcher.payments
            and traces.tracing.traced(origin) is not None
            and traces.why_not() is not None
        ):
            return traces.why_not()
        return review._queue.why_not(origin)

    def total(self) -> int:
        return self._review._queue.total

    def first(self, claims: Iterable[str] | None) -> str | None:
        queue, matcher = self._review._queue, self._review._matcher
        if claims is None:
            return queue.first()
        origins = {matcher.origin_of(claim) for claim in claims}
        held = [origin for origin in origins if origin is not None and origin in queue.held]
        return min(held, key=queue.turn, default=None)


class _LastSaid:
    """What stood at the decision before, so that only what is other is compared and said."""

    def __init__(self, file: AccountFile) -> None:
        self.context: object = None
        self._account = file.account
        self._stood: dict[tuple[AlertKind, str], Standing] = {}
        self._notices: dict[str, dict[str, Notice]] = {}
        self._to_notice: set[str] = set()
        self._first = True
        for notice in file.notices.values():
            self.notice_added(notice)

    def notice_added(self, notice: Notice) -> None:
        """Take over a notice that is new in the file, or newer."""
        self._notices.setdefault(notice.transaction, {})[notice.payee] = notice
        self._to_notice.add(notice.transaction)

    def compare(
        self,
        decision: Decision,
        holds: dict[str, Standing | None],
        watched: Standing | None,
        context: object,
    ) -> None:
        """Write into the decision what may be other than before, and what is gone."""
        again = self.context != context
        self.context = context
        gone: list[tuple[AlertKind, str]] = []
        standing: dict[tuple[AlertKind, str], Standing | None] = {
            (AlertKind.HOLD, origin): each for origin, each in holds.items()
        }
        standing[AlertKind.WATCH, self._account] = watched
        for transaction in sorted(self._notices if again else self._to_notice):
            notice = notice_that_counts(self._notices[transaction].values())
            paying = still_paying(notice) if notice is not None else None
            standing[AlertKind.VICTIM_STILL_PAYING, transaction] = paying
        self._to_notice.clear()
        for which, each in standing.items():
            before = self._stood.get(which)
            if each is None:
                if before is not None:
                    del self._stood[which]
                    gone.append(which)
            elif again or each != before:
                self._stood[which] = each
                decision.standing.append(each)
        decision.gone = None if self._first else gone
        self._first = False


def _same_queue(one: Terms, other: Terms) -> bool:
    """Whether the places of payments in the queue are the same under both terms."""
    return one == other or one._replace(telling=other.telling) == other
