"""Splink (Ministry of Justice, UK) on the same data in batch: with plain defaults and a fair model.

Splink wants flat records, so of each report the first identifier of a kind counts, read by the
product's own normalisers; that is to Splink's good. Nothing is tuned on the labels: the threshold
is 0.95 throughout, as in Splink's own tutorials.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import Any

import duckdb
import pandas as pd
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from evaluation import febrl
from evaluation.measure import note
from evaluation.runs import World, lines, truth_of
from pipeline.clustering.normalised import StoredReport
from pipeline.evaluation.grouping import parts_of, scores_of
from pipeline.evaluation.told import newest_reports
from pipeline.evaluation.truth import Truth
from pipeline.policy.policy import load_policy

Json = dict[str, Any]
THRESHOLD = 0.95
_SEED = 7
_PAIRS = 1e6
_KINDS = ("account", "phone", "handle", "url", "promptpay", "nid")


def splink_figures(world: World) -> Json:
    """Return pairwise F1, B-cubed F, largest cluster and seconds of each model on each data set."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    scenario = world.scenario()
    stored = newest_reports(lines(scenario.reports), load_policy())
    data = {
        "febrl3": (_febrl_frame(), febrl.truth(3), _FEBRL),
        f"world_{world.reports}": (_world_frame(stored), truth_of(scenario), _WORLD),
    }
    found: Json = {}
    for name, (frame, truth, models) in data.items():
        for model, (comparisons, rules, trainings) in models.items():
            note(f"splink, {name}, {model}")
            began = time.perf_counter()
            groups = _clusters(frame, comparisons(), rules, trainings)
            figures = _score(truth, groups)
            figures["seconds"] = round(time.perf_counter() - began, 1)
            found[f"{name}_{model}"] = figures
    return found


def _score(truth: Truth, found: dict[str, str]) -> Json:
    known = {r.report: r.group or f"alone {r.report}" for r in truth.speaking()}
    scores = scores_of(parts_of(known, {k: v for k, v in found.items() if k in known}))
    return {
        "f1": round(scores.pairwise.f1, 4),
        "b3": round(scores.b_cubed.f1, 4),
        "largest": max(Counter(found.values()).values()),
    }


def _clusters(
    frame: pd.DataFrame, comparisons: list[Any], rules: list[Any], trainings: list[Any]
) -> dict[str, str]:
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="unique_id",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=[block_on(*each) for each in rules],
    )
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    table = DuckDBAPI(connection).register(frame)
    linker = Linker(table, settings, log_level=logging.ERROR)
    linker.training.estimate_probability_two_random_records_match(
        [block_on(*each) for each in trainings], recall=0.8
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=_PAIRS, seed=_SEED)
    for each in trainings:
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*each))
    pairs = linker.inference.predict(threshold_match_probability=THRESHOLD)
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
        pairs, threshold_match_probability=THRESHOLD
    ).as_pandas_dataframe()
    return dict(zip(clusters["unique_id"], clusters["cluster_id"].astype(str), strict=True))


def _febrl_frame() -> pd.DataFrame:
    frame = pd.DataFrame(febrl.rows(3)).replace("", None)
    frame["unique_id"] = "febrl/" + frame["rec_id"]
    return frame.drop(columns=["rec_id"])


def _world_frame(reports: dict[str, StoredReport]) -> pd.DataFrame:
    records = []
    for key, report in sorted(reports.items()):
        record: Json = {"unique_id": key, "name": report.names[0][1] if report.names else None}
        for kind in _KINDS:
            named = [each for each in report.identifiers if each.startswith(f"{kind}:")]
            record[kind] = named[0] if named else None
        number = (record["account"] or "::").split(":")
        record["bank"], record["number"] = number[1] or None, number[2] or None
        payment = report.payments[0] if report.payments else None
        record["amount"] = str(payment.amount) if payment else None
        record["person"] = report.voice if report.voice != key else None
        records.append(record)
    return pd.DataFrame(records)


def _febrl_plain() -> list[Any]:
    columns = ("given_name", "surname", "date_of_birth", "soc_sec_id", "address_1", "suburb")
    return [cl.ExactMatch(column) for column in (*columns, "postcode", "state")]


def _febrl_fair() -> list[Any]:
    return [
        cl.JaroWinklerAtThresholds("given_name", [0.92, 0.8]).configure(
            term_frequency_adjustments=True
        ),
        cl.JaroWinklerAtThresholds("surname", [0.92, 0.8]).configure(
            term_frequency_adjustments=True
        ),
        cl.DamerauLevenshteinAtThresholds("date_of_birth", [1, 2]),
        cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
        cl.JaroWinklerAtThresholds("address_1", [0.9]).configure(term_frequency_adjustments=True),
        cl.JaroWinklerAtThresholds("suburb", [0.9]).configure(term_frequency_adjustments=True),
        cl.DamerauLevenshteinAtThresholds("postcode", [1]),
    ]


def _world_plain() -> list[Any]:
    return [cl.ExactMatch(column) for column in ("account", "name", "phone", "handle", "url")]


def _world_fair() -> list[Any]:
    return [
        cl.DamerauLevenshteinAtThresholds("number", [1]).configure(term_frequency_adjustments=True),
        cl.ExactMatch("bank").configure(term_frequency_adjustments=True),
        cl.JaroWinklerAtThresholds("name", [0.92, 0.8]).configure(term_frequency_adjustments=True),
        cl.ExactMatch("phone").configure(term_frequency_adjustments=True),
        cl.ExactMatch("handle").configure(term_frequency_adjustments=True),
        cl.ExactMatch("url").configure(term_frequency_adjustments=True),
        cl.ExactMatch("promptpay").configure(term_frequency_adjustments=True),
        cl.ExactMatch("nid"),
    ]


_FEBRL = {
    "plain": (
        _febrl_plain,
        [("soc_sec_id",), ("given_name", "surname"), ("date_of_birth",)],
        [("soc_sec_id",), ("given_name", "surname"), ("date_of_birth",)],
    ),
    "fair": (
        _febrl_fair,
        [
            ("soc_sec_id",),
            ("given_name", "surname"),
            ("date_of_birth",),
            ("surname", "postcode"),
            ("given_name", "postcode"),
            ("address_1",),
            ("suburb", "surname"),
            ("substr(soc_sec_id,1,4)", "surname"),
        ],
        [("soc_sec_id",), ("given_name", "surname"), ("date_of_birth",)],
    ),
}
_WORLD = {
    "plain": (
        _world_plain,
        [("account",), ("phone",), ("handle",), ("url",)],
        [("account",), ("phone",), ("handle",)],
    ),
    "fair": (
        _world_fair,
        [
            ("account",),
            ("number",),
            ("phone",),
            ("handle",),
            ("url",),
            ("promptpay",),
            ("nid",),
            ("substr(number,1,5)", "bank"),
            ("substr(number,6)", "bank"),
        ],
        [("number",), ("phone",), ("handle",)],
    ),
}
