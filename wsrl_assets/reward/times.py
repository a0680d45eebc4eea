"""Times of day: 10:30 AM is 10:30 and 10:30 a.m., and never 10:30 PM or 22:30.

A time without AM or PM is read on the 24-hour clock, in words too: `half past two` is 2:30, and
24:00 is midnight. A gold with a zone wants that zone; a gold without one does not look at the
answer's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .gold import Gold
from .kind import Rule, not_of_type, without_exactly
from .number_words import COUNTING_WORDS, read_words
from .outcome import Reason
from .text import plain

_MAX_LENGTH = 50
_ZONES = (
    "UTC|GMT|Z|EST|EDT|ET|CST|CDT|CT|MST|MDT|MT|PST|PDT|PT|BST|CET|CEST|EET|EEST|WET|WEST|MSK|"
    "IST|JST|KST|AEST|AEDT|ACST|AWST|NZST|NZDT|HKT|SGT|AKST|AKDT|HST"
)
# A minus needs its UTC: `10:30-11:30` is a range.
_OFFSET = r"(?:(?:UTC|GMT) ?[-+]|\+)\d{1,2}(?::?\d{2})?"
_ZONE = rf"(?: ?\(?(?P<zone>{_OFFSET}|(?:{_ZONES})\b)\)?)?"
_HALF_OF_DAY = r"(?: ?(?P<half>[ap])\.? ?m\b\.?)"
_CLOCK = re.compile(
    rf"(?P<hour>\d{{1,2}})(?: ?[:h.\u2236] ?|[- ](?=\d\d\b))(?P<minute>\d{{2}})"
    rf"(?:[:.m] ?(?P<second>\d{{2}})s?(?:\.\d+)?)?(?: ?(?:m|min|minutes)\b\.?)?"
    rf"{_HALF_OF_DAY}?(?: ?(?:hours|hrs|h|o'clock|uhr)\b\.?)?{_ZONE}",
    re.ASCII | re.IGNORECASE,
)
_HOUR = re.compile(
    rf"(?P<hour>\d{{1,2}})(?: ?o'clock)?(?:{_HALF_OF_DAY}| ?(?:h|uhr)\b){_ZONE}",
    re.ASCII | re.IGNORECASE,
)
_MILITARY = re.compile(
    rf"(?P<hour>\d{{2}})(?P<minute>\d{{2}}) ?(?:hours|hrs|h)\b{_ZONE}", re.ASCII | re.IGNORECASE
)
_LEAD = re.compile(r"(?:at |around the time of )?", re.IGNORECASE)
_TAIL = re.compile(
    r",? (?:in the (?:early |late )?(morning|afternoon|evening)|at night)$", re.IGNORECASE
)
_IDLE_TAIL = re.compile(r",? (?:sharp|exactly|precisely|on the dot|local time)$", re.IGNORECASE)
_NAMED = {"noon": 12, "midday": 12, "midnight": 0}
_NAMED_WITH_HOUR = re.compile(
    r"(?:(?:12|twelve)(?::00)?(?: o'clock)? ?)?\(?(noon|midday|midnight)\)?", re.IGNORECASE
)
# "half past two", "ten minutes to three"; what is left may still name the half of the day.
_PAST = re.compile(
    r"(?:a )?(?P<by>half|quarter|[a-z]+(?:-[a-z]+)?|\d{1,2})(?: minutes?)?"
    r"[ -](?P<side>past|after|to|before|till|of) (?P<hour>[a-z]+|\d{1,2})\b",
    re.IGNORECASE,
)
_NUMBER = rf"(?:{'|'.join(sorted(COUNTING_WORDS | {'one'}, key=len, reverse=True))})"
_HOUR_IN_WORDS = re.compile(
    rf"(?P<hour>{_NUMBER}|\d{{1,2}})(?:[- ](?P<minute>(?:oh[- ])?{_NUMBER}(?:[- ]{_NUMBER})?))?\b"
    r"(?: ?o'clock)?,?(?P<rest> ?[ap]\.? ?m\b.*|(?(minute) hours))?$",
    re.IGNORECASE,
)
_PARTS_OF_AN_HOUR = {"half": 30, "quarter": 15}


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    hour: int
    minute: int
    second: int = 0
    zone: str | None = None

    @property
    def clock(self) -> tuple[int, int, int]:
        return (self.hour, self.minute, self.second)

    def iso(self) -> str:
        second = f":{self.second:02d}" if self.second else ""
        return f"{self.hour:02d}:{self.minute:02d}{second}" + (f" {self.zone}" if self.zone else "")

    def in_words(self) -> str:
        second = f":{self.second:02d}" if self.second else ""
        half = "AM" if self.hour < 12 else "PM"
        zone = f" {self.zone}" if self.zone else ""
        return f"{(self.hour - 1) % 12 + 1}:{self.minute:02d}{second} {half}{zone}"


def compile_rule(gold: Gold) -> Rule:
    wanted = _read_gold(gold)

    def judge(answer: str) -> Reason:
        found = read_time(without_exactly(plain(answer)))
        if found is None:
            return Reason.NOT_OF_TYPE
        if found.clock != wanted.clock:
            return Reason.WRONG_VALUE
        if wanted.zone is not None and found.zone != wanted.zone:
            return Reason.WRONG_UNIT if found.zone else Reason.MISSING_UNIT
        return Reason.MATCH

    return judge


def read_time(text: str) -> TimeOfDay | None:
    """The one time of day that the whole text is; a bare hour (`10`) is none."""
    if not text or len(text) > _MAX_LENGTH:
        return None
    text = _IDLE_TAIL.sub("", text[_end_of_lead(text) :])
    named = _NAMED_WITH_HOUR.fullmatch(text)
    if named is not None:
        return TimeOfDay(_NAMED[named[1].lower()], 0)
    tail = _TAIL.search(text)
    clock = text[: tail.start()] if tail else text
    time = _read_clock(_in_digits(clock, is_placed=tail is not None))
    return time if time is None or tail is None else _in_part_of_day(time, tail[1])


def _end_of_lead(text: str) -> int:
    lead = _LEAD.match(text)
    return lead.end() if lead else 0


def _in_digits(text: str, *, is_placed: bool) -> str:
    """`half past two PM` as `2:30 PM`, `ten thirty` as `10:30`, `ten in the morning` as `10:00`.

    Only where the half of the day is known: in words nobody uses the 24-hour clock below 13.
    """
    found = _PAST.match(text)
    if found is not None:
        by, hour = _small_number(found["by"]), _small_number(found["hour"])
        rest = text[found.end() :]
        if by is None or hour is None or not (rest or is_placed):
            return text
        minutes = 60 * hour + (by if found["side"].lower() in ("past", "after") else -by)
        # An hour before one o'clock is twelve.
        return f"{(minutes // 60 - 1) % 12 + 1}:{minutes % 60:02d}{rest}"
    found = _HOUR_IN_WORDS.fullmatch(text)
    hour = _small_number(found["hour"]) if found else None
    if found is None or hour is None:
        return text
    minute = _small_number(re.sub(r"oh[- ]", "", found["minute"] or "zero", flags=re.IGNORECASE))
    is_known = found["rest"] or is_placed or (hour > 12 and found["minute"])
    return f"{hour}:{minute:02d}{found['rest'] or ''}" if is_known and minute is not None else text


def _small_number(text: str) -> int | None:
    if text.isdigit():
        return int(text)
    if text.lower() in _PARTS_OF_AN_HOUR:
        return _PARTS_OF_AN_HOUR[text.lower()]
    value = read_words(text.lower().replace("-", " ").split())
    return int(value) if value is not None and value.denominator == 1 and value < 60 else None


def _read_clock(text: str) -> TimeOfDay | None:
    for form in (_CLOCK, _HOUR, _MILITARY):
        found = form.fullmatch(text)
        if found is not None:
            return _from_groups(found.groupdict())
    return None


def _from_groups(groups: dict[str, str | None]) -> TimeOfDay | None:
    hour = int(groups["hour"] or 0)
    minute, second = int(groups.get("minute") or 0), int(groups.get("second") or 0)
    half = (groups.get("half") or "").lower()
    if hour == 24 and not (half or minute or second):
        hour = 0
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    return TimeOfDay(hour, minute, second, _zone_of(groups.get("zone")))


def _zone_of(text: str | None) -> str | None:
    if not text:
        return None
    zone = text.upper().replace(" ", "").replace(":", "")
    if zone in ("Z", "GMT", "UTC"):
        return "UTC"
    if zone[-1].isdigit():
        sign_at = max(zone.find("+"), zone.find("-"))
        digits = zone[sign_at + 1 :]
        hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "00")
        if int(hours) == 0 and minutes == "00":
            return "UTC"
        return f"UTC{zone[sign_at]}{int(hours):02d}:{minutes}"
    return zone


def _in_part_of_day(time: TimeOfDay, part: str | None) -> TimeOfDay | None:
    """`10:30 in the evening` is 22:30, and `14:00 in the morning` is nothing."""
    if part is not None and part.lower() == "morning":
        return time if time.hour < 12 else None
    later = time if time.hour >= 12 else replace(time, hour=time.hour + 12)
    if part is None:
        # 1 at night and 11 at night are in different halves of the day.
        return later if later.hour >= 18 else None
    return later


def _read_gold(gold: Gold) -> TimeOfDay:
    found = read_time(plain(gold.value))
    if found is None:
        why = "write 22:30, 10:30 PM, 10 PM, noon or 22:30 UTC"
        raise not_of_type(gold.value, "a time of day", why)
    return found


def canonical(draft: Gold) -> Gold:
    return replace(draft, value=_read_gold(draft).iso())


def render(gold: Gold) -> str:
    return _read_gold(gold).in_words()


def perturb(gold: Gold) -> Iterator[str]:
    time = _read_gold(gold)
    yield replace(time, hour=(time.hour + 12) % 24).in_words()
    yield replace(time, hour=(time.hour + 1) % 24).in_words()
    yield replace(time, minute=(time.minute + 1) % 60).in_words()
    yield replace(time, minute=(time.minute + 30) % 60).in_words()
    yield f"not {time.in_words()}"
    yield f"{time.in_words()} or later"
