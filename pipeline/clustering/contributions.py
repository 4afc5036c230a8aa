"""Adding a report to the state and taking it back: every row that it moves, and who is touched."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Final

from pipeline.clustering.around import PUBLIC, TOLD_ONCE, Role, role_of
from pipeline.clustering.candidates import Candidates, outranks
from pipeline.clustering.contacts import CONTACTS
from pipeline.clustering.decisions import Decisions, StoredDecision
from pipeline.clustering.edges import Edges
from pipeline.clustering.handles import Handles
from pipeline.clustering.known import is_known
from pipeline.clustering.nameless import is_vouched_for, may_turn
from pipeline.clustering.nodes import FEW, Node, Nodes
from pipeline.clustering.normalised import StoredReport
from pipeline.clustering.pairs import PAIRWISE_IDENTIFIERS
from pipeline.clustering.passing import Passing
from pipeline.clustering.personas import NOBODY, Persona
from pipeline.clustering.persons import Persons, blocks_of
from pipeline.clustering.rows import NodeSummary
from pipeline.clustering.summaries import summarise
from pipeline.identity.account import bank_of, is_account

_UNTOLD: Final = (False, False)


def _place_of(node: Node) -> tuple[bool, bool, tuple[bool, bool], Role]:
    """Return what others' ties and decisions hang on.

    Whether it lives, whether it is vouched for, whether it is known (also as a public number) and
    more than one voice tells it, and its role in others' parts.
    """
    summary = node.summary
    told = is_known(node), summary.voices > 1
    return node.living, is_vouched_for(summary), told, role_of(node)


def _is_contact(node: Node) -> bool:
    return node.key.startswith(CONTACTS)


def _identifiers(word: StoredReport | None) -> frozenset[str]:
    return frozenset(word.identifiers) if word is not None else frozenset()


def _holders(nodes: dict[str, Node], words: list[StoredReport]) -> list[tuple[Node, Persona]]:
    """Return the accounts of whose holders the words tell, and what is told so far.

    Before the words count: what is told of many is no longer there afterwards.
    """
    told = {of for word in words for of, _ in (*word.names, *word.traits)}
    return [(nodes[key], nodes[key].persona()) for key in sorted(told)]


class Contributions:
    """Moves what is known of identifiers, and says which to look at again."""

    def __init__(
        self,
        nodes: Nodes,
        edges: Edges,
        candidates: Candidates,
        persons: Persons,
        handles: Handles,
        decisions: Decisions,
    ) -> None:
        self._passing = Passing(nodes, edges)
        self._persons = persons
        self._handles = handles
        self._nodes = nodes
        self._decisions = decisions
        self._edges = edges
        self._candidates = candidates

    def prepare(self, reports: Iterable[StoredReport]) -> None:
        """Work out what hangs on the texts of reports alone, and is kept until it is asked for.

        Only for speed: the processor does one thing at a time so.
        """
        for report in reports:
            for key in report.identifiers:
                if key.startswith(CONTACTS) and not self._nodes.of(key).living:
                    self._candidates.prepare(key)
            for account, name in report.names:
                blocks_of(bank_of(account), Persona((name,), (), ()))

    def replace(self, old: StoredReport | None, new: StoredReport | None) -> set[str]:
        """Let ``new`` stand in place of ``old``; return every identifier to look at again."""
        words = [word for word in (old, new) if word is not None]
        nodes = {key: self._nodes.of(key) for word in words for key in word.identifiers}
        if old is None and new is not None and self._is_first_word(new, nodes):
            return self._add_first_word(new, nodes)
        holders = _holders(nodes, words)
        stood = [
            (
                node,
                _place_of(node)
                if node.living
                else (False, False, _UNTOLD, PUBLIC if node.hub else TOLD_ONCE),
                node.summary.standing if node.alike and node.is_account else None,
                node.summary.reports,
            )
            for node in nodes.values()
        ]
        touched = set(nodes)
        # What a corrected report names as before does not vanish and appear again: to look for
        # its look-alikes anew would cost more than all else.
        staying = _identifiers(old) & _identifiers(new)
        if old is not None:
            touched |= self._take_back(old, nodes, staying)
        if new is not None:
            self._add(new, nodes, staying)
        turned: list[tuple[Node, Role]] = []
        hubs: list[Node] = []
        alike = False
        for node, before, _, reports in stood:
            alike = alike or node.alike > 0
            if (form := self._handles.told_otherwise(node.key)) is not None:
                touched.add(form)
            if 0 < min(reports, node.summary.reports) <= FEW and not node.is_account:
                touched.update(self._slips_beside(node))
            lived, was_vouched, was_told, old_role = before
            lives, vouched, told, role = now = _place_of(node)
            if now == before:
                continue
            if lived and lives and told != was_told and _is_contact(node):
                touched |= self._candidates.turn(node)
                alike = alike or node.alike > 0
            if lives != lived:
                # What was decided about it begins to count, or ceases to.
                touched |= self._decisions.partners(node.key)
            hub = role.public
            if hub != old_role.public:
                hubs.append(node)
            if role != old_role:
                turned.append((node, old_role))
                touched |= self._entangled_beside(node, old_role)
            # Whoever is new is tied to none but those that this report names.
            turns = lived and (told[0], vouched) != (was_told[0], was_vouched)
            if turns and not hub and may_turn(node):
                touched.update(self._edges.ties(node))
        for node, persona in holders:
            if node.persona() != persona:
                touched |= self._persons.move(node, persona)
        if alike:
            for node, _, standing, _ in stood:
                if standing is not None and node.alike and node.summary.standing != standing:
                    touched |= self._outranked(node, standing)
        for node in hubs:
            touched |= self._turned(node)
        passing = self._passing.concerned(old, new, nodes, turned)
        if passing:
            touched |= self._passing.renew(passing)
        if alike or len(touched) > len(nodes):
            touched |= self._edges.weigh_look_alikes(touched)
        return touched

    def _is_first_word(self, report: StoredReport, nodes: dict[str, Node]) -> bool:
        """Say whether nothing is known of all that a report names, and nothing public is in it."""
        others = len(nodes) - 1
        return others < PAIRWISE_IDENTIFIERS and not any(
            node.living or others > node.hub_limit or self._decisions.concern(key)
            for key, node in nodes.items()
        )

    def _add_first_word(self, report: StoredReport, nodes: dict[str, Node]) -> set[str]:
        """Let the first report about all that it names count: most reports are such.

        The same as `replace` does, without what hangs on what was known before: nobody else is
        tied to these, none of them is a public number, and no part around them is known.
        """
        touched = set(nodes)
        self._add(report, nodes, frozenset())
        alike = False
        for key, node in nodes.items():
            alike = alike or node.alike > 0
            if (form := self._handles.told_otherwise(key)) is not None:
                touched.add(form)
        for key in sorted({of for of, _ in (*report.names, *report.traits)}):
            touched |= self._persons.move(nodes[key], NOBODY)
        if alike or len(touched) > len(nodes):
            touched |= self._edges.weigh_look_alikes(touched)
        return touched

    def _slips_beside(self, node: Node) -> set[str]:
        """Return the look-alikes that may have stood alone with an identifier, or do so now."""
        accounts = filter(is_account, self._edges.ties(node)) if not node.hub else ()
        return {account for account in accounts if self._nodes.of(account).alike}

    def _entangled_beside(self, node: Node, before: Role) -> set[str]:
        """Return those whose ties to an identifier may hold, or no more, since others know it."""
        if node.hub or role_of(node).known == before.known:
            return set()
        return {key for key in self._edges.ties(node) if self._nodes.of(key).step}

    def _outranked(self, node: Node, before: tuple[int, int]) -> set[str]:
        """Return the look-alikes that a number outranks since its standing changed, or no more."""
        others = (self._nodes.of(key) for key, _ in self._candidates.of(node))
        return {
            other.key
            for other in others
            if outranks(before, other.summary.standing)
            != outranks(node.summary.standing, other.summary.standing)
        }

    def decide(self, decision: StoredDecision, concerned: set[str]) -> set[str]:
        """Let a decision count that concerns these; return every identifier to look at again."""
        nodes = [self._nodes.of(key) for key in sorted(concerned)]
        self._decisions.hear(decision)
        touched = {node.key for node in nodes if node.living}
        turned = []
        for node in nodes:
            old_role, node.public = role_of(node), self._decisions.public(node.key)
            if node.living and node.hub != old_role.public:
                turned.append((node, old_role))
                touched |= self._turned(node)
        touched |= self._passing.renew(self._passing.concerned(None, None, {}, turned))
        return touched | self._edges.weigh_look_alikes(touched)

    def _turned(self, node: Node) -> set[str]:
        """Return who is touched by a number that has become public, or is so no longer."""
        # At its threshold a public number has as many neighbours as the limit, no more.
        node.ties, node.stale = None, None
        touched = set(self._edges.neighbours(node))
        if (form := self._handles.told_otherwise(node.key)) is not None:
            touched.add(form)
        touched.update(other for other, _ in self._candidates.of(node))
        touched.update(node.persons)
        return touched

    def _add(self, report: StoredReport, nodes: dict[str, Node], staying: Set[str]) -> None:
        new_contacts: list[Node] = []
        for key in report.identifiers:
            node = nodes[key]
            is_new = not node.living and key not in staying
            if node.many is None and len(node.few) >= FEW:
                self._become_many(node)
            had_voice = node.is_account and node.alike > 0 and node.has_voice(report.voice)
            if node.many is None:
                node.few = [*node.few, report]
            else:
                self._count(node, report, 1)
            node.changed(report, 1)
            self._nodes.change(node)
            if is_new and node.is_account:
                self._candidates.appear(node)
            elif is_new and _is_contact(node):
                new_contacts.append(node)
            if node.alike and node.is_account:
                self._candidates.count_voice(node, report, had_voice, 1)
                self._candidates.count_payments(node, report, 1)
        for contact in new_contacts:
            self._candidates.appear_as_contact(contact)
        self._edges.count(report, nodes, 1)

    def _take_back(
        self, report: StoredReport, nodes: dict[str, Node], staying: Set[str]
    ) -> set[str]:
        """Subtract a report; return the look-alikes of accounts that nobody names any more.

        What is ``staying`` is named by the report's new word too.
        """
        self._edges.count(report, nodes, -1)
        former: set[str] = set()
        for key in report.identifiers:
            node = nodes[key]
            if node.many is None:
                node.few = [other for other in node.few if other.key != report.key]
            else:
                self._count(node, report, -1)
            node.changed(report, -1)
            self._nodes.change(node)
            if node.alike and node.is_account:
                has_voice = node.has_voice(report.voice)
                self._candidates.count_voice(node, report, has_voice, -1)
                self._candidates.count_payments(node, report, -1)
            if (node.is_account or node.alike) and not node.living and key not in staying:
                former |= self._candidates.vanish(node)
        for key in report.identifiers:
            node = nodes[key]
            if node.many is not None and node.summary.reports <= FEW and key not in staying:
                self._become_few(node)
        return former

    def _count(self, node: Node, report: StoredReport, by: int) -> None:
        """Move the rows of an identifier that many reports name, but those of pairs."""
        many, rows, summary = node.many, self._nodes.rows, node.summary
        assert many is not None, "only they have rows"
        rows.count(node.key, summary, report, by)
        if report.home == node.key:
            home = (report.received_at, report.key)
            (many.homes.add if by > 0 else many.homes.remove)(home)
        if rows.count_voice(node.key, summary, report, by):
            (many.voices.add if by > 0 else many.voices.remove)(report.voice)
        if not node.is_account:
            return
        for account, name in report.names:
            if account == node.key and rows.count_name(account, name, by):
                (many.names.add if by > 0 else many.names.remove)(name)
        for account, trait in report.traits:
            if account == node.key and rows.count_trait(account, trait, by):
                (many.traits.add if by > 0 else many.traits.remove)(trait)
        rows.mark_payments(node.key, report, by)

    def _become_many(self, node: Node) -> None:
        """Turn an identifier's list of reports into counts and rows."""
        reports, node.few = node.few, []
        node.many, node.summary = self._nodes.many(node.key), NodeSummary(scam_types={}, days={})
        for report in reports:
            self._count(node, report, 1)
        self._edges.spread(node, reports)

    def _become_few(self, node: Node) -> None:
        """Turn an identifier's counts and rows into its list of reports."""
        reports = [self._nodes.report(key) for key in self._nodes.rows.reports(node.key)]
        self._edges.gather(node, reports)
        for report in reports:
            self._count(node, report, -1)
        node.many, node.few = None, reports
        node.summary = summarise(node.key, reports)
