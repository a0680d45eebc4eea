"""An adversary of the reward: responses composed from a grammar, whose labels are known.

`python -m wsrl_assets_tests.reward.adversary --count 100000` prints every miss; a seeded sample is
a test. A response is a *form* of the gold, or of another value, in *markup*, in a *wrapping* (a
phrase, a mark, a template's tokens, another language), and perhaps with something that spoils it: a
hedge, a second guess, an unfinished thought. It is right exactly when the form is the gold's and
nothing spoils it. Forms are written by Babel and by the tables here, never by the reward.
"""

from __future__ import annotations

import argparse
import datetime
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from wsrl_assets.reward import AnswerType, Gold, score


@dataclass(frozen=True, slots=True)
class Fact:
    """A gold, texts that say it, and texts of the same type that say something else."""

    gold: Gold
    right: tuple[str, ...]
    wrong: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A response with its label, and the productions it was made by."""

    gold: Gold
    response: str
    label: int
    made_by: str

    def describe(self) -> str:
        return f"{self.gold.type} {self.gold.value!r} ({self.made_by}): {self.response!r}"


# The facts of each type

_NOUNS = ("volcanoes", "member states", "UNESCO sites", "species of birds", "of them", "people")
_DATE_LOCALES = ("en", "en_GB", "fr", "de", "es", "it", "pt", "nl", "sv", "pl", "cs", "ru", "tr")
_CURRENCIES = ("EUR", "GBP", "JPY", "CHF", "SEK", "PLN", "HUF", "INR", "CAD", "MXN", "BRL", "TRY")
# Of each unit, its other spellings, and units that are so many of it.
_UNITS: dict[str, tuple[tuple[str, ...], dict[str, int]]] = {
    "km": (("kilometers", "kilometres", "\\text{ km}", "km long"), {"m": 1_000, "cm": 100_000}),
    "kg": (("kilograms", "kilos", "kgs"), {"g": 1_000, "mg": 1_000_000}),
    "hours": (("h", "hrs", "hours long"), {"minutes": 60, "seconds": 3_600}),
    "m/s": (("metres per second", "m s^-1", "m·s⁻¹"), {"cm/s": 100, "mm/s": 1_000}),
    "kWh": (("kilowatt-hours", "kilowatt hours"), {"Wh": 1_000}),
    "mmHg": (("millimeters of mercury", "mm Hg"), {}),
}
_NAMES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "Marie Curie",
        ("Curie, Marie", "Marie Curie (1867–1934)", "Marie Curie, a Polish-born physicist"),
        ("Pierre Curie", "Marie Antoinette", "Marie Curie (Lise Meitner)", "Curie"),
    ),
    (
        "World Health Organization",
        ("the World Health Organisation", "World Health Organization (WHO)"),
        ("World Trade Organization", "World Health Organization (WTO)", "Who"),
    ),
    ("WHO", ("World Health Organization (WHO)",), ("Wild Horse Owners (WHO)", "WTO")),
    ("World War II", ("World War 2", "World War Two"), ("World War I", "World War 11")),
    ("Mount Everest", ("Mt. Everest", "Mt Everest"), ("Mount Everett", "K2")),
    ("CoCl2", ("\\ce{CoCl2}", "CoCl<sub>2</sub>", "CoCl₂"), ("COCl2", "CoCl3")),
    ("COVID-19", ("COVID 19", "Covid-19"), ("COVID-18", "SARS")),
    ("colour blindness", ("color blindness", "color-blindness"), ("night blindness",)),
    (
        "Paris",
        (
            "Paris, the capital of France",
            "in Paris",
            "[Paris](https://en.wikipedia.org/wiki/Paris)",
        ),
        ("Lyon", "near Paris", "Paris, London", "Parisian", "~~Paris~~", "not Paris"),
    ),
)


def _integer(rng: random.Random) -> Fact:
    value = rng.randint(2, 10 ** rng.randint(1, 7))
    grouped = f"{value:,}"
    right = [str(value), grouped, f"exactly {value}", f"a total of {value}", f"{value}.0"]
    right += [f"{grouped} {noun}" for noun in _NOUNS] + [f"x = {value}"]
    wrong = [str(value + 1), str(-value), f"{value}0", f"{value}%", f"{value} km", f"{value}.5"]
    wrong += [f"{value} {word}" for word in ("or so", "dozen", "at least", "thousand", "months")]
    wrong += [f"{word} {value}" for word in ("about", "more than", "at most", "twice", "over")]
    return Fact(Gold(AnswerType.INTEGER, str(value)), tuple(right), tuple(wrong))


def _decimal(rng: random.Random) -> Fact:
    places = rng.randint(2, 4)
    shown = f"{rng.randint(101, 99_999) / 100:.{places}f}"[:-1] + str(rng.randint(1, 9))
    value = float(shown)
    right = [shown, f"about {shown}", f"x ≈ {shown}", f"{shown} (rounded)"]
    if value > 1000:
        right += [format_decimal(value, "#,##0.00##", locale=x) for x in ("en", "fr", "de")]
    wrong = [
        f"{value + 1:.{places}f}",
        f"-{shown}",
        f"{shown}%",
        f"{shown} km",
        f"at least {shown}",
    ]
    return Fact(Gold(AnswerType.DECIMAL, shown), tuple(right), tuple(wrong))


def _percent(rng: random.Random) -> Fact:
    value = rng.randint(2, 99)
    right = (
        f"{value}%",
        f"{value} percent",
        f"{value} per cent",
        f"{value}\\%",
        f"{value}% of adults",
    )
    wrong = (
        f"{value}",
        f"{value / 100}",
        f"{value + 1}%",
        f"{value} percentage points",
        f"over {value}%",
    )
    return Fact(Gold(AnswerType.PERCENT, f"{value}%"), right, wrong)


def _quantity(rng: random.Random) -> Fact:
    unit = rng.choice(list(_UNITS))
    spellings, parts = _UNITS[unit]
    value = rng.randint(2, 999)
    right = [f"{value} {unit}", *(f"{value} {name}" for name in spellings)]
    right += [f"{value * size} {part}" for part, size in parts.items()]
    right += [f"{value} {unit} ({value * size} {part})" for part, size in parts.items()]
    wrong = [f"{value}", f"{value + 1} {unit}", f"{value} miles", f"{value} {unit}^2"]
    wrong += [f"{value} {part}" for part in parts] + [f"at least {value} {unit}"]
    wrong += [f"{value} {unit} ({value + 1} {unit})", f"{value}-{value + 1} {unit}"]
    return Fact(Gold(AnswerType.QUANTITY, str(value), unit=unit), tuple(right), tuple(wrong))


def _date(rng: random.Random) -> Fact:
    day = datetime.date(1500, 1, 1) + datetime.timedelta(days=rng.randrange(520 * 365))
    other = day + datetime.timedelta(days=rng.choice((1, 40, 365)))
    written = [_written(day, locale) for locale in _DATE_LOCALES]
    right = [
        *written,
        day.isoformat(),
        f"{day:%A}, {_written(day, 'en')}",
        f"on {_written(day, 'en')}",
    ]
    right += [f"{day.isoformat()}T20:17:40Z", f"{_written(day, 'en')} at 8:17 PM"]
    wrong = [_written(other, locale) for locale in _DATE_LOCALES]
    wrong += [
        str(day.year),
        format_date(day, "MMMM y", locale="en"),
        f"before {_written(day, 'en')}",
    ]
    wrong += [f"{other:%A}, {_written(day, 'en')}" if other.weekday() != day.weekday() else "never"]
    return Fact(Gold(AnswerType.DATE, day.isoformat()), tuple(right), tuple(wrong))


def _written(day: datetime.date, locale: str) -> str:
    return format_date(day, "long", locale=locale)


def _time(rng: random.Random) -> Fact:
    hour, minute = rng.randint(13, 23), rng.choice((5, 10, 20, 30, 45))
    right = [
        f"{hour}:{minute:02d}",
        f"{hour - 12}:{minute:02d} PM",
        f"{hour - 12}.{minute:02d} p.m.",
    ]
    right += [
        f"{hour}h{minute:02d}",
        f"at {hour - 12}:{minute:02d}pm",
        f"{hour:02d}{minute:02d} hours",
    ]
    right += [f"half past {hour - 12} PM"] if minute == 30 else []
    wrong = [
        f"{hour - 12}:{minute:02d}",
        f"{hour - 12}:{minute:02d} AM",
        f"{hour}:{minute + 1:02d}",
    ]
    wrong += [f"before {hour}:{minute:02d}", f"half past {hour - 12}"]
    return Fact(Gold(AnswerType.TIME, f"{hour}:{minute:02d}"), tuple(right), tuple(wrong))


def _money(rng: random.Random) -> Fact:
    code, other = rng.sample(_CURRENCIES, 2)
    value = rng.randint(2, 99_999)
    right = [f"{value} {code}", f"{code} {value:,}", f"about {value} {code}"]
    right += [format_currency(value, code, locale="en", format_type="name", currency_digits=False)]
    wrong = [f"{value}", f"{value} {other}", f"{value + 1} {code}", f"{value} {code} per year"]
    wrong += [
        format_currency(value, other, locale="en", format_type="name"),
        f"over {value} {code}",
    ]
    return Fact(Gold(AnswerType.MONEY, str(value), unit=code), tuple(right), tuple(wrong))


def _entity(rng: random.Random) -> Fact:
    name, right, wrong = rng.choice(_NAMES)
    return Fact(Gold(AnswerType.ENTITY, name), (name, f'"{name}"', *right), wrong)


def _choice(rng: random.Random) -> Fact:
    options = ("Oslo", "Bergen", "Narvik", "Tromsø")
    at = rng.randrange(4)
    letter, text, other = "ABCD"[at], options[at], options[at - 1]
    right = (
        letter,
        f"({letter})",
        text,
        f"{letter}) {text}",
        f"option {letter}",
        f"{text} ({letter})",
    )
    wrong = (
        "ABCD"[at - 1],
        other,
        f"{letter}) {other}",
        f"not {letter}",
        f"{letter}, {'ABCD'[at - 1]}",
    )
    return Fact(Gold(AnswerType.CHOICE, letter, choices=options), right, wrong)


def _yes_no(rng: random.Random) -> Fact:
    yes = (
        "yes",
        "Yes",
        "true",
        "Yes, it was ratified in 1920",
        "Yes, definitely",
        "Definitely yes",
    )
    no = ("no", "No", "false", "No, it was rejected in 1920", "No, never")
    unclear = ("yes and no", "perhaps", "Yes, but not always", "No, wait, yes", "it depends")
    is_yes = rng.random() < 0.5
    gold = Gold(AnswerType.YES_NO, "yes" if is_yes else "no")
    return Fact(gold, yes if is_yes else no, (no if is_yes else yes) + unclear)


def _list(rng: random.Random) -> Fact:
    a, b, c, other = rng.sample(("copper", "zinc", "tin", "lead", "iron", "nickel", "gold"), 4)
    right = [f"{a}, {b}, {c}", f"{c}, {b} and {a}", f"{a}; {b}; {c}", f'["{a}", "{b}", "{c}"]']
    right += [f"(a) {a}, (b) {b}, (c) {c}", f"1. {a} 2. {b} 3. {c}", f"{a}, {b}, as well as {c}"]
    wrong = [f"{a}, {b}", f"{a}, {b}, {c}, {other}", f"{a}, {b}, {other}", f"{a}, {b} or {c}"]
    wrong += [f"{a}, {b}, not {c}", f"{a}, {b}, {c}, etc.", f"{a}, {a}, {b}, {c}"]
    return Fact(Gold(AnswerType.LIST, f'["{a}", "{b}", "{c}"]'), tuple(right), tuple(wrong))


def _code(rng: random.Random) -> Fact:
    name = rng.choice(("xs", "rows", "my_items"))
    code = f"sorted({name}, key=len)"
    right = (f"`{code}`", code, f"`sorted({name},key=len)`", f"Use `{code}`.", f"the call `{code}`")
    wrong = (
        f"`sorted({name})`",
        f"`{code.upper()}`",
        f"not `{code}`",
        f"`{code}` or `{name}.sort()`",
    )
    return Fact(Gold(AnswerType.CODE, code), right, wrong)


FACTS: dict[AnswerType, Callable[[random.Random], Fact]] = {
    AnswerType.INTEGER: _integer,
    AnswerType.DECIMAL: _decimal,
    AnswerType.PERCENT: _percent,
    AnswerType.QUANTITY: _quantity,
    AnswerType.DATE: _date,
    AnswerType.TIME: _time,
    AnswerType.MONEY: _money,
    AnswerType.ENTITY: _entity,
    AnswerType.CHOICE: _choice,
    AnswerType.YES_NO: _yes_no,
    AnswerType.LIST: _list,
    AnswerType.CODE: _code,
}

# What a response is made with; `{}` is the answer, `{w}` a wrong one of the same type

_MARKUPS = ("{}", "{}", "{}", "**{}**", "*{}*", "__{}__", "“{}”", "\\text{{{}}}")
WRAPPINGS = {
    "bare": "{}",
    "label": "Answer: {}",
    "bold label": "**Answer:** {}",
    "sentence": "The answer is {}.",
    "two marks": "Final Answer: The final answer is {}. I hope it is correct.",
    "tag": "<answer>{}</answer>",
    "other tag": "<solution>{}</solution>",
    "working in the tag": "<answer>We count them.\n\nAnswer: {}</answer>",
    "hashes": "We count them.\n#### {}",
    "heading": "### Answer\n{}",
    "flourish": "Answer: {}\n\nQ.E.D.",
    "closing": "Answer: {}\n\nLet me know if you have more questions!",
    "thought": "<think>Is it {w}? No.</think>\nAnswer: {}",
    "bracketed thought": "[THINK]Answer: {w}[/THINK]\nAnswer: {}",
    "namespaced thought": "<seed:think>Answer: {w}</seed:think>Answer: {}",
    "triangle thought": "◁think▷Answer: {w}◁/think▷Answer: {}",
    "channels": "<|channel|>analysis<|message|>{w}?<|end|><|start|>assistant<|channel|>final"
    "<|message|>Answer: {}<|return|>",
    "box tokens": "<|begin_of_box|>{}<|end_of_box|>",
    "end token": "Answer: {}<|eot|>",
    "end in brackets": "Answer: {}[EOS]",
    "corrected": "Answer: {w}\nThat was a slip, so once more.\nAnswer: {}",
    "French": "Réponse : {}",
    "German": "Antwort: {}",
    "Spanish": "Respuesta: {}",
    "Russian": "Ответ: {}",
    "Chinese": "答案：{}",
    "same again": "Answer: {}\n\nSo the answer is {}.",
}
_SPOILERS = {
    "denied": "Answer: not {}",
    "denied in a sentence": "The answer is not {}.",
    "doubted": "Maybe the answer is {}.",
    "conditional": "If the answer is {}, then we are done.",
    "asked": "Is the answer {}?",
    "or": "Answer: {} or {w}",
    "or in front": "Answer: {w} or {}",
    "either": "Answer: either {} or {w}",
    "slash": "Answer: {} / {w}",
    "comma": "Answer: {}, {w}",
    "in brackets": "Answer: {} ({w})",
    "next line": "Answer: {}\n{w}\n{w}",
    "two boxes": "\\boxed{{{}}} or \\boxed{{{w}}}",
    "two tags": "<answer>{}</answer> <answer>{w}</answer>",
    "two labels": "Answer: {} Answer: {w}",
    "corrected away": "Answer: {}\nAnswer: {w}",
    "actually": "Answer: {}\nActually, it is {w}.",
    "taken back": "Answer: {}\nWait, that is wrong.",
    "unsure": "Answer: {}\nI am not sure about this.",
    "open thought": "<think>The answer is {}",
    "open bracketed thought": "[THINK]\nAnswer: {}",
    "open triangle": "◁think▷hmm\nAnswer: {}",
    "open channel": "<|channel|>analysis<|message|>\nAnswer: {}",
    "thought only": "<thinking>Answer: {}</thinking>",
    "open tag": "<answer>{}",
    "struck out": "Answer: ~~{}~~",
    "five guesses": "Answer: {w}\nAnswer: {w}1\nAnswer: {w}2\nAnswer: {w}3\nAnswer: {}",
}
# What the grammar calls wrong and is right by the reward's own conventions, or the other way round.
_EXCEPTIONS: tuple[tuple[Callable[[Attempt], bool], str], ...] = (
    (lambda a: " listopada " in a.response, "November in Polish and October in Croatian"),
    (
        lambda a: a.gold.type is AnswerType.PERCENT and ", in brackets," in a.made_by,
        "a share in brackets restates the percentage: 25% (0.25)",
    ),
)


def attempts(rng: random.Random) -> Iterator[Attempt]:
    """Attempts without end; a third are right."""
    while True:
        fact = FACTS[rng.choice(list(FACTS))](rng)
        right, wrong = rng.choice(fact.right), rng.choice(fact.wrong)
        kind = rng.choice(("right", "wrong", "spoiled"))
        table = _SPOILERS if kind == "spoiled" else WRAPPINGS
        name = rng.choice(list(table))
        markup = _markup(rng, fact.gold, right)
        answer = markup.format(wrong if kind == "wrong" else right)
        response = table[name].format(*[answer] * table[name].count("{}"), w=wrong)
        attempt = Attempt(fact.gold, response, int(kind == "right"), f"{kind}, {name}, {markup}")
        if _is_sound(attempt, fact, wrong):
            yield attempt


def _markup(rng: random.Random, gold: Gold, answer: str) -> str:
    if gold.type is AnswerType.CODE or any(mark in answer for mark in '\\<[`"{'):
        return "{}"
    return rng.choice(_MARKUPS)


def _is_sound(attempt: Attempt, fact: Fact, wrong: str) -> bool:
    """Whether the label really follows: a list with more items is a longer list, not a guess."""
    is_list = fact.gold.type is AnswerType.LIST
    if "..." in attempt.response or ".." in attempt.response:
        return False
    if is_list and any(
        name in attempt.made_by for name in ("comma", "slash", "next line", "flourish")
    ):
        return False
    return not any(applies(attempt) for applies, _ in _EXCEPTIONS)


def sample(count: int, seed: int) -> list[Attempt]:
    made = attempts(random.Random(seed))
    return [next(made) for _ in range(count)]


def misses(tried: Sequence[Attempt]) -> list[Attempt]:
    return [a for a in tried if score(a.response, a.gold).value != a.label]


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--count", type=int, default=100_000, help="responses to compose")
    arguments.add_argument("--seed", type=int, default=int(time.time()))
    arguments.add_argument("--show", type=int, default=40, help="misses to print")
    options = arguments.parse_args()
    tried = sample(options.count, options.seed)
    missed = misses(tried)
    for attempt in missed[: options.show]:
        print(f"{'false reject' if attempt.label else 'false accept'}: {attempt.describe()}")
    labels, wrong = Counter(a.label for a in tried), Counter(a.label for a in missed)
    print(f"{len(tried)} responses, seed {options.seed}")
    print(f"false accepts: {wrong[0]} of {labels[0]}; false rejects: {wrong[1]} of {labels[1]}")
    return 1 if wrong[0] else 0


if __name__ == "__main__":
    raise SystemExit(main())
