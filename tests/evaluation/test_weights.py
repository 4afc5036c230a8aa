"""Weights estimated from labelled worlds: what was counted counts, and what was not stays."""

from collections import Counter
from importlib import resources

import yaml

from evaluation.runs import World
from evaluation.weights import BEFORE, FEWEST, HEAD, SEEDS, VERSION, Counts, estimated, written
from pipeline.clustering.evidence import Model, load_model
from pipeline.policy.policy import load_policy


def before():
    source = resources.files("pipeline.clustering") / f"{BEFORE}.yaml"
    return yaml.safe_load(source.read_text(encoding="utf-8"))


def empty():
    return Counts(load_model(BEFORE), load_policy())


def test_evidence_found_oftener_of_one_ring_than_of_strangers_is_worth_bits():
    counts = empty()
    counts.pairs = Counter({True: 1_000, False: 100_000})
    counts.found["shared_phone"] = Counter({True: 500, False: 100})
    # 500 of 1,000 and 100 of 100,000: 500 times as often, 9 bits.
    assert counts.evidence_bits("shared_phone", 20.0) == 9.0


def test_what_was_seen_too_seldom_stays_as_it_was_judged():
    counts = empty()
    counts.pairs = Counter({True: 1_000, False: 100_000})
    counts.found["same_voice"] = Counter({True: FEWEST - 1})
    assert counts.evidence_bits("same_voice", 12.5) == 12.5
    assert counts.together_bits("nid", 12.0) == 12.0


def test_odds_of_a_link_are_measured_against_those_of_a_random_pair():
    counts = empty()
    counts.random_together = Counter({True: 1, False: 95})
    counts.together["phone"] = Counter({True: 255, False: 1})
    # 2**7.4 to one, over 2**-6.0 to one.
    assert counts.together_bits("phone", 8.0) == 13.5


def test_a_world_gives_a_model_that_loads_with_its_common_names():
    counts = empty()
    counts.add(World(21, 200, "default"))
    model = Model.model_validate(yaml.safe_load(HEAD + written(estimated(before(), counts))))
    assert model.version == VERSION
    assert model.names.common_sounds
    assert model.person.rare_name > before()["person"].get("rare_name", 0.0)


def test_the_default_model_was_made_by_it_and_leaves_the_evaluations_seeds_alone():
    assert load_model().version == VERSION
    source = resources.files("pipeline.clustering") / f"{VERSION}.yaml"
    assert source.read_text(encoding="utf-8").startswith(HEAD)
    assert max(SEEDS) < 100
