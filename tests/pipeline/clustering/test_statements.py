"""What a voice tells alone: a leaf is left out of the search where nothing can hang on it."""

from __future__ import annotations

from pipeline.clustering.pairs import TOGETHER, GraphEdge
from pipeline.clustering.statements import Graph

NODES = ["a", "b", "c", "d"]
OFTEN = [True, True, True, False]
"""All but d are named by several reports."""


def told(a: str, b: str, sole: str = "") -> GraphEdge:
    return GraphEdge(a, b, TOGETHER, 10.0, 1, 1 if sole else 2, sole)


def graph(*edges: GraphEdge, often: list[bool] = OFTEN) -> Graph:
    return Graph(NODES, edges, [edge.voices for edge in edges], set(), often)


def test_who_is_named_once_beside_one_identifier_hangs_on_it() -> None:
    found = graph(told("a", "b"), told("a", "d", "v"))
    assert found.homes == {3: (0,)}
    assert len(found.neighbours) == len(NODES)


def test_who_is_named_once_beside_two_that_others_tie_hangs_on_both() -> None:
    found = graph(told("a", "b"), told("a", "d", "v"), told("b", "d", "v"))
    assert found.homes == {3: (0, 1)}


def test_a_statement_that_ties_two_which_nobody_else_ties_stays() -> None:
    found = graph(told("b", "c"), told("a", "d", "v"), told("b", "d", "v"))
    statement = len(NODES)
    assert found.homes == {3: (statement,)}
    assert sorted(found.neighbours[statement]) == [0, 1]


def test_who_is_named_again_is_no_leaf() -> None:
    assert not graph(told("a", "d", "v"), often=[True] * 4).homes
    assert not graph(told("a", "d", "v"), told("b", "d", "w")).homes
    assert not graph(told("a", "d", "v"), told("b", "d")).homes


def test_what_is_left_out_counts_where_it_hangs() -> None:
    pruned = graph(told("a", "b"), told("a", "d", "v"), told("b", "c", "w"))
    assert pruned.weights[:3] == [3, 1, 1]
    kept = graph(told("a", "d", "v"), told("b", "d", "v"))
    assert kept.weights[len(NODES)] == 2
