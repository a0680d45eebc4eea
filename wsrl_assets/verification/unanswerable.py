"""Checks of an unanswerable question: its kin answers it, and the document does not."""

from dataclasses import dataclass
from typing import Self

from wsrl_assets.reward import Gold
from wsrl_assets.storage.basis import KinAnswer
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.verification.grounding import answer_in
from wsrl_assets.verification.parts import phrase_in


@dataclass(frozen=True, slots=True)
class KinCase:
    """What an unanswerable question rests on: the kin's answer, and the kin's text."""

    answer: KinAnswer
    text: str

    @classmethod
    def of(cls, basis: str | None, kin_text: str | None) -> Self | None:
        """The case of a draft; none if its basis is damaged, or the kin was withdrawn."""
        try:
            answer = KinAnswer.from_json(basis or "")
        except ValueError:
            return None
        return cls(answer, kin_text) if kin_text else None


def check_absence(kin: KinCase, gold: Gold, question: str, document: str) -> tuple[Verdict, ...]:
    """The verdicts `shared_name` and `not_in_document`.

    Reasons: `no_shared_name` (what the question asks about does not stand in all of document, kin
    and question, so it is no temptation), `answer_in_document` (the document holds what the kin
    answers, as the answer or in passing).
    """
    shared = kin.answer.shared
    lacking = [
        name
        for name, text in (("question", question), ("document", document), ("kin", kin.text))
        if not phrase_in(shared, text)
    ]
    named = Verdict(
        "shared_name",
        not lacking,
        "no_shared_name" if lacking else None,
        f"{shared!r} is not in the {lacking[0]}" if lacking else None,
    )
    found = answer_in(document, gold).passed
    absent = Verdict(
        "not_in_document", not found, "answer_in_document" if found else None, kin.answer.answer
    )
    return named, absent
