"""The fold over reports and analysts' decisions: clusters, levels, claims, referrals out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from pipeline.clustering.again import Again, written_version
from pipeline.clustering.candidates import Candidates
from pipeline.clustering.claims import claim_events
from pipeline.clustering.components import Components
from pipeline.clustering.contributions import Contributions
from pipeline.clustering.decisions import Decisions, StoredDecision, normalise_decision
from pipeline.clustering.edges import Edges
from pipeline.clustering.erasing import Eraser, stripped, without_erased
from pipeline.clustering.evidence import load_model
from pipeline.clustering.handles import Handles
from pipeline.clustering.levels import Cause, Levels, Telling, moment
from pipeline.clustering.new_key import Generation, lifted
from pipeline.clustering.nodes import Nodes
from pipeline.clustering.normalised import StoredReport, normalise_report
from pipeline.clustering.pairs import PAIRWISE_IDENTIFIERS, is_list
from pipeline.clustering.persons import Persons
from pipeline.clustering.sayings import Sayings
from pipeline.clustering.sources import source_label
from pipeline.clustering.speech import Said, Speech
from pipeline.clustering.version_floor import VersionFloor
from pipeline.contracts.account_log import (
    AccountEvent,
    Erasure,
    encode_account_events,
    encode_log_entry,
    partition_of,
)
from pipeline.contracts.cloudevents import event_data, headers_out
from pipeline.contracts.clusters import FiledReport, encode_said
from pipeline.contracts.codec import digest
from pipeline.contracts.dead_letters import dead_letter
from pipeline.contracts.decisions import AnalystDecision, Verdict, decode_decision
from pipeline.contracts.invalid import InvalidEvent, Reason
from pipeline.contracts.reports import Report, decode_report
from pipeline.erasure import HASH_PREFIX, Erasures
from pipeline.fold import Folded, Output, Record, Versions, topic_of
from pipeline.identity.name import MAX_WORDS
from pipeline.identity.voices import is_beyond
from pipeline.policy.policy import Policy
from pipeline.state import State
from pipeline.topics import ACCOUNT_LOG, ANALYST_DECISIONS, FILED_REPORTS, REPORTS

DUPLICATES = ("duplicates", "clustering")
ANSWERED = "report_to_answer_seconds"


class _Sizes(msgspec.Struct, array_like=True):
    reports: int = 0
    clusters: int = 0


_SIZES_KEY = b"z"
_SIZES = msgspec.msgpack.Decoder(_Sizes)
_ENCODE = msgspec.msgpack.Encoder().encode


class _Taken(NamedTuple):
    """A report that was taken in: what counted before, what counts now, and what is said of it."""

    before: StoredReport | None
    now: StoredReport | None
    word: StoredReport
    said: Said


class ClusteringFold:
    """Folds reports, one record at a time, so that versions are a function of the log alone.

    Records of ``analyst-decisions`` come to it too, and say so (`pipeline.fold.topic_of`).

    A report's newest word counts; what it said before is taken back first. Only the components
    that a report touches are worked out again, and only what differs from the last is said.
    """

    def __init__(
        self,
        state: State,
        policy: Policy,
        account_log_partitions: int,
        keys: Sequence[bytes] = (),
    ) -> None:
        """Fold over ``state``; ``keys`` are those that hash identifiers, oldest first."""
        self._state = state
        self._policy = policy
        self._partitions = account_log_partitions
        self._hits: Counter[tuple[str, ...]] = Counter()
        model = load_model()
        decisions = Decisions(state)
        nodes = Nodes(state, policy.clustering.hub_limit, decisions)
        self._candidates = candidates = Candidates(state, nodes, model)
        edges = Edges(state, nodes, candidates, model, policy, self._hits)
        self._nodes = nodes
        self._decisions = decisions
        persons = Persons(state, nodes, model, self._hits)
        forms = Handles(nodes, model.without_at)
        self._contributions = Contributions(nodes, edges, candidates, persons, forms, decisions)
        components = Components(nodes, edges, forms, decisions, policy, self._hits)
        self._floor = VersionFloor(state)
        levels = Levels(nodes, policy, self._floor, self._hits)
        sayings = Sayings(state, nodes, model, self._floor, self._hits)
        self._sayings = sayings
        self._speech = Speech(nodes, sayings, levels, components, self._hits)
        self._again = Again(nodes, sayings, levels, components)
        self._keys = tuple(keys)
        self._generation = Generation(state, keys)
        self._erasures = Erasures(state, keys)
        self._eraser = Eraser(state, nodes, sayings, decisions, self._erasures)
        found = state.get(_SIZES_KEY)
        self._sizes = _SIZES.decode(found) if found else _Sizes()

    def apply(self, records: Sequence[Record], silent: bool = False) -> Folded:
        """See `pipeline.fold.Fold.apply`; a silent fold makes no outputs at all."""
        folded = Folded()
        # Step by step for all of them, not report by report: the processor's caches stay warm.
        events = [_decoded(record) for record in records]
        tellings: list[Telling] = []
        if self._generation.is_old and records:
            self._lift(records[0], tellings)
        canonical = [self._normalised(e, t) for e, t in zip(events, records, strict=True)]
        reports = [stored for stored in canonical if isinstance(stored, StoredReport)]
        self._nodes.fetch(reports)
        if len(reports) > 1:
            self._contributions.prepare(reports)
        # What is said waits until a later record touches it; what is told comes in their order.
        waiting: list[_Taken] = []
        answers: list[_Taken | list[Telling]] = [tellings]
        for record, stored in zip(records, canonical, strict=True):
            if not isinstance(stored, StoredReport):
                self._settle(waiting)
                answers.append(self._answer(record, stored, folded))
                continue
            taken = self._take(stored, folded)
            if taken is not None:
                waiting.append(taken)
                answers.append(taken)
            if not silent:
                delay = (record.timestamp - stored.received_at) / 1000
                folded.observations.append((("event_delay_seconds", "clustering"), delay))
                folded.counts["reports_by_source", source_label(stored.key)] += 1
        self._settle(waiting)
        if not silent:
            told = [self._told(answer, folded) for answer in answers]
            folded.outputs = [telling() for tellings in told for telling in tellings]
        self._write()
        folded.counts.update(self._hits)
        self._hits.clear()
        return folded

    def _settle(self, waiting: list[_Taken]) -> None:
        """Say what waits to be said of reports."""
        for taken in waiting:
            taken.said.finish()
            self._sizes.clusters += taken.said.clusters
        waiting.clear()

    def _answer(
        self, record: Record, stored: StoredDecision | InvalidEvent, folded: Folded
    ) -> list[Telling]:
        """Take in what is no report; return what there is to say of it."""
        tellings: list[Telling] = []
        if isinstance(stored, InvalidEvent):
            topic = topic_of(record, REPORTS)
            tellings.append(partial(dead_letter, topic, 0, record, stored))
            folded.counts["dead_letters", topic, stored.reason.value] += 1
        elif stored.verdict == Verdict.ERASE:
            self._erase(stored, record.offset, tellings)
            folded.scrub = True
        else:
            self._take_decision(stored, folded, tellings)
        return tellings

    def _told(self, answer: _Taken | list[Telling], folded: Folded) -> list[Telling]:
        return self._tell(answer, folded) if isinstance(answer, _Taken) else answer

    def _write(self) -> None:
        self._sayings.write()
        self._candidates.write()
        if self._nodes.write():
            self._state.put(_SIZES_KEY, _ENCODE(self._sizes))

    def restore(self, records: Sequence[Record]) -> bool:
        """Do nothing: clustering comes back by folding ``reports`` silently."""
        return False

    def versions(self, topic: str, record: Record) -> Versions | None:
        """See `pipeline.fold.Fold.versions`."""
        key = (record.key or b"").decode("utf-8", "replace")
        known = self._again.version_of(topic, key)
        return Versions(written_version(record.value), known) if known else None

    def say_again(self, topic: str, keys: Sequence[bytes]) -> list[Output]:
        """See `pipeline.fold.Fold.say_again`."""
        found = [self._again.of(topic, key.decode("utf-8", "replace")) for key in keys]
        return [output for output in found if output is not None]

    def gauges(self) -> dict[str, float]:
        """See `pipeline.fold.Fold.gauges`."""
        sizes = self._sizes
        return {"clusters": float(sizes.clusters), "reports": float(sizes.reports)}

    def _normalised(
        self, event: Report | AnalystDecision | InvalidEvent, record: Record
    ) -> StoredReport | StoredDecision | InvalidEvent:
        if isinstance(event, InvalidEvent):
            return event
        try:
            if isinstance(event, AnalystDecision):
                return normalise_decision(event, record.timestamp)
            report = normalise_report(event, record.timestamp, self._policy)
            if is_beyond(report.voice, self._keys):
                raise InvalidEvent(Reason.WRONG_FIELD, "$.hash_generation")
            return lifted(report, self._keys)
        except InvalidEvent as why:
            return why.as_value()

    def _take(self, report: StoredReport, folded: Folded) -> _Taken | None:
        """Take in a valid report; what is not its newest word changes nothing (None)."""
        report = stripped(report, self._erasures)
        old = self._nodes.word(report.key)
        if old is not None and report.rank <= old.rank:
            folded.counts[DUPLICATES] += 1
            folded.answered[ANSWERED, report.published_at] += 1
            return None
        before = old if old is not None and not old.withdrawn else None
        now = report if not report.withdrawn else None
        if now is not None:
            self._count_limits(now)
        touched = self._contributions.replace(before, now)
        self._nodes.hear(report)
        cause = Cause(report.key, report.received_at, report.published_at)
        said = self._speech.begin(touched, cause)
        self._sizes.reports += (now is not None) - (before is not None)
        return _Taken(before, now, report, said)

    def _tell(self, taken: _Taken, folded: Folded) -> list[Telling]:
        """Say what came of a report: its claims, levels and clusters, and where it is filed."""
        before, now, report, said = taken
        events = [*claim_events(before, now, report), *said.levels]
        if not events:
            # No account's owner has anything to answer.
            folded.answered[ANSWERED, report.published_at] += 1
        cluster = said.of.get(report.home) if now is not None else None
        return [*self._account_log(events), *said.tellings, partial(filed, report, cluster)]

    def _take_decision(
        self, decision: StoredDecision, folded: Folded, tellings: list[Telling]
    ) -> None:
        """Take in an analyst's decision, or that it was taken back."""
        decision = without_erased(decision, self._erasures)
        concerned = self._decisions.concerned(decision)
        if concerned is None:
            folded.counts[DUPLICATES] += 1
            return
        touched = self._contributions.decide(decision, concerned)
        cause = Cause(decision.key, decision.decided_at, decision.published_at)
        said = self._speech.about(touched, cause)
        tellings += self._account_log(said.levels)
        tellings += said.tellings
        self._sizes.clusters += said.clusters

    def _erase(self, erasure: StoredDecision, offset: int, tellings: list[Telling]) -> None:
        """Forget what was received before an erasure and names one of its identifiers.

        Also when it comes again: it may have been asked for by a worker that did not live to say
        all of this. The accounts are told last, when what the reports said is taken back.
        """
        hashes = tuple(text.removeprefix(HASH_PREFIX) for text in erasure.identifiers)
        self._erasures.add(hashes, erasure.decided_at)
        self._floor.raise_to(offset)
        self._write()
        cause = Cause(erasure.key, erasure.decided_at, erasure.published_at)
        reports, decisions = self._eraser.reports(), self._eraser.decisions()
        said = self._replace(reports, decisions, cause, tellings)
        events: list[AccountEvent] = []
        for before, left in reports:
            events += claim_events(before, None if left.withdrawn else left, left)
            tellings.append(partial(filed, left, said.of.get(left.home)))
        tellings += self._account_log([*events, *said.levels])
        tellings += [partial(_as_it_is, output) for output in self._eraser.forget()]
        # Of what is forgotten nobody knows that this version was said of it.
        self._floor.raise_to(offset + 1)
        value = encode_log_entry(Erasure(erasure.decided_at, hashes))
        for partition in range(self._partitions):
            output = Output(ACCOUNT_LOG, None, value, (), partition)
            tellings.append(partial(_as_it_is, output))

    def _replace(
        self,
        reports: Sequence[tuple[StoredReport | None, StoredReport]],
        decisions: Iterable[tuple[StoredDecision, set[str]]],
        cause: Cause,
        tellings: list[Telling],
    ) -> Said:
        """Let words stand in place of others, all at once; levels are yet to be told.

        So each thing is said once, and its version is that of this position.
        """
        touched: set[str] = set()
        for before, left in reports:
            touched |= self._contributions.replace(before, None if left.withdrawn else left)
            self._nodes.hear(left)
            self._sizes.reports -= before is not None and left.withdrawn
        for decision, concerned in decisions:
            touched |= self._contributions.decide(decision, concerned)
        said = self._speech.about(touched, cause)
        tellings += said.tellings
        self._sizes.clusters += said.clusters
        self._write()
        return said

    def _lift(self, record: Record, tellings: list[Telling]) -> None:
        """Bring all voices into the generation of the newest key: once, when it has come.

        What is said is only where two hashes turn out to be one person's. The accounts lift the
        voices of their claims by themselves.
        """
        cause = Cause("new key", record.timestamp, record.timestamp)
        for reports in self._generation.reports():
            told = [(before if not before.withdrawn else None, now) for before, now in reports]
            tellings += self._account_log(self._replace(told, (), cause, tellings).levels)
        self._generation.done()

    def _count_limits(self, report: StoredReport) -> None:
        """Count the limits that leave out something of a report."""
        if is_list(report):
            self._hits["limit_hits", "report_lists"] += 1
        elif len(report.identifiers) > PAIRWISE_IDENTIFIERS:
            self._hits["limit_hits", "report_pairs"] += 1
        if [name for _, name in report.names if name.count(" ") >= MAX_WORDS]:
            self._hits["limit_hits", "name_words"] += 1

    def _account_log(self, events: Iterable[AccountEvent]) -> list[Telling]:
        """Return few records for each partition: claims first, then levels."""
        grouped: dict[int, list[AccountEvent]] = {}
        for event in events:
            partition = partition_of(event.account, self._partitions)
            grouped.setdefault(partition, []).append(event)
        return [
            partial(_as_it_is, Output(ACCOUNT_LOG, None, value, (), partition))
            for partition in sorted(grouped)
            for value in encode_account_events(grouped[partition])
        ]


def _decoded(record: Record) -> Report | AnalystDecision | InvalidEvent:
    decode = decode_decision if topic_of(record, REPORTS) == ANALYST_DECISIONS else decode_report
    try:
        return decode(event_data(record))
    except InvalidEvent as why:
        return why.as_value()


def _as_it_is(output: Output) -> Output:
    return output


def filed(report: StoredReport, cluster: tuple[str, int] | None) -> Output:
    """Return the record that says where a report is filed: in which cluster (id, version)."""
    key, version, at = report.key.encode(), report.version, moment(report.received_at)
    content = FiledReport(
        report=report.key,
        version=version,
        received_at=at,
        identifier=report.home if cluster else None,
        cluster_id=cluster[0] if cluster else None,
        cluster_version=cluster[1] if cluster else 0,
        identifiers=list(report.identifiers) if cluster else [],
        scam_type=report.scam_type if cluster else None,
    )
    # The id says nothing of the report: an agency's own reference may speak of a person.
    headers = headers_out(FiledReport.SCHEMA, f"{digest(key)}.{version}", at, report.published_at)
    return Output(FILED_REPORTS, key, encode_said(content), headers)
