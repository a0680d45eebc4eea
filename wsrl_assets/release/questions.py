"""Repeated questions, within a domain and across domains.

A question is a repetition of a kept one if both have the same words in the same order; or if the
wording is similar (MinHash of word pairs), or with the extra `embeddings` the meaning is, *and*
both have the same answer and name the same numbers. The last condition is there because questions
are often made alike: "In which year did canal 4 open?" and "... canal 5 ..." share nearly all of
their words, and are two questions.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from wsrl_assets.release.embeddings import Embedder
from wsrl_assets.storage.similar import IndexedItem, Match
from wsrl_assets.text.hashing import text_hash
from wsrl_assets.text.minhash import MinHashSettings, signature
from wsrl_assets.text.normalisation import stable_hash, words

_GROUPED_DIGITS = re.compile(r"(?<=\d)[,\u00a0\u202f](?=\d{3}\b)")
REASONS = {
    "content": "duplicate_question",
    "wording": "near_duplicate_question",
    "meaning": "same_meaning",
}


@dataclass(frozen=True, slots=True)
class QuestionSettings:
    """When two questions with one answer are one question.

    Attributes:
        wording: similarity of their words.
        meaning: cosine of their embeddings from which they mean the same.
        embedding_model: a name or folder for sentence-transformers; none for no embeddings.
    """

    wording: MinHashSettings = MinHashSettings(similarity=0.6, ngram=2)
    meaning: float = 0.9
    embedding_model: str | None = None


def question_id(question: str) -> str:
    """The content hash of a question: case, punctuation and spacing do not count."""
    return stable_hash(" ".join(words(question)))


def normal_answer(answer: str) -> str:
    """An answer for comparing: its words, with 1,000 as 1000."""
    return " ".join(words(_GROUPED_DIGITS.sub("", answer)))


def question_guard(question: str, answer: str) -> int:
    """64 bits that questions with the same answer and the same numbers have in common."""
    tokens = words(_GROUPED_DIGITS.sub("", question))
    numbers = sorted(word for word in tokens if any(letter.isdigit() for letter in word))
    return text_hash("\n".join([normal_answer(answer), *numbers]))


def question_items(
    domain: str,
    pairs: Sequence[dict[str, str]],
    settings: QuestionSettings,
    embedder: Embedder | None,
) -> list[IndexedItem]:
    """Pairs with `pair_id`, `question` and `answer`, as the index of kept questions takes them."""
    vectors = embedder.embed([pair["question"] for pair in pairs]) if embedder else None
    return [
        IndexedItem(
            pair["pair_id"],
            domain,
            question_id(pair["question"]),
            signature(pair["question"], settings.wording),
            question_guard(pair["question"], pair["answer"]),
            None if vectors is None else vectors[number],
            embedder.model if embedder else None,
        )
        for number, pair in enumerate(pairs)
    ]


def say(match: Match) -> str:
    """A match in words, for the row of the pair that is left out."""
    if match.how == "content":
        return f"same as {match.item_id}"
    return f"{match.similarity:.2f} similar in {match.how} to {match.item_id}"
