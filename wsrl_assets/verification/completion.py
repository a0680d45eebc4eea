"""Open-book answers to fill-in questions: the words before the blank, and what comes next.

A model that is asked for the missing part alone has to find it and to say it; asked to go on from
the words before the blank, it only has to know what the document says there, which is the point of
the check. So the reply's schema begins with those words and continues with the form of the answer's
type. The part after them is the answer.
"""

import re
from dataclasses import dataclass

from wsrl_assets.reward import AnswerType

BLANK = "____"
_LEAD_WORDS = 9
# What can stand in a pattern and in a JSON string alike, without escapes that servers read
# differently.
_SAFE_TAIL = re.compile(r"[A-Za-z0-9 ,;:'-]*\Z")
# Word by word: what follows a value in its sentence may follow here too, so that a model can end
# the value where the document ends it. `_VALUE` then leaves it out.
_MORE = "( [a-z]{2,14})?"
_NAME = "[A-ZÀ-ÖØ-ÞĀ-Ž][A-Za-zÀ-ÖØ-öø-ɏ0-9'’.-]{0,24}"
_FORMS = {
    AnswerType.INTEGER: "[0-9]{1,3}(,?[0-9]{3}){0,4}" + _MORE,
    AnswerType.DECIMAL: r"[0-9]{1,6}\.[0-9]{1,8}" + _MORE,
    AnswerType.PERCENT: r"[0-9]{1,3}(\.[0-9]{1,4})?( percent| per cent|%)",
    AnswerType.TIME: "[0-9]{1,2}:[0-9]{2}( AM| PM)?",
    AnswerType.DATE: "([0-9]{1,2} )?([A-Z][a-z]{2,8} )?([0-9]{1,2}, )?[0-9]{4}",
    AnswerType.MONEY: r"[$€£][0-9]{1,3}(,?[0-9]{3}){0,4}(\.[0-9]{1,2})?"
    "( thousand| million| billion| trillion)?",
    AnswerType.QUANTITY: r"[0-9]{1,3}(,?[0-9]{3}){0,4}(\.[0-9]{1,6})? ?[A-Za-z°µ/]{1,12}[23]?"
    "( (Celsius|Fahrenheit|kilometres|kilometers|metres|meters))?",
    AnswerType.ENTITY: f"{_NAME}( (of|the|de|van|von|di|da) {_NAME}| {_NAME})" + "{0,3}" + _MORE,
}
_FREE = '[^"\\\\]{1,80}'
_TRAILING_WORD = re.compile(r" [a-z]{2,14}\Z")
_WITH_TRAILING_WORD = (AnswerType.INTEGER, AnswerType.DECIMAL, AnswerType.ENTITY)


@dataclass(frozen=True, slots=True)
class BlankCompletion:
    """How a fill-in question is completed.

    Attributes:
        lead: the words before the blank.
        answer_type: what the answer looks like.
        choices: what the answer can be, where that is given.
    """

    lead: str
    answer_type: AnswerType
    choices: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, question: str, answer_type: AnswerType, choices: tuple[str, ...] = ()
    ) -> "BlankCompletion | None":
        """The completion of a question with a blank; none for a question without."""
        before, blank, _ = question.partition(BLANK)
        if not blank:
            return None
        tail = _SAFE_TAIL.search(before)
        words = (tail.group() if tail else "").lstrip(" ,;:'-").split(" ")
        return cls(" ".join(words[-_LEAD_WORDS:]), answer_type, choices)

    @property
    def schema(self) -> dict[str, object]:
        """The schema of the reply's text: one of the completed statements, or of their form."""
        if self.choices:
            return {"type": "string", "enum": [f"{self.lead}{choice}" for choice in self.choices]}
        return {"type": "string", "pattern": self.pattern}

    @property
    def pattern(self) -> str:
        """The regular expression that the reply's text must match as a whole."""
        return f"^{self.lead}{_FORMS.get(self.answer_type, _FREE)}$"

    def answer(self, statement: str) -> str:
        """The answer in a completed statement."""
        rest = statement.removeprefix(self.lead).strip()
        if self.answer_type in _WITH_TRAILING_WORD:
            rest = _TRAILING_WORD.sub("", rest)
        return rest
