"""The repository's own rules: sizes, names, docstrings, and a pipeline without clock or chance."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
LONGEST_FUNCTION = 70
LONGEST_MODULE = 400
CODE = ("pipeline", "agents", "tests", "benchmarks", "evaluation")
FORBIDDEN_WORDS = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}
# What gives another answer each time it is asked: a fold would no longer be a function of its log.
CLOCK_AND_CHANCE = {
    ("time", None),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("uuid", "uuid1"),
    ("uuid", "uuid4"),
    ("os", "urandom"),
    ("secrets", None),
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (TOP / folder).rglob("*.py"))


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _name(path: Path) -> str:
    return str(path.relative_to(TOP))


def _functions(tree: ast.Module) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node


def _lines(function: Function) -> int:
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


@pytest.mark.parametrize("path", _modules(*CODE), ids=_name)
def test_modules_and_functions_are_short(path: Path) -> None:
    length = len(path.read_text(encoding="utf-8").splitlines())
    assert length <= LONGEST_MODULE, f"{_name(path)} has {length} lines"
    long = [f.name for f in _functions(_parse(path)) if _lines(f) > LONGEST_FUNCTION]
    assert not long, f"{_name(path)}: functions of more than {LONGEST_FUNCTION} lines: {long}"


def test_no_module_is_named_after_nothing() -> None:
    vague = [
        _name(path)
        for path in _modules(*CODE)
        if FORBIDDEN_WORDS & set(path.stem.split("_")) or FORBIDDEN_WORDS & set(path.parts)
    ]
    assert not vague


@pytest.mark.parametrize("path", _modules("pipeline", "agents"), ids=_name)
def test_what_is_public_says_what_it_means(path: Path) -> None:
    tree = _parse(path)
    missing = [] if ast.get_docstring(tree) or not tree.body else ["the module"]
    missing += _public_without_docstring(tree, "", is_protocol=False)
    assert not missing, f"{_name(path)}: no docstring: {', '.join(missing)}"


def _public_without_docstring(
    owner: ast.Module | ast.ClassDef, prefix: str, is_protocol: bool
) -> list[str]:
    missing: list[str] = []
    for node in owner.body:
        if not isinstance(node, ast.ClassDef | Function) or node.name.startswith("_"):
            continue
        if isinstance(node, ast.ClassDef):
            protocol = any(isinstance(b, ast.Name) and b.id == "Protocol" for b in node.bases)
            missing += _public_without_docstring(node, f"{prefix}{node.name}.", protocol)
        # A protocol's property is a field: its class says what it is.
        elif is_protocol and node.decorator_list:
            continue
        if ast.get_docstring(node) is None:
            missing.append(f"{prefix}{node.name}")
    return missing


@pytest.mark.parametrize("path", _modules("pipeline"), ids=_name)
def test_the_pipeline_has_no_clock_and_no_chance(path: Path) -> None:
    tree = _parse(path)
    asked = [
        f"line {node.lineno}: {node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and _is_clock_or_chance(node.value.id, node.attr)
    ]
    asked += [
        f"line {node.lineno}: from {node.module} import …"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and any(_is_clock_or_chance(node.module or "", alias.name) for alias in node.names)
    ]
    assert not asked, f"{_name(path)}: {asked}"


def _is_clock_or_chance(module: str, name: str) -> bool:
    # A seeded random.Random is a function of its seed; the module's own functions are not.
    if module == "random":
        return name != "Random"
    return (module, None) in CLOCK_AND_CHANCE or (module, name) in CLOCK_AND_CHANCE


def test_no_path_of_one_machine_is_in_the_repository() -> None:
    files = [
        *_modules("pipeline", "agents", "benchmarks"),
        TOP / "Makefile",
        TOP / "pyproject.toml",
    ]
    named = [_name(path) for path in files if "/home/" in path.read_text(encoding="utf-8")]
    assert not named


def test_every_module_is_where_the_architecture_says_things_are() -> None:
    text = (TOP / "ARCHITECTURE.md").read_text(encoding="utf-8")
    _, _, section = text.partition("## Where things are")
    named = set(re.findall(r"`(?:\w+/)*(\w+\.py)`", section.partition("\n## ")[0]))
    # These have a line each as a whole.
    whole = {"simulation", "local", "cli"}
    missing = [
        _name(path)
        for path in _modules("pipeline", "agents")
        if path.name not in named | {"__init__.py"} and not whole & set(path.parts)
    ]
    assert not missing
