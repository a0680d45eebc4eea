"""Units: what a unit's text means, by pint, read once and kept.

pint is asked about single names only (`km`, `hour`): the grammar of `km/h^2` is ours, because
pint's own evaluates what it is given, and text from a rollout must not be evaluated. Names that
pint does not know (`votes`) are units of their own, equal only to themselves.

Where dimensions agree but the thing measured does not (becquerel and hertz, degrees and percent),
a kind is added to the dimension, so that no conversion joins them.
"""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from dataclasses import dataclass, replace
from decimal import Context, Decimal, localcontext
from functools import lru_cache
from typing import TYPE_CHECKING

from .gold import NEEDS_PINT
from .outcome import MissingPackageError
from .vocabulary import singular, word_set, words

if TYPE_CHECKING:
    import pint

MAX_UNIT_LENGTH = 60
_MAX_FACTORS = 6
_PRECISION = 50

Dimension = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """A dimension, and the way to its base unit: `base = value * factor + offset`."""

    dimension: Dimension
    factor: Decimal
    offset: Decimal = Decimal(0)


_PHRASES = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"(?:°|\bdeg(?:rees?|\.)?) ?(?:c|celsius|centigrade)\b", "degC"),
        (r"(?:°|\bdeg(?:rees?|\.)?) ?(?:f|fahrenheit)\b", "degF"),
        (r"(?:°|\bdeg(?:rees?|\.)?) ?(?:k|kelvins?)\b", "kelvin"),
        (r"\b(?:celsius|centigrade) degrees?\b", "degC"),
        (r"\b(?:pounds?|lbs?) (?:per square inch|per sq\.? in(?:ch)?)\b|\blbs?/in\^?2\b", "psi"),
        (r"\bbritish thermal units?\b|\bbtus?\b", "Btu"),
        (r"\b(?:mm|millimet(?:er|re)s?) ?(?:of )?(?:hg|mercury)\b", "mmHg"),
        (r"\b(?:in|inch(?:es)?) ?(?:of )?(?:hg|mercury)\b", "inHg"),
        (r"\b(?:cm|centimet(?:er|re)s?) ?(?:of )?(?:hg|mercury)\b", "cmHg"),
        (r"\b(?:(kilo|mega|giga|tera)-?)?electron[- ]?volts?\b", r"\1electronvolt"),
        (r"\barc[- ]?(second|minute)s?\b|\b(second|minute)s? of arc\b", r"arc\1\2"),
        (r"\bcycles? per second\b", "hertz"),
        (r"\b(?:revolutions?|revs?|r) ?(?:per|/) ?min(?:ute)?\b", "rpm"),
        (r"\bparts per million\b", "ppm"),
        (r"\bparts per billion\b", "ppb"),
        (r"\bkilograms?[- ]force\b", "kilogram_force"),
        (r"\bpounds?[- ]force\b", "pound_force"),
        (r"\binternational units?\b", "IU"),
        (r"\b(?:us|u\.s\.) (?=gallon|pint|quart)", ""),
        (r"\bnautical miles?\b", "nautical_mile"),
        (r"\bastronomical units?\b", "astronomical_unit"),
        (r"\blight[- ](year|second|minute|hour|day)s?\b", r"light_\1"),
        (r"\b(?:fluid ounces?|fl\.? ?oz)\b", "fluid_ounce"),
        (r"\b(?:metric tons?|metric tonnes?)\b", "metric_ton"),
        (r"\b(short|long) tons?\b", r"\1_ton"),
        (r"\btroy ounces?\b", "troy_ounce"),
        (r"\bimperial (gallon|pint|quart)s?\b", r"imperial_\1"),
        (r"\b(?:square|sq)\.? ([a-z]+)", r"\1^2"),
        (r"\b(?:cubic|cu)\.? ([a-z]+)", r"\1^3"),
        (r"\b([a-z]+)[- ]squared\b", r"\1^2"),
        (r"\b([a-z]+)[- ]cubed\b", r"\1^3"),
        (r" (?:per|an?) ", "/"),
    )
)

