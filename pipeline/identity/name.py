"""Names of people and companies: ``name:<normal form>``. Names never join reports by themselves.

The normal form keeps the script that the name was written in; `name_keys` and `names_agree` look
across Thai and romanised spellings. A mule account's holder is often a hired stranger.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, Literal

from rapidfuzz.distance import OSA, JaroWinkler

from pipeline.identity.characters import (
    ascii_digits,
    compose,
    has_thai,
    in_thai_order,
    strip_invisible,
)
from pipeline.identity.normalised import MAX_IDENTIFIER_CHARS, Normalised, distinct, refused
from pipeline.identity.romanised import (
    all_folds,
    all_skeletons,
    fold_romanised,
    fold_word,
    skeleton,
    thai_skeleton,
)

__all__ = [
    "MAX_WORDS",
    "fold_romanised",
    "is_slip",
    "name_keys",
    "name_skeletons",
    "name_sound",
    "names_agree",
    "normalise_name",
    "one_word_agrees",
    "skeleton",
    "whole_names_agree",
    "whole_words",
    "within_one_edit",
]

Agreement = Literal["full", "given", "none"]

_CACHED_NAMES: Final = 32_768
_MAX_ROUNDS: Final = 16
MAX_WORDS: Final = 8
"""Words of a name that are compared, the first ones; clustering counts longer ones
(``name_words``)."""
_MIN_SKELETON: Final = 2
MIN_BLOCK_LETTERS: Final = 5
"""Consonants (and the separator of words) of a name that names are looked up by."""
_SAME_WORD: Final = 0.92
"""Least Jaro-Winkler similarity of two folded words that are taken for the same name."""
_SLIP_LETTERS: Final = 6
"""Letters of words that are the same when one is a slip of the other: shorter ones (Malee and
Manee) are names of their own one edit apart."""
_EAR_LETTERS: Final = 4
"""Signs of Thai words that are the same when they sound alike and are at most two edits apart."""

_THAI_TITLES: Final = re.compile(
    r"^(?:(?:นางสาว|นาย|นาง|เด็กชาย|เด็กหญิง|น\.\s*ส\.|ด\.\s*[ชญ]\.|ดร\.|"
    r"ว่าที่\s*(?:ร้อยตรี|ร\.\s*[ตทอ]\.)(?:\s*หญิง)?|"
    r"(?:พล|[พรจส])\.\s*(?:[ตสจอ]\.\s*)?[ตทอ]\.(?:\s*หญิง)?|"
    r"คุณ(?!วุฒิ|ภัทร|ธรรม|กร|ากร))\s*(?=[ก-ฮเ-ไ])|(?:นส|ดช|ดญ|น ส|ด ช|ด ญ)\s+(?=\S))+"
)
_LATIN_TITLES: Final = re.compile(
    r"^(?:(?:mister|mr|mrs|ms|miss|master|dr|khun|nai|nang sao|nang)(?:\.\s*|\s+)(?=\S))+"
)
_TITLE_AFTER_COMMA: Final = re.compile(r",\s*(?:mr|mrs|ms|miss|dr)(?:\.\s*|\s+)(?=\S)")
_INITIALS: Final = {"c": "jk", "q": "k", "v": "w", "x": "sk", "y": "yi", "z": "s"}
"""First letters of a fold that an initial may stand for, where that is not the letter itself."""
_ONLY_TITLE: Final = re.compile(
    r"(?:นางสาว|นาย|นาง|นส|น ส|คุณ|mister|mr|mrs|ms|miss|master|dr|khun|บริษัท|บจก|หจก|บมจ)"
)
_COMPANY: Final = re.compile(
    r"^(?:บริษัท|ห้างหุ้นส่วนจำกัด|ห้างหุ้นส่วนสามัญ|บจก|หจก|บมจ|บ จ ก|ห จ ก|บ ม จ)\s*(?=\S)"
    r"|(?<=\S)\s*จำกัด(?:\s*มหาชน)?$"
    r"|(?<=\S)\s+(?:public company limited|company limited|limited partnership|part ltd"
    r"|co ltd|coltd|pcl|plc|ltd|limited|inc)$"
)
_COMPANY_BEFORE: Final = ("บริษัท", "ห้าง", "บจก", "หจก", "บมจ", "บ จ ก", "ห จ ก", "บ ม จ")
_COMPANY_AFTER: Final = (
    "จำกัด", "มหาชน", "limited", "partnership", "ltd", "pcl", "plc", "inc",
)  # fmt: skip
"""Every text in which `_COMPANY` finds something begins or ends with one of these."""
_PLAIN_WORDS: Final = re.compile(
    r"[a-z0-9\u0e01-\u0e2e\u0e30-\u0e3a\u0e40-\u0e4e]+"
    r"(?: [a-z0-9\u0e01-\u0e2e\u0e30-\u0e3a\u0e40-\u0e4e]+)*"
)
"""Letters, marks and numbers with single spaces between: words that need no tidying."""
_APOSTROPHES: Final = re.compile("['\u2018\u2019\u02bc`]")
_SPACES: Final = re.compile(r"\s+")


class _InNames(dict[int, int]):
    """By code point: a letter, mark or number stays, anything else becomes a space."""

    def __missing__(self, code: int) -> int:
        kept = code if unicodedata.category(chr(code))[0] in "LMN" else ord(" ")
        self[code] = kept
        return kept


_IN_NAMES: Final = _InNames()


def normalise_name(text: str) -> Normalised:
    """Return the normal form of a name: no titles or company marks, one case, single spaces.

    Problems: empty, no_letters, title_only, too_long.
    """
    if len(text) > MAX_IDENTIFIER_CHARS:
        return refused("too_long")
    return _normalise(text)


@lru_cache(maxsize=_CACHED_NAMES)
def _normalise(text: str) -> Normalised:
    changes: list[str] = []
    form = text
    # Each step may uncover work for an earlier one: stop where nothing changes any more.
    for _ in range(_MAX_ROUNDS):
        before, form = form, _step(form, changes)
        if form == before:
            break
    if not form:
        return refused("empty", distinct(changes))
    if not any(character.isalpha() for character in form):
        return refused("no_letters", distinct(changes))
    if _ONLY_TITLE.fullmatch(form):
        return refused("title_only", distinct(changes))
    return Normalised(f"name:{form}", distinct(changes))


def _step(text: str, changes: list[str]) -> str:
    visible = strip_invisible(text)
    if visible != text:
        changes.append("invisible_characters")
    folded = compose(ascii_digits(visible, changes)).casefold()
    if has_thai(folded):
        ordered = in_thai_order(folded)
        if ordered != folded:
            changes.append("thai_order")
        folded = ordered
    folded = folded.strip()
    untitled = _without_titles(folded)
    if untitled != folded:
        changes.append("title")
    words = untitled
    if not _PLAIN_WORDS.fullmatch(untitled):
        words = _APOSTROPHES.sub("", untitled).translate(_IN_NAMES)
        words = _SPACES.sub(" ", words).strip()
    if not words.startswith(_COMPANY_BEFORE) and not words.endswith(_COMPANY_AFTER):
        return words
    unmarked = _COMPANY.sub("", words).strip()
    if unmarked != words:
        changes.append("company_mark")
    return unmarked


def _without_titles(text: str) -> str:
    if "," in text:
        text = _TITLE_AFTER_COMMA.sub(", ", text)
    for titles in (_THAI_TITLES, _LATIN_TITLES):
        found = titles.match(text)
        if found:
            text = text[found.end() :]
    return text


def _form(text: str) -> str:
    key = normalise_name(text).key
    return key.removeprefix("name:") if key is not None else ""


def name_keys(text: str) -> tuple[str, ...]:
    """Return the keys to look a name up by, sorted: the skeletons of its words, and of all of them.

    A Thai word has two skeletons, from its romanisation and from its letters. The key of the whole
    name (``a+b``, words in order of the alphabet) does not depend on which name comes first.
    """
    if len(text) > MAX_IDENTIFIER_CHARS:
        return ()
    return _name_keys(text)


@lru_cache(maxsize=_CACHED_NAMES)
def _name_keys(text: str) -> tuple[str, ...]:
    words = [word for word in _form(text).split()[:MAX_WORDS] if len(word) > 1]
    by_sound = [skeleton(word) for word in words]
    by_letter = [
        thai_skeleton(word) if has_thai(word) else sound
        for word, sound in zip(words, by_sound, strict=True)
    ]
    keys = {key for key in (*by_sound, *by_letter) if len(key) >= _MIN_SKELETON}
    if len(words) > 1:
        keys.update("+".join(sorted(filter(None, parts))) for parts in (by_sound, by_letter))
    return tuple(sorted(key for key in keys if key.strip("+")))


@lru_cache(maxsize=_CACHED_NAMES)
def name_skeletons(name: str) -> tuple[str, ...]:
    """Return the consonants of a name's words, in order of the alphabet, from its letters alone.

    Of a normal form; initials are left out. Quick: Thai is not romanised for it.
    """
    words = [word for word in name.split()[:MAX_WORDS] if len(word) > 1]
    return tuple(sorted(filter(None, map(_consonants, words))))


@lru_cache(maxsize=_CACHED_NAMES)
def name_sound(word: str) -> str:
    """Return what a word of a normal form is counted by among names: how it sounds.

    The consonants, from the letters alone; of words with few of them the letters as they stand.
    """
    sound = _consonants(word)
    return sound if len(sound) > _MIN_SKELETON else word


@lru_cache(maxsize=_CACHED_NAMES)
def _consonants(word: str) -> str:
    """Return the consonants of a word of a normal form, from its letters alone."""
    return thai_skeleton(word) if has_thai(word) else skeleton(word)


@lru_cache(maxsize=_CACHED_NAMES)
def within_one_edit(key: str) -> frozenset[str]:
    """Return a key and what is left of it without one of its letters.

    Of two keys within one edit of one another (a swap apart) each has one of them in common with
    the other (symmetric deletion). Keys of fewer than `MIN_BLOCK_LETTERS` letters have none: too
    many names sound so.
    """
    if len(key) < MIN_BLOCK_LETTERS:
        return frozenset()
    return frozenset((key, *(key[:place] + key[place + 1 :] for place in range(len(key)))))


def names_agree(a: str, b: str) -> Agreement:
    """Say how far two names agree, in any order of their words, in Thai or romanised.

    "full": all words of the shorter name are in the other, two at least. "given": one whole word
    agrees and nothing contradicts it (the rest is missing, or an initial that fits). "none": else;
    two full names that share one word are two people.
    """
    if len(a) > MAX_IDENTIFIER_CHARS or len(b) > MAX_IDENTIFIER_CHARS:
        return "none"
    return _agree(*sorted((_form(a), _form(b))))


@lru_cache(maxsize=_CACHED_NAMES)
def _agree(a: str, b: str) -> Agreement:
    first, second = a.split()[:MAX_WORDS], b.split()[:MAX_WORDS]
    if not first or not second:
        return "none"
    longer = max(len(first), len(second))
    if longer > 1 and "".join(first) == "".join(second) and len("".join(first)) > longer:
        # The same letters, with or without the space: at least one side names both names.
        return "full" if min(_whole(first), _whole(second)) >= 1 else "none"
    if len(first) > len(second):
        first, second = second, first
    return _matched(first, second)


@lru_cache(maxsize=_CACHED_NAMES)
def whole_names_agree(a: str, b: str) -> bool:
    """Say whether two normal forms are one whole name: each word of one is a word of the other.

    In any order, each the same or a slip (`is_slip`); two words at least, and no initials. More is
    asked than by `names_agree`, for where nothing but the name speaks for one person.
    """
    words, left = whole_words(a), list(whole_words(b))
    if len(words) != len(left) or not words:
        return False
    for word in sorted(words, key=lambda each: each not in left):
        same = word if word in left else next((o for o in left if is_slip(word, o)), None)
        if same is None:
            return False
        left.remove(same)
    return True


@lru_cache(maxsize=_CACHED_NAMES)
def whole_words(name: str) -> tuple[str, ...]:
    """Return the words of a normal form when it is a whole name: two at least, no initials."""
    words = name.split()
    return tuple(words) if 2 <= len(words) <= MAX_WORDS and min(map(len, words)) > 1 else ()


@lru_cache(maxsize=_CACHED_NAMES)
def one_word_agrees(a: str, b: str) -> bool:
    """Say whether two names share a whole word: a family's name, or the rest is misspelt."""
    first, second = _form(a).split()[:MAX_WORDS], _form(b).split()[:MAX_WORDS]
    return any(_same_word(word, other) for word in first for other in second)


