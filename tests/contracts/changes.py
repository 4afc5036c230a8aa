"""Which changes of a contract break whom: the rules of CONTRIBUTING.md over two JSON Schemas.

What comes in may only become wider: yesterday's senders must still be taken. What goes out may
only become richer: yesterday's readers must still find what they read. Notes, examples and titles
may change; whatever is not known here to be harmless counts as breaking.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

Schema = Mapping[str, Any]

_WORDS = {"$schema", "$id", "$comment", "title", "description", "examples", "default", "$defs"}
_LEAST = {"minimum", "minLength", "minItems"}
_MOST = {"maximum", "maxLength", "maxItems"}
_HANDLED = {"$ref", "properties", "required", "enum", "items", "additionalProperties", "type"}


class Way(StrEnum):
    """Which way events of a contract go."""

    IN = "in"
    OUT = "out"


def breaking(before: Schema, after: Schema, way: Way) -> list[str]:
    """Return every change from ``before`` to ``after`` that breaks someone, with its path."""
    return list(_breaking(before, after, before, after, way, "", frozenset()))


def _breaking(
    old: Schema,
    new: Schema,
    old_root: Schema,
    new_root: Schema,
    way: Way,
    path: str,
    seen: frozenset[tuple[str, str]],
) -> Iterator[str]:
    pair = (str(old.get("$ref", "")), str(new.get("$ref", "")))
    if any(pair) and pair in seen:
        return
    seen |= {pair} if any(pair) else set()
    old, new = _followed(old, old_root), _followed(new, new_root)
    where = path or "the event"
    if _types(old) != _types(new):
        wider = way is Way.IN and _types(old) < _types(new)
        if not wider:
            yield f"{where}: the type was {sorted(_types(old))} and is {sorted(_types(new))}"
            return
    yield from _limits(old, new, way, where)
    yield from _choices(old, new, way, where)
    yield from _fields(old, new, old_root, new_root, way, path, seen)
    old_items, new_items = old.get("items"), new.get("items")
    if isinstance(old_items, Mapping) and isinstance(new_items, Mapping):
        yield from _breaking(old_items, new_items, old_root, new_root, way, f"{path}[]", seen)
    elif old_items != new_items:
        yield f"{where}: what its items are has changed"
    for word in sorted((old.keys() | new.keys()) - _WORDS - _HANDLED - _LEAST - _MOST):
        if old.get(word) != new.get(word):
            yield f"{where}: {word} has changed"


def _limits(old: Schema, new: Schema, way: Way, where: str) -> Iterator[str]:
    for word in sorted(_LEAST | _MOST):
        before, after = old.get(word), new.get(word)
        if before == after:
            continue
        if word in _LEAST:
            narrower = before is None or (after is not None and after > before)
        else:
            narrower = before is None or (after is not None and after < before)
        # What goes out may become narrower: whoever was ready for more is ready for less.
        if narrower == (way is Way.IN):
            yield f"{where}: {word} was {before} and is {after}"


def _choices(old: Schema, new: Schema, way: Way, where: str) -> Iterator[str]:
    before, after = old.get("enum"), new.get("enum")
    if before == after:
        return
    if before is None or after is None:
        if (after is not None) == (way is Way.IN):
            yield f"{where}: the list of values {'has come' if after else 'has gone'}"
        return
    # Readers pass over values that they do not know (CONTRIBUTING.md), so both ways may grow.
    if gone := [value for value in before if value not in after]:
        yield f"{where}: the values {gone} are gone"


def _fields(
    old: Schema,
    new: Schema,
    old_root: Schema,
    new_root: Schema,
    way: Way,
    path: str,
    seen: frozenset[tuple[str, str]],
) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in before:
        if name not in after:
            yield f"{path}/{name}: the field is gone"
        else:
            yield from _breaking(
                before[name], after[name], old_root, new_root, way, f"{path}/{name}", seen
            )
    needed, now_needed = set(old.get("required", [])), set(new.get("required", []))
    if way is Way.IN:
        for name in sorted(now_needed - needed):
            yield f"{path}/{name}: the field has become mandatory"
    else:
        for name in sorted((needed - now_needed) & after.keys()):
            yield f"{path}/{name}: the field may be missing now"
    strict = [one.get("additionalProperties", True) is False for one in (old, new)]
    if way is Way.IN and strict == [False, True]:
        yield f"{path or 'the event'}: unknown fields are no longer ignored"


def _followed(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Any = root
    for part in str(reference).removeprefix("#/").split("/"):
        found = found[part]
    return {**found, **{word: said for word, said in schema.items() if word != "$ref"}}


def _types(schema: Schema) -> frozenset[str]:
    said = schema.get("type", ())
    return frozenset([said] if isinstance(said, str) else said)