# Case matters in symbols (mg and Mg), so only spellings with one reading are listed.
_SYMBOLS = {
    "KM": "kilometer",
    "Km": "kilometer",
    "KG": "kilogram",
    "Kg": "kilogram",
    "KB": "kilobyte",
    "Kb": "kilobit",
    "kb": "kilobit",
    "Mb": "megabit",
    "Gb": "gigabit",
    "Tb": "terabit",
    "kbps": "kilobit/second",
    "Mbps": "megabit/second",
    "Gbps": "gigabit/second",
    "AU": "astronomical_unit",
    "au": "astronomical_unit",
    "Cal": "kilocalorie",
    "Calories": "kilocalorie",
    "Nm": "newton*meter",
    "oC": "degC",
    "oF": "degF",
    "°": "degree",
    "'": "foot",
    '"': "inch",
    "L": "liter",
    "sqft": "foot^2",
    "sqm": "meter^2",
    "sqkm": "kilometer^2",
}
_MOLES = {"m": "milli", "u": "micro", "n": "nano", "p": "pico", "k": "kilo"}
_WORDS = {
    "celsius": "degC",
    "centigrade": "degC",
    "fahrenheit": "degF",
    "feet": "foot",
    "ft": "foot",
    "kms": "kilometer",
    "kgs": "kilogram",
    "lbs": "pound",
    "hrs": "hour",
    "mins": "minute",
    "secs": "second",
    "yrs": "year",
    "kph": "kilometer/hour",
    "kmh": "kilometer/hour",
    "kmph": "kilometer/hour",
    "mph": "mile/hour",
    "decibel": "dB",
    "decibels": "dB",
    **{f"{prefix}mol": f"{name}mole" for prefix, name in _MOLES.items()},
    "tonne": "metric_ton",
    "tonnes": "metric_ton",
    "kcal": "kilocalorie",
    "kcals": "kilocalorie",
    "gramme": "gram",
    "grammes": "gram",
    "kilogramme": "kilogram",
    "kilogrammes": "kilogram",
    "kilo": "kilogram",
    "kilos": "kilogram",
    "litre": "liter",
    "litres": "liter",
    **dict.fromkeys(("wk", "wks"), "week"),
    **dict.fromkeys(("mo", "mos"), "month"),
    **dict.fromkeys(("gm", "gms"), "gram"),
    **dict.fromkeys(("amp", "amps"), "ampere"),
    **dict.fromkeys(("atmosphere", "atmospheres"), "atm"),
    **dict.fromkeys(("kilohm", "kilohms"), "kiloohm"),
    **dict.fromkeys(("dioptre", "dioptres", "diopters"), "diopter"),
    **dict.fromkeys(("cumec", "cumecs"), "meter^3/second"),
    "ohm": "ohm",
    "henries": "henry",
    "msec": "millisecond",
    "bbls": "barrel",
    "tbsp": "tablespoon",
    "tsp": "teaspoon",
    "bpm": "beat/minute",
    "wpm": "word/minute",
    "mpg": "mile/gallon",
    "metre": "meter",
    "metres": "meter",
}
_TEMPERATURE_LETTERS = {"C": "degC", "F": "degF", "K": "kelvin"}

# A ton is three different masses; a document's ton can be compared with its like only.
_OWN_DIMENSION = frozenset(("ton", "tons"))

# Units that pint holds to be dimensionless, or of a dimension they share with another quantity.
_KINDS = {
    **dict.fromkeys(
        words(
            """
            degree radian arcminute arcsecond milliarcsecond turn revolution grade
            revolutions_per_minute revolutions_per_second cycle circle
            """
        ),
        "angle",
    ),
    **dict.fromkeys(["bit", "byte", "octet"], "information"),
    **dict.fromkeys(["becquerel", "curie", "rutherford"], "radioactivity"),
    **dict.fromkeys(["sievert", "rem", "roentgen_equivalent_man"], "equivalent dose"),
    **dict.fromkeys(["gray", "rads"], "absorbed dose"),
    **dict.fromkeys(["lumen", "lux"], "light"),
    "baud": "symbol rate",
    "katal": "catalysis",
}
_FORCE_TIMES_LENGTH: Counter[Dimension] = Counter(
    [
        (("[length]", "1"), ("[mass]", "1"), ("[time]", "-2")),
        (("[length]", "1"),),
    ]
)
_FACTOR = re.compile(
    r"([A-Za-z°\u00b5\u03bc\u03a9\u00c5'\"%_]{1,40})(?:(?:\^|\*\*)?\(?(-?[1-9])\)?)?"
)
_SEPARATORS = re.compile(r"(?:[ *\u00b7.]|-(?!\d))+")
_IN_DENOMINATOR = re.compile(r"/ ?\(([^()/]{1,40})\)")
# Words of a sentence, not of a unit: with one of these the text is no unit at all.
_NO_UNIT = word_set(
    """
    or and not no nor the of to than from with by is was are were be but if per an it either
    """
)

_lock = threading.RLock()
_loaded: list[pint.UnitRegistry[Decimal]] = []
if hasattr(os, "register_at_fork"):
    # A fork waits until the registry is at rest: a child then has a free lock and whole caches.
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )


@lru_cache(maxsize=8192)
def read_unit(text: str, *, temperature: bool = False) -> Unit | None:
    """The unit that the text is, or None when it is no unit.

    With `temperature`, a bare C, F or K is a temperature (where the gold is one), not a coulomb.
    """
    if not text or len(text) > MAX_UNIT_LENGTH:
        return None
    if temperature and text in _TEMPERATURE_LETTERS:
        text = _TEMPERATURE_LETTERS[text]
    for pattern, replacement in _PHRASES:
        text = pattern.sub(replacement, text)
    return _read_compound(text.strip())


def is_measure(noun: str) -> bool:
    """Whether a noun is a unit of measure that pint knows, and not just anything counted."""
    unit = read_unit(noun)
    return unit is not None and unit != _literal(noun)


