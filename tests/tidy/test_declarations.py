"""Code and declarations agree: topics.yaml and metrics.yaml name all that is used, and no more."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import topics as topics_module
from pipeline.metrics import MetricsError, load_metrics, parse_metrics
from pipeline.topics import AGENTS, PARTIES, TopicsError, dead_letters_of, load_topics, parse_topics

TOP = Path(__file__).parents[2]
METRIC_CALLS = {"count", "observe", "gauge", "forget"}
UNBOUNDED_LABELS = {"account", "phone", "bank", "name", "cluster", "report", "key", "text"}

GOOD_TOPIC = """
  {name}:
    purpose: A topic that this test has made up.
    key: none
    contract: report
    partitions: 1
    retention_ms: -1
    max_message_bytes: 1048576
    producers: [banks]
    consumers: [intake]
"""


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for folder in ("pipeline", "agents"):
        for path in sorted((TOP / folder).rglob("*.py")):
            yield str(path.relative_to(TOP)), ast.parse(path.read_text(encoding="utf-8"))


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _metrics_named(tree: ast.Module) -> Iterator[str]:
    """Names given to metrics.count(…) and its like, and the keys of a fold's counts."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in METRIC_CALLS
            and "metrics" in ast.unparse(node.func.value)
            and node.args
            and _is_text(node.args[0])
        ):
            yield ast.literal_eval(node.args[0])
        if (
            isinstance(node, ast.Subscript)
            and ast.unparse(node.value).endswith(".counts")
            and isinstance(node.slice, ast.Tuple)
            and _is_text(node.slice.elts[0])
        ):
            yield ast.literal_eval(node.slice.elts[0])


def test_every_metric_in_code_is_declared() -> None:
    declared = load_metrics()
    unknown = {
        f"{path}: {name}"
        for path, tree in _trees()
        for name in _metrics_named(tree)
        if name not in declared
    }
    assert not unknown


def test_no_label_can_grow_without_bound() -> None:
    named = {(metric.name, *metric.labels) for metric in load_metrics().values()}
    assert not [labels for labels in named if UNBOUNDED_LABELS & set(labels[1:])]


def test_every_topic_has_a_name_in_code_and_the_other_way_round() -> None:
    constants = {
        value
        for name, value in vars(topics_module).items()
        if name.isupper() and isinstance(value, str)
    }
    declared = load_topics()
    assert constants == declared.keys() - declared.dead_letter_topics


def test_which_topics_hold_dead_letters_no_name_says_but_the_declaration() -> None:
    spelt = [
        f"{path}:{node.lineno}"
        for path, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and str(node.value).endswith("-dead-letters")
        # A field of the AsyncAPI document.
        if node.value != "x-dead-letters"
    ]
    assert spelt == []
    declared = load_topics()
    assert {t: dead_letters_of(t) for t in declared.dead_letter_topics.values()} == {
        topic: letters for letters, topic in declared.dead_letter_topics.items()
    }


def test_topic_names_are_written_in_one_place_only() -> None:
    # One-word names are ordinary words too; those with a dash can only be the topic.
    names = {name for name in load_topics() if "-" in name}
    written = [
        f"{path}:{node.lineno}: {node.value}"
        for path, tree in _trees()
        # The command line has commands of the same name.
        if path != "pipeline/topics.py" and not path.startswith("agents/cli/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in names
    ]
    assert not written


def test_every_topic_has_writers_and_readers_and_every_party_a_topic() -> None:
    declared = load_topics()
    for party in AGENTS | PARTIES:
        assert declared.read_by(party) or declared.written_by(party), party
    for topic in declared.values():
        if not topic.internal or topic.contract == "dead_letter":
            continue
        assert {*topic.producers, *topic.consumers} <= AGENTS, topic.name


def test_what_strangers_write_has_dead_letters() -> None:
    for topic in load_topics().values():
        if PARTIES & set(topic.producers):
            dead = load_topics()[dead_letters_of(topic.name)]
            assert dead.contract == "dead_letter"
            readers = (*topic.consumers, *topic.looked_up_by)
            assert dead.producers == tuple(a for a in readers if a in AGENTS)
            assert dead.max_message_bytes > topic.max_message_bytes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD_TOPIC.format(name="a") * 2, "the key 'a' is given twice"),
        (GOOD_TOPIC.format(name="A"), "lower-case letters"),
        (GOOD_TOPIC.format(name="a") + "    compact: true\n", "either retention_ms or compact"),
        (GOOD_TOPIC.format(name="a") + "    dead_letters: b\n", "b is not declared"),
        (GOOD_TOPIC.format(name="a") + "    colour: red\n", "colour"),
        (GOOD_TOPIC.format(name="a").replace("banks", "strangers"), "strangers"),
        (GOOD_TOPIC.format(name="a").replace("partitions: 1", "partitions: 0"), "partitions"),
        ("", "no topics are declared"),
    ],
)
def test_a_wrong_topic_is_named_with_its_fault(text: str, message: str) -> None:
    with pytest.raises(TopicsError, match=message):
        parse_topics("topics:\n" + text)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("type: counter, labels: [], unit: x, help: Too short", "help"),
        ("type: histogram, labels: [], unit: x, help: Has no buckets", "buckets"),
        ("type: counter, labels: [a, a], unit: x, help: Twice the same", "labels differ"),
    ],
)
def test_a_wrong_metric_is_named_with_its_fault(fields: str, message: str) -> None:
    with pytest.raises(MetricsError, match=message):
        parse_metrics(f"metrics: {{some_metric: {{{fields}}}}}")