def _whole(words: list[str]) -> int:
    return sum(len(word) > 1 for word in words)


def _matched(shorter: list[str], longer: list[str]) -> Agreement:
    left = list(longer)
    whole = 0
    unmatched = []
    for word in shorter:
        same = next((other for other in left if _same_word(word, other)), None)
        if same is None:
            unmatched.append(word)
        else:
            left.remove(same)
            whole += 1
    if not whole:
        return "none"
    for word in unmatched:
        fitting = next((other for other in left if _initial_fits(word, other)), None)
        if fitting is None:
            return "none"
        left.remove(fitting)
    return "full" if whole > 1 and not unmatched else "given"


def _same_word(a: str, b: str) -> bool:
    if len(a) < 2 or len(b) < 2:
        return False
    if a == b or is_slip(a, b):
        return True
    if has_thai(a) and has_thai(b):
        return _sound_alike(a, b)
    # The second romaniser takes a millisecond: it is asked only where the first does not decide.
    if _likeness((fold_word(a),), (fold_word(b),)) >= _SAME_WORD:
        return True
    likeness = _likeness(all_folds(a), all_folds(b))
    if likeness >= _SAME_WORD:
        return True
    return likeness >= _SAME_WORD - 0.1 and any(
        len(sounds) > _MIN_SKELETON for sounds in all_skeletons(a) & all_skeletons(b)
    )


