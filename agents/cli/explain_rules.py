"""What an alert's or an account's rules say: which one acted, which one forbids, what would change.

The same rules are applied in `pipeline.accounts`; here each is said in a sentence, with the figures
of the file and of the policy, in the order in which they are asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rich.text import Text
from rich.tree import Tree

from agents.console import thai_moment, visible
from pipeline.accounts.file import AccountFile
from pipeline.accounts.grounds import LAUNDERING_LEVEL, has_bank, is_certain
from pipeline.accounts.matching import UNMATCHED, Matcher
from pipeline.accounts.versions import bank_behind
from pipeline.contracts.account_log import Level
from pipeline.contracts.alerts import AlertKind, FreezeAlert
from pipeline.identity.account import bank_of, has_usual_length, is_account
from pipeline.policy.policy import LevelRule, Policy

_MAY_BE_A_SLIP = (
    "a number that looks like it is named by more people, so it may be a slip: only payments that "
    "are seen in it are held"
)


class Rule(NamedTuple):
    """One rule as it was applied: whether it lets holds be asked for, and why."""

    allows: bool
    said: str


def rules_of(file: AccountFile, policy: Policy) -> list[Rule]:
    """Return the rules that decide whether holds may be asked for at an account, as it is now."""
    level = file.level
    if level is None:
        no_level = Rule(False, "no report names the account, so it has no level")
        vouched = any(claim.vouched and not claim.withdrawn for claim in file.claims.values())
        by_proxy = "a proxy of it is reported: what was paid to that is held here"
        return [no_level, Rule(True, by_proxy)] if vouched else [no_level]
    if bank_behind(file) is not None and policy.claims.proxies:
        is_proxy = "it is a proxy: what was not seen in it is held at the account behind it"
        return [_level_rule(level, policy), Rule(False, is_proxy)]
    return [
        _level_rule(level, policy),
        Rule(True, "it is clear which bank to ask")
        if has_bank(file)
        else Rule(False, "its bank is not known, so there is nobody to ask"),
        Rule(
            False,
            "a number that looks like it is named by more people: only seen payments are held",
        )
        if level.misspelt
        else Rule(True, "no number that looks like it is named by more people"),
        _confirmed_rule(file, level, policy),
        _undisputed_rule(file, level, policy),
    ]


def _level_rule(level: Level, policy: Policy) -> Rule:
    name = level.level.replace("_", " ")
    if level.acting:
        return Rule(True, f"level {name} may act")
    # The policy lists its levels from the highest down.
    nearest = [rule for rule in policy.levels if rule.level in policy.acting_levels][-1]
    return Rule(False, f"level {name} does not act; {rule_sentence(nearest)}")


def _confirmed_rule(file: AccountFile, level: Level, policy: Policy) -> Rule:
    needed = policy.claims.unseen_reports
    if level.level == LAUNDERING_LEVEL:
        return Rule(True, "the number is confirmed by a laundering list")
    if is_account(file.account) and bank_of(file.account) in policy.claims.silent_banks:
        return Rule(True, "its bank publishes no payments: one verified person is enough")
    if not is_account(file.account) and file.account.startswith("wallet:"):
        return Rule(True, "the address has check digits, so nobody mistypes it")
    usual = not policy.claims.usual_lengths or has_usual_length(file.account)
    if usual and level.reports >= needed:
        return Rule(True, f"the number is confirmed: {level.reports} reports name it")
    if _was_seen(file, policy):
        return Rule(True, "the number is confirmed: a disputed payment was seen in it")
    if not usual:
        return Rule(
            False,
            "its bank gives out no number of this length: only payments that are seen in it are "
            "held",
        )
    return Rule(
        False,
        f"{level.reports} report names the number, which may be a slip: until {needed} do, "
        "only payments that are seen in it are held",
    )


def _was_seen(file: AccountFile, policy: Policy) -> bool:
    """Whether any payment in dispute was seen in the account."""
    matcher = Matcher(file.claims.values(), file.postings, policy.claims)
    matcher.settle()
    return any(payment.posting is not None for payment in matcher.payments.values())


def _undisputed_rule(file: AccountFile, level: Level, policy: Policy) -> Rule:
    needed = policy.holds.incoming_verified_voices
    if level.level == LAUNDERING_LEVEL:
        return Rule(True, "payments that nobody disputes are held too: a laundering list names it")
    if not (is_certain(file.account, policy) or _was_seen(file, policy)):
        needed = max(needed, policy.holds.incoming_unseen_voices)
    enough = level.verified_voices >= needed and not level.misspelt
    held = "are held too" if enough else "are not held"
    return Rule(
        enough,
        f"payments that nobody disputes {held}: {level.verified_voices} of {needed} verified "
        "persons name it",
    )


def rule_sentence(rule: LevelRule) -> str:
    """Return what a level needs."""
    needs = [
        f"at least {rule.voices} person(s)" if rule.voices else "",
        f"at least {rule.verified_voices} verified person(s)" if rule.verified_voices else "",
        "a police complaint" if rule.police_filed else "",
        "the bank's own detection" if rule.bank_detected else "",
        "an entry on a laundering list" if rule.laundering_listed else "",
    ]
    return f"{rule.level.replace('_', ' ')} needs {' and '.join(one for one in needs if one)}"


def add_rules(tree: Tree, file: AccountFile | None, policy: Policy | None) -> None:
    """Show the rules about an account, each with a sign of whether it allows holds."""
    if file is None or policy is None:
        return
    branch = tree.add(Text("Rules, as the account is now", style="bold"))
    for rule in rules_of(file, policy):
        line = Text("yes  " if rule.allows else "no   ", style="green" if rule.allows else "yellow")
        branch.add(line.append(visible(rule.said), "default"))


def rule_that_acted(alert: FreezeAlert) -> str:
    """Return the rule by which an alert stands or ended, in a sentence."""
    if alert.kind is AlertKind.RELEASE:
        return f"it ended: {(alert.release_reason or 'evidence gone').replace('_', ' ')}"
    if alert.kind is AlertKind.VICTIM_STILL_PAYING:
        return "the bank is told of a customer's payment to an account whose level may act"
    if alert.kind is AlertKind.WATCH:
        return "nothing is held, as its sentence says why; an account with a level is watched"
    kinds = {one.kind for one in alert.evidence}
    if "transfer" in kinds:
        return "stolen money that went on is held where it rests, as far as it is traced there"
    if "claim" not in kinds:
        return "a payment into an account that may be acted on is held though nobody disputes it"
    unseen = any(one.detail == UNMATCHED for one in alert.evidence)
    how = "not seen yet: its number is confirmed otherwise" if unseen else "seen in the account"
    return f"a payment that a verified person disputes is held; it was {how}"


def what_would_change(
    alert: FreezeAlert, file: AccountFile | None, policy: Policy | None
) -> list[str]:
    """Return, in sentences, which news would lead to another version or a release."""
    if alert.kind is AlertKind.RELEASE:
        if alert.superseded_by is not None:
            return [f"Alert {alert.superseded_by} now speaks of the same money: explain that one."]
        return ["A new report or payment about this account would open it again, as a new version."]
    if alert.kind is AlertKind.VICTIM_STILL_PAYING:
        return ["It ends when the account that was paid is no longer at a level that may act."]
    if alert.kind is AlertKind.WATCH:
        return list(_changes_of_a_watch(file, policy))
    return list(_changes_of_a_hold(alert, file, policy))


def _changes_of_a_watch(file: AccountFile | None, policy: Policy | None) -> Iterator[str]:
    verified = "A verified reporter (ThaID, NDID, police or bank)"
    if policy is not None:
        verified = f"A reporter verified by {', '.join(sorted(policy.reporters.verified_by))}"
    acting = file is not None and file.level is not None and file.level.acting
    yield (
        "The disputed payment being seen there leads to a hold; one more report may, too."
        if acting
        else f"{verified} would let it act: then holds are asked for."
    )
    if file is not None and not has_bank(file):
        yield "A report that names its bank would give somebody to ask."
    yield "It ends when the reports that name the account are withdrawn."


def _changes_of_a_hold(
    alert: FreezeAlert, file: AccountFile | None, policy: Policy | None
) -> Iterator[str]:
    yield f"The clock: it ends by itself at {thai_moment(alert.holds_until)} (UTC+7)."
    if policy is not None and not _police_filed(file):
        yield (
            f"A police complaint makes it last {policy.holds.police_hours} hours instead of "
            f"{policy.holds.hours}."
        )
    if any(one.kind == "transfer" for one in alert.evidence):
        yield "The money going on lowers it here, and it is asked for where it goes."
    yield "The reports being withdrawn or corrected, so that no claim is left, releases it."
    yield "The bank or the police ending it (released, refused, seized) releases it."
    yield (
        "Money leaving the account lowers the amount, to no more than the newest known balance."
        if alert.balance_known
        else "A known balance would cap the amount; none is known now."
    )
    if any(one.detail == UNMATCHED for one in alert.evidence):
        yield "The payment being seen replaces it by an alert about that very payment."


def _police_filed(file: AccountFile | None) -> bool:
    if file is None:
        return False
    return (file.level is not None and file.level.police_filed) or any(
        claim.police_filed and not claim.withdrawn for claim in file.claims.values()
    )