def _read_compound(text: str) -> Unit | None:
    if "(" in text:
        text = _IN_DENOMINATOR.sub(lambda m: "/" + "/".join(_SEPARATORS.split(m[1])), text)
    numerator, *denominators = (part.strip() for part in text.split("/"))
    named = [(name, 1) for name in _SEPARATORS.split(numerator) if name]
    for part in denominators:
        named += [(name, -1) for name in _SEPARATORS.split(part) if name]
    if not 0 < len(named) <= _MAX_FACTORS:
        return None
    factors = [_read_factor(name, sign) for name, sign in named]
    if len(factors) == 1 and factors[0] is not None:
        return factors[0]
    return _product(factors)


def _product(factors: list[Unit | None]) -> Unit | None:
    dimension: Counter[str] = Counter()
    total = Decimal(1)
    for unit in factors:
        if unit is None:
            return None
        for name, power in unit.dimension:
            dimension[name] += int(Decimal(power) * 1000)
        with localcontext(Context(prec=_PRECISION)):
            total *= unit.factor
    if Counter(unit.dimension for unit in factors if unit) == _FORCE_TIMES_LENGTH:
        # A torque is no energy, though 1 N·m and 1 J have one dimension.
        dimension["torque"] = 1000
    return Unit(_as_dimension({n: Decimal(p) / 1000 for n, p in dimension.items()}), total)


def _read_factor(text: str, sign: int) -> Unit | None:
    found = _FACTOR.fullmatch(text)
    if found is None or found[1].lower() in _NO_UNIT:
        return None
    power = sign * int(found[2] or 1)
    unit = _read_name(found[1])
    return unit if power == 1 else _raised(unit, power)


def _raised(unit: Unit, power: int) -> Unit:
    """In a compound a degree Celsius is a difference, so its offset falls away."""
    with localcontext(Context(prec=_PRECISION)):
        factor = unit.factor**power
        dimension = {name: Decimal(exponent) * power for name, exponent in unit.dimension}
    return Unit(_as_dimension(dimension), factor)


def _as_dimension(powers: dict[str, Decimal]) -> Dimension:
    return tuple(sorted((n, format(p.normalize(), "f")) for n, p in powers.items() if p))


@lru_cache(maxsize=4096)
def _read_name(name: str) -> Unit:
    known = _SYMBOLS.get(name) or _WORDS.get(name.lower()) or name
    if known.lower() in _OWN_DIMENSION:
        return _literal(known)
    if known.lower() in ("decade", "decades"):
        year = _read_name("year")
        return replace(year, factor=year.factor * 10)
    if any(sign in known for sign in "/^*"):
        compound = _read_compound(known)
        if compound is not None:
            return compound
    candidates = [known]
    if len(known) > 3 and not known.islower():
        candidates.append(known.lower())
    for candidate in candidates:
        unit = _ask_pint(candidate, trusted=known != name)
        if unit is not None:
            return unit
    return _literal(known)


def _literal(name: str) -> Unit:
    """A unit that is equal only to itself."""
    return Unit(((singular(name), "1"),), Decimal(1))


def _registry() -> pint.UnitRegistry[Decimal]:
    """pint's registry, loaded at the first unit.

    Raises:
        MissingPackageError: pint is not installed.
    """
    if not _loaded:
        try:
            import pint
        except ImportError as error:
            raise MissingPackageError(NEEDS_PINT) from error
        _loaded.append(pint.UnitRegistry(non_int_type=Decimal))
    return _loaded[0]


def _ask_pint(name: str, *, trusted: bool) -> Unit | None:
    with _lock, localcontext(Context(prec=_PRECISION)):
        registry = _registry()
        try:
            parsed = registry.parse_unit_name(name)
            if not parsed or not (trusted or _is_plausible(name, *parsed[0][:2])):
                return None
            return _measure(registry, parsed[0][0] + parsed[0][1], parsed[0][1])
        except Exception:
            # Logarithmic units and the like: pint has its own errors for each of them, and
            # a unit that cannot be converted is one that equals only itself.
            return None


def _is_plausible(name: str, prefix: str, unit: str) -> bool:
    """Whether a word really is that unit: pint reads `cats` as centi-technical-atmospheres."""
    is_word = len(name) > 3 and name.islower() and name.isalpha() and name.isascii()
    is_prefixed = name[1:].rstrip("s") == unit
    return not is_word or is_prefixed or name[:3] == (prefix + unit)[:3]


def _measure(registry: pint.UnitRegistry[Decimal], full_name: str, unit_name: str) -> Unit:
    one = registry.Quantity(Decimal(1), full_name).to_base_units()
    zero = registry.Quantity(Decimal(0), full_name).to_base_units()
    offset = Decimal(zero.magnitude)
    powers = {name: Decimal(str(power)) for name, power in dict(one.dimensionality).items()}
    kind = _KINDS.get(unit_name) or (None if powers else unit_name)
    if kind:
        powers[kind] = Decimal(1)
    return Unit(_as_dimension(powers), Decimal(one.magnitude) - offset, offset)