def _likeness(folds: Iterable[str], others: Iterable[str]) -> float:
    """Return the greatest similarity of two words' folds, 0 where either has none."""
    return max(
        (
            JaroWinkler.similarity(one, other)
            for one in folds
            for other in others
            if min(len(one), len(other)) > 1
        ),
        default=0.0,
    )


def is_slip(a: str, b: str) -> bool:
    """Say whether two long words are one edit apart (a letter more, less, another, or a swap)."""
    if min(len(a), len(b)) < _SLIP_LETTERS:
        return False
    return OSA.distance(a, b, score_cutoff=1) == 1


def _sound_alike(a: str, b: str) -> bool:
    """Say whether two Thai words are one name written by ear: the same consonants' sounds."""
    if min(len(a), len(b)) < _EAR_LETTERS or OSA.distance(a, b, score_cutoff=2) > 2:
        return False
    sounds = thai_skeleton(a)
    return len(sounds) > _MIN_SKELETON and sounds == thai_skeleton(b)


def _initial_fits(a: str, b: str) -> bool:
    initial, word = (a, b) if len(a) == 1 else (b, a)
    if len(initial) > 1:
        return False
    if initial == word[0]:
        return True
    if has_thai(initial) or len(word) == 1:
        return False
    return fold_word(word)[:1] in tuple(_INITIALS.get(initial, initial))
