"""Romanised Thai: a fold over the ways one name is spelt, and consonant skeletons to block by.

The fold and the order of its steps: lower case; ph/p, th/t, kh/k, ch/j; ee/i, oo/u; porn/pon; v/w;
double letters; final stops. A skeleton is what is left without vowels.

A Thai word is romanised in two ways, by the Royal Institute's rules as two libraries apply them:
where one drops a letter, the other seldom does.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

import thaiphon
from pythainlp.transliterate.royin import romanize
from thaiphon.errors import ThaiphonError

from pipeline.identity.characters import has_thai

_CACHED_WORDS: Final = 65_536
_MAX_WORD_CHARS: Final = 64
_NOT_LETTERS: Final = re.compile(r"[^a-z]+")
_VOWEL_END: Final = r"(?![aeiou])"
_FOLDS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), written)
    for pattern, written in (
        ("tch|ch|c(?=[ei])", "j"),
        ("ph", "p"),
        ("th", "t"),
        ("kh|ck|c|q|x", "k"),
        ("v", "w"),
        ("z", "s"),
        ("ee|ea|ii|y" + _VOWEL_END, "i"),
        ("oo|ou|uu|ue", "u"),
        ("ai|ay|ei|ey", "ai"),
        ("ae", "e"),
        ("oe|er" + _VOWEL_END, "e"),
        ("or" + _VOWEL_END, "o"),
        ("ar" + _VOWEL_END, "a"),
        ("(?<=[aeiou])w" + _VOWEL_END, "o"),
        ("(?<=[a-z])h" + _VOWEL_END, ""),
        (r"([a-z])\1+", r"\1"),
    )
)
_FINALS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), written)
    for pattern, written in (
        ("(?:[dsj]|st)$", "t"),
        ("[bf]$", "p"),
        ("(?<!n)g$", "k"),
        ("[lr]$", "n"),
    )
)
_VOWELS: Final = re.compile("(?<=[a-z])[aeiouy]+|^[aeiouy]+")
_SILENT: Final = re.compile("[ก-ฮ][ิุ]?์")
# A double ro han is a vowel before a consonant; a ho hip before a sonorant only sets the tone.
_DOUBLE_R: Final = re.compile("รร(?=[ก-ฮ])")
_LEADING_H: Final = re.compile("ห(?=[งญนมยรลว])")
_CONSONANTS: Final = {
    letter: latin
    for letters, latin in (
        ("กขฃคฅฆ", "k"), ("ง", "ng"), ("จฉชฌ", "j"), ("ซศษส", "s"), ("ญย", "y"), ("ฎด", "d"),
        ("ฏฐฑฒตถทธ", "t"), ("ณน", "n"), ("บ", "b"), ("ปผพภ", "p"), ("ฝฟ", "f"), ("ม", "m"),
        ("รฤ", "r"), ("ลฬ", "l"), ("ว", "w"), ("หฮ", "h"),
    )
    for letter in letters
}  # fmt: skip


def fold_romanised(text: str) -> str:
    """Return the fold of romanised text, word by word; what is not a Latin letter is left out."""
    words = (_fold_word(word) for word in _plain(text).split())
    return " ".join(word for word in words if word)


def skeleton(text: str) -> str:
    """Return the consonant skeleton of romanised or Thai text, its words run together."""
    words = (_skeleton_word(fold_word(word)) for word in text.split())
    return "".join(words)


def thai_skeleton(word: str) -> str:
    """Return a skeleton from the Thai letters themselves, without the silenced ones.

    It covers names of which a romaniser by rules drops a letter.
    """
    spoken = _DOUBLE_R.sub("", _LEADING_H.sub("", _SILENT.sub("", word)))
    letters = "".join(_CONSONANTS.get(letter, "") for letter in spoken)
    closed = spoken[-1:] in _CONSONANTS
    return _skeleton_word(_final_fold(letters) if closed else letters)


@lru_cache(maxsize=_CACHED_WORDS)
def fold_word(word: str) -> str:
    """Return the fold of one word, romanised first (Royal Institute's rules) when it is Thai."""
    if not has_thai(word):
        return fold_romanised(word).replace(" ", "")
    try:
        romanised = romanize(word[:_MAX_WORD_CHARS])
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError):
        # The romaniser promises nothing about malformed Thai.
        return ""
    return fold_romanised(romanised).replace(" ", "")


@lru_cache(maxsize=_CACHED_WORDS)
def all_folds(word: str) -> tuple[str, ...]:
    """Return the folds of one word, of a Thai one by each romaniser; none without a letter."""
    folds = [fold_word(word)]
    if has_thai(word):
        folds.append(_second_fold(word))
    return tuple(dict.fromkeys(fold for fold in folds if fold))


@lru_cache(maxsize=_CACHED_WORDS)
def all_skeletons(word: str) -> frozenset[str]:
    """Return the consonant skeletons of one word: of each fold, and of a Thai word's letters."""
    found = {_skeleton_word(fold) for fold in all_folds(word)}
    if has_thai(word):
        found.add(thai_skeleton(word))
    return frozenset(found)


def _second_fold(word: str) -> str:
    try:
        romanised = thaiphon.transcribe(word[:_MAX_WORD_CHARS], scheme="rtgs")
    except (ThaiphonError, LookupError, ValueError, TypeError, AttributeError, RecursionError):
        return ""
    # Between syllables there is a hyphen where a reader might misread them.
    return fold_romanised(romanised.replace("-", "")).replace(" ", "")


def _plain(text: str) -> str:
    """Return the text in lower case, without accents, other letters as spaces."""
    lowered = text.lower()
    if not lowered.isascii():
        lowered = "".join(
            character
            for character in unicodedata.normalize("NFKD", lowered)
            if unicodedata.category(character) != "Mn"
        )
    return _NOT_LETTERS.sub(" ", lowered)


def _fold_word(word: str) -> str:
    for pattern, written in _FOLDS:
        word = pattern.sub(written, word)
    return _final_fold(word)


def _final_fold(word: str) -> str:
    for pattern, written in _FINALS:
        word = pattern.sub(written, word)
    return word


def _skeleton_word(folded: str) -> str:
    consonants = _VOWELS.sub("", folded)
    # Thai writes r and l apart but speakers and spellers do not keep them apart.
    return re.sub(r"([a-z])\1+", r"\1", consonants.replace("l", "r"))
