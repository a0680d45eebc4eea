"""Dates, as precise as the gold: a year, a month of a year, a day, or a day of any year.

An answer may say more than the gold (`July 20, 1969` for 1969) and never less. 03/04/1969 has two
readings and is none; 20/07/1969 has one. Years of two digits and ranges are no dates.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from . import cldr
from .gold import Gold
from .kind import Rule, not_of_type
from .number_words import ORDINALS, read_words
from .outcome import Reason
from .text import plain
from .vocabulary import words

_MAX_LENGTH = 80
_MONTH_NAMES = words(
    """
    January February March April May June July August September October November December
    """
)
_TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty"
_UNDER_HUNDRED = r"(?:[a-z]{3,9}(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?)"
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_LEAD = re.compile(
    r"(?:(?:in|on|during|dated?|as of|le|el|am|il|op|den|em) )?(?:(?:early|mid|late)[- ](?:in )?"
    r"|(?:the )?(?:spring|summer|autumn|fall|winter|beginning|middle|end)(?: (?:in|of))? )?"
    r"(?:the )?(?:year |month of )?(?:the )?",
    re.IGNORECASE,
)
_DAY_NAME = r"(mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\.?"
_WEEKDAY = re.compile(rf"{_DAY_NAME},? (?:the )?(?:of )?", re.IGNORECASE)
_WEEKDAY_AFTER = re.compile(
    rf"(?:,? \((?:an? )?{_DAY_NAME}\)|, (?:a )?{_DAY_NAME})$", re.IGNORECASE
)
_ERA_NAME = r"BCE|BC|CE|AD|B\.C\.?(?:E\.?)?|A\.D\.?|C\.E\.?"
_ERA = rf"(?: ?(?P<era>{_ERA_NAME}))?"
# Chinese and Japanese, Russian and Ukrainian say after the number that it is a year.
_YEAR_NOUN = r"(?:\u5e74| ?(?:\u0433|\u0440)(?:\.|\u043e\u0434\u0430|\u043e\u043a\u0443)?)?"
_YEAR = rf"(?:(?P<before>{_ERA_NAME}) )?(?P<year>\d{{1,4}}){_ERA}{_YEAR_NOUN}"
_MONTH = r"(?P<month>[^\W\d_]{3,12}(?: [^\W\d_]{3,8})??)\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|\.|\u00ba|\u00aa)?"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_MONTH} (?:the )?{_DAY}(?:(?:,? (?:of )?|,|, in )(?:the year )?{_YEAR})?",
        rf"(?:the )?{_DAY} (?:day )?(?:of |de |d')?(?:the month of )?{_MONTH}"
        rf"(?:,? (?:of |de |del |in )?(?:the year )?{_YEAR})?",
        rf"{_MONTH},? (?:of |de )?(?:the year )?{_YEAR}",
        rf"{_YEAR},? {_MONTH} (?:the )?{_DAY}",
        rf"{_DAY}[-/.]{_MONTH}[-/.](?P<year>\d{{4}})",
        rf"{_MONTH}[-/.]{_DAY}[-/.](?P<year>\d{{4}})",
        rf"(?P<year>\d{{4}})[-/.]{_MONTH}[-/.]{_DAY}",
        _YEAR,
    )
)
_CLOCK = r"(?:\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?|\d{1,2}(?= ?[ap]\.?m))(?: ?[ap]\.?m\.?)?"
_ZONE = r"(?: ?(?:Z|UTC|GMT|[A-Z]{2,4}T|(?:UTC|GMT)?[-+]\d{2}(?::?\d{2})?|\([A-Z]{2,4}\)))?"
_TIME_AFTER = re.compile(rf"(?:,? at|,|T| ) ?{_CLOCK}{_ZONE}$", re.IGNORECASE)
_ZONE_AFTER = re.compile(r"(?<=\d)(?: \(?(?:UTC|GMT)\)?|Z|[-+]\d{2}:\d{2})$")
_ISO = re.compile(
    r"(?P<year>\d{4})(?:(?P<s> ?[-/.] ?)(?P<month>\d{1,2})(?:(?P=s)(?P<day>\d{1,2})\.?)?)", re.ASCII
)
_ISO_YEARLESS = re.compile(r"--(?P<month>\d{2})-(?P<day>\d{2})", re.ASCII)
_NUMERIC = re.compile(
    r"(?P<first>\d{1,2})(?P<s> ?[-/.] ?)(?P<second>\d{1,2})(?P=s)(?P<year>\d{4})\.?", re.ASCII
)
_MONTH_OF_YEAR = re.compile(r"(0[1-9]|1[0-2])[/.-]((?:1[5-9]|20)\d\d)", re.ASCII)
_EAST_ASIAN = re.compile(
    r"(\d{4})(?:\u5e74|\ub144) ?(?:(\d{1,2})(?:\u6708|\uc6d4) ?(?:(\d{1,2})(?:\u65e5|\uc77c))?)?"
)
_ORDINAL_DAY = re.compile(
    rf"\b(?:(twenty|thirty)[- ])?({'|'.join(ORDINALS)})\b(?! century)", re.IGNORECASE
)
_YEAR_IN_WORDS = re.compile(
    rf"\b(?P<round>{_TEENS}) hundred$"
    rf"|\b(?P<century>{_TEENS})[- ](?:hundred(?: and)?[- ])?(?P<rest>{_UNDER_HUNDRED}|oh[- ]\w+)$"
    rf"|\b(?P<thousand>(?:two|one) thousand(?: (?:and )?{_UNDER_HUNDRED})?)$",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")
_EARLIEST_BARE_YEAR = 1000
_LEAP_YEAR = 2000


@dataclass(frozen=True, slots=True)
class PartialDate:
    """What is known of a date; years before Christ are negative (44 BC is -44)."""

    year: int | None = None
    month: int | None = None
    day: int | None = None

    def is_real(self) -> bool:
        if self.month is None:
            return self.year is not None and self.day is None and self.year != 0
        if self.day is None:
            return self.year is not None and 1 <= self.month <= 12
        year = self.year if self.year is not None and self.year > 0 else _LEAP_YEAR
        try:
            datetime.date(year, self.month, self.day)
        except ValueError:
            return False
        return True

    def covers(self, other: PartialDate) -> bool:
        """Whether the other date agrees wherever this one says something."""
        return (
            self.year in (None, other.year)
            and self.month in (None, other.month)
            and self.day in (None, other.day)
        )

    def iso(self) -> str:
        if self.year is not None and not 1000 <= self.year <= 9999:
            return self.in_words()
        year = "-" if self.year is None else f"{self.year:04d}"
        month = "" if self.month is None else f"-{self.month:02d}"
        day = "" if self.day is None else f"-{self.day:02d}"
        return f"{year}{month}{day}"

    def in_words(self) -> str:
        parts = []
        if self.month is not None:
            month = _MONTH_NAMES[self.month - 1]
            parts.append(month if self.day is None else f"{month} {self.day}")
        if self.year is not None:
            parts.append(_year_in_words(self.year))
        return (", " if self.day is not None else " ").join(parts)


def _year_in_words(year: int) -> str:
    if year < 0:
        return f"{-year} BC"
    return str(year) if year >= _EARLIEST_BARE_YEAR else f"AD {year}"


def is_month(word: str) -> bool:
    return word in cldr.months()


def compile_rule(gold: Gold) -> Rule:
    wanted = _read_gold(gold.value)

    def judge(answer: str) -> Reason:
        text = plain(answer)
        if _is_ambiguous(text):
            return Reason.AMBIGUOUS
        found = read_date(text)
        if found is None:
            return Reason.NOT_OF_TYPE
        return Reason.MATCH if wanted.covers(found) else Reason.WRONG_VALUE

    return judge


def read_date(text: str) -> PartialDate | None:
    """The one date that the whole text is; None for no date and for an ambiguous one."""
    if not text or len(text) > _MAX_LENGTH:
        return None
    if not text.isascii():
        text = _EAST_ASIAN.sub(lambda m: "-".join(_padded(p) for p in m.groups() if p), text)
    text = _TIME_AFTER.sub("", text) if ":" in text or "m" in text[-3:].lower() else text
    text = _ZONE_AFTER.sub("", text)
    if text[0].isdigit() or text[0] == "-":
        found = _read_digits(text)
        if found is not None:
            return found if found.is_real() else None
    return _read_worded(text)


def _padded(digits: str) -> str:
    return digits.rjust(2, "0")


def _read_digits(text: str) -> PartialDate | None:
    iso = _ISO.fullmatch(text)
    if iso is not None:
        day = int(iso["day"]) if iso["day"] else None
        # 1969.07 and 1969/07 without a day are a decimal and a fraction.
        if day is None and (iso["s"] != "-" or len(iso["month"]) != 2):
            return None
        return PartialDate(int(iso["year"]), int(iso["month"]), day)
    yearless = _ISO_YEARLESS.fullmatch(text)
    if yearless is not None:
        return PartialDate(None, int(yearless["month"]), int(yearless["day"]))
    month = _MONTH_OF_YEAR.fullmatch(text)
    if month is not None:
        return PartialDate(int(month[2]), int(month[1]))
    return _read_slashed(text)


def _read_slashed(text: str) -> PartialDate | None:
    found = _NUMERIC.fullmatch(text)
    if found is None:
        return None
    first, second, year = int(found["first"]), int(found["second"]), int(found["year"])
    if first > 12 or first == second:
        return PartialDate(year, second, first)
    # A second number above 12 can only be a day; below, nobody can tell.
    return PartialDate(year, first, second) if second > 12 else None


def _is_ambiguous(text: str) -> bool:
    found = _NUMERIC.fullmatch(text)
    return found is not None and _read_slashed(text) is None


def _read_worded(text: str) -> PartialDate | None:
    weekday = _WEEKDAY_AFTER.search(text)
    if weekday is not None:
        text = text[: weekday.start()]
    else:
        weekday = _WEEKDAY.match(text)
        text = text[weekday.end() :] if weekday else text
    lead = _LEAD.match(text)
    bare = text[lead.end() :] if lead else text
    for candidate in dict.fromkeys((text, bare, _in_digits(bare))):
        date = _read_form(candidate)
        if date is not None:
            name = next(filter(None, weekday.groups())) if weekday else None
            return date if _falls_on(date, name) else None
    return None


def _read_form(text: str) -> PartialDate | None:
    if not _DIGIT.search(text):  # every form has a year or a day
        return None
    for form in _FORMS:
        found = form.fullmatch(text)
        date = _from_groups(found.groupdict()) if found else None
        if date is not None:
            return date
    return None


def _in_digits(text: str) -> str:
    """`July twentieth, nineteen sixty-nine` as `July 20, 1969`."""
    if text[-1:].isdigit():
        return _ORDINAL_DAY.sub(_day_in_digits, text)
    text = _YEAR_IN_WORDS.sub(_year_in_digits, text)
    return _ORDINAL_DAY.sub(_day_in_digits, text)


def _day_in_digits(found: re.Match[str]) -> str:
    tens = {"twenty": 20, "thirty": 30}.get((found[1] or "").lower(), 0)
    return str(tens + ORDINALS[found[2].lower()])


def _year_in_digits(found: re.Match[str]) -> str:
    def value(words_of: str) -> int | None:
        read = read_words(
            re.split("[- ]", words_of.lower().removeprefix("oh-").removeprefix("oh "))
        )
        return None if read is None or read.denominator != 1 else int(read)

    if found["thousand"]:
        year = value(found["thousand"])
    else:
        century = value(found["century"] or found["round"])
        rest = value(found["rest"]) if found["rest"] else 0
        year = None if century is None or rest is None or rest > 99 else 100 * century + rest
    return found[0] if year is None else str(year)


def _from_groups(groups: dict[str, str | None]) -> PartialDate | None:
    month = None
    if groups.get("month"):
        month = cldr.months().get(cldr.name_key(groups["month"] or ""))
        if month is None:
            return None
    day = int(groups["day"] or 0) if groups.get("day") else None
    year, is_plain = _year_of(groups)
    if year is not None and is_plain and year < _EARLIEST_BARE_YEAR:
        return None
    date = PartialDate(year, month, day)
    return date if date.is_real() else None


def _year_of(groups: dict[str, str | None]) -> tuple[int | None, bool]:
    """The year, and whether it stands without an era."""
    if not groups.get("year"):
        return None, False
    year = int(groups["year"] or 0)
    era, before = ((groups.get(k) or "").replace(".", "").upper() for k in ("era", "before"))
    if era and before:
        return None, False
    return (-year if (era or before).startswith("BC") else year), not (era or before)


def _falls_on(date: PartialDate, weekday: str | None) -> bool:
    """A weekday has to be the right one; without a full date nobody can tell."""
    if weekday is None:
        return True
    if date.year is None or date.year < 1 or date.day is None or date.month is None:
        return False
    actual = datetime.date(date.year, date.month, date.day).weekday()
    return _WEEKDAYS[actual].startswith(weekday.lower())


def _read_gold(value: str) -> PartialDate:
    text = plain(value)
    if _is_ambiguous(text):
        why = "day and month could be either way round; write it as 1969-07-20"
        raise not_of_type(value, "a date", why)
    found = read_date(text)
    if found is None:
        why = "write 1969-07-20, July 20, 1969, July 1969, July 20, 1969 or 44 BC"
        raise not_of_type(value, "a date", why)
    return found


def canonical(draft: Gold) -> Gold:
    return replace(draft, value=_read_gold(draft.value).iso())


def render(gold: Gold) -> str:
    return _read_gold(gold.value).in_words()


def perturb(gold: Gold) -> Iterator[str]:
    date = _read_gold(gold.value)
    right = date.in_words()
    if date.year is not None:
        yield replace(date, year=_other_year(date.year, 1)).in_words()
        yield replace(date, year=_other_year(date.year, -1)).in_words()
        yield replace(date, year=_other_year(date.year, 10)).in_words()
    if date.month is not None:
        yield replace(date, month=date.month % 12 + 1, day=_safe_day(date.day)).in_words()
        yield replace(date, month=(date.month + 5) % 12 + 1, day=_safe_day(date.day)).in_words()
    if date.day is not None:
        yield replace(date, day=date.day % 28 + 1).in_words()
        yield replace(date, day=(date.day + 9) % 28 + 1).in_words()
    if date.month is not None and date.year is not None:
        yield _year_in_words(date.year)
    yield f"not {right}"
    yield f"before {right}"
    yield f"{right} or later"


def _other_year(year: int, by: int) -> int:
    """There is no year 0, and none after 9999 here."""
    other = year + by
    if other == 0 or other > 9999:
        return year - 2 * by
    return other


def _safe_day(day: int | None) -> int | None:
    return None if day is None else min(day, 28)
