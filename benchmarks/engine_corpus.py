"""Made-up encyclopedia articles for load tests: alike in form, each with facts of its own.

An article is 300 to 900 tokens of sentences about one place, with names, dates and numbers. Every
sentence of `FACTS` holds exactly one number, so that a scripted model (`engine_model`) can ask for
it. The same seed gives the same articles anywhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

_CHARS_PER_TOKEN = 4
_MIN_TOKENS, _MAX_TOKENS = 300, 900

_ONSETS = "b br c ch d dr f g gr h k l m n p pr r s st t th tr v w".split()
_VOWELS = "a e i o u ai ea ie ou".split()
_CODAS = "l m n nd r rd rn s st t lk".split()
_PLACE_ENDINGS = "ford ham bury ton mouth field wick stead worth haven dale".split()
_FIRST_NAMES = (
    "Ada Bruno Clara Dieter Edith Felix Greta Hugo Ines Jonas Karla Leon Marta Nils Olga Pavel "
    "Rosa Sven Tilda Ulrich Vera Wanda Yusuf Zora"
).split()
_TRADES = (
    "engineer physician botanist merchant architect printer surveyor teacher clockmaker geologist "
    "librarian navigator brewer glassblower weaver"
).split()
_BUILDINGS = (
    "lighthouse|town hall|grain exchange|observatory|public library|railway station|covered market|"
    "ferry terminal|botanical garden|water mill|concert hall|textile mill|stone bridge|harbour wall"
).split("|")
_MATERIALS = "granite brick limestone oak sandstone slate copper timber basalt iron".split()
_GOODS = "wool salt barley copper linen timber cider glass herring paper lime honey".split()
_ANIMALS = "otters cranes bats herons badgers newts swifts lynxes beavers owls".split()
_FESTIVALS = "lantern|harvest|midwinter|river|spring|shepherds'|salt|kite|cherry|boat".split("|")
_MONTHS = (
    "January February March April May June July August September October November December"
).split()
_MOODS = (
    "quiet windswept crowded orderly remote prosperous modest steep sheltered lively damp sunny"
).split()

_FACTS = (
    "The {material} {building} of {place} was finished in {year} by {person}, a {trade} from "
    "{other}",
    "In {year} the council of {place} bought the {building} from {person} and opened it to visitors",
    "The {building} in {other} has {count} windows, more than any other {building} on the coast",
    "At its busiest the market of {place} sold {count} barrels of {good} between one sunrise and "
    "the next",
    "{person}, a {trade}, counted {count} {animal} along the lower river and published the list",
    "The road from {place} to {other} climbs {count} metres before it reaches the {mood} pass",
    "Since {year} the {festival} festival has been held beside the {building} whenever the weather "
    "allows",
    "A census taken under {person} found {count} households that lived by {good} alone",
    "The school beside the {building} began with {small} pupils, all of them children of the "
    "{trade}s' guild",
    "On {day} {month} the guild of {trade}s still carries a {material} model of the {building} "
    "through {place}",
    "The tunnel under the {mood} quarter was dug by {count} workers, most of whom came from {other}",
    "Boats laden with {good} needed {small} hours from {place} to the {building} at {other}",
    "{person} left {count} drawings of {animal} to the {building}, where they can be seen on request",
    "The {material} tower leans {small} degrees to the side of the old {good} stores",
)
_FILLERS = (
    "{person} described the inhabitants of {place} as {mood} people who trusted a {trade} more than "
    "a lawyer",
    "Nobody knows why the {building} was never given a roof of {material}, though {other} had plenty "
    "of it",
    "The trade in {good} declined once the railway reached {other}, and many a {trade} moved away",
    "Visitors come for the {animal}, for the {mood} lanes and for the {material} gate near the "
    "{building}",
    "Among the sons and daughters of {place} are {person} the {trade} and {person2} the {trade2}",
    "The {festival} procession ends at the {building}, where {good} is shared out among strangers",
    "Under the old law only a {trade} could own {animal}, which led to a long quarrel with {other}",
)


@dataclass(frozen=True, slots=True)
class Article:
    """One article."""

    title: str
    text: str


def articles(count: int, seed: int = 0) -> Iterator[Article]:
    """`count` different articles."""
    for number in range(count):
        yield _article(Random(f"{seed}/{number}"))


def _article(rng: Random) -> Article:
    place = _place(rng)
    wanted = rng.randint(_MIN_TOKENS, _MAX_TOKENS) * _CHARS_PER_TOKEN
    paragraphs: list[str] = [f"{place} is a {rng.choice(_MOODS)} town on the river {_stem(rng)}."]
    size = len(paragraphs[0])
    while size < wanted:
        paragraph = " ".join(_sentence(rng, place) for _ in range(rng.randint(3, 6)))
        paragraphs.append(paragraph)
        size += len(paragraph) + 2
    return Article(place, "\n\n".join(paragraphs))


def _sentence(rng: Random, place: str) -> str:
    template = rng.choice(_FACTS if rng.random() < 0.7 else _FILLERS)
    sentence = template.format(
        place=place,
        other=_place(rng),
        person=_person(rng),
        person2=_person(rng),
        trade=rng.choice(_TRADES),
        trade2=rng.choice(_TRADES),
        building=rng.choice(_BUILDINGS),
        material=rng.choice(_MATERIALS),
        good=rng.choice(_GOODS),
        animal=rng.choice(_ANIMALS),
        festival=rng.choice(_FESTIVALS),
        mood=rng.choice(_MOODS),
        month=rng.choice(_MONTHS),
        day=rng.randint(1, 28),
        year=rng.randint(1402, 1998),
        count=rng.randint(101, 1399),
        small=rng.randint(21, 99),
    )
    return sentence + "."


def _place(rng: Random) -> str:
    return _stem(rng) + rng.choice(_PLACE_ENDINGS)


def _person(rng: Random) -> str:
    return f"{rng.choice(_FIRST_NAMES)} {_stem(rng)}{rng.choice(_VOWELS)}{rng.choice(_CODAS)}"


def _stem(rng: Random) -> str:
    return (rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS)).capitalize()
