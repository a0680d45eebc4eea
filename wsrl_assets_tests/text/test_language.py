"""The language of a document, and how its numbers are written."""

from decimal import Decimal

import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets.text.language import AS_ENGLISH, NUMBER_LANGUAGES, Writing, language_of

ENGLISH = "The bridge over the river was opened in the spring, and it has carried the road since."
GERMAN = "Die Brücke über den Fluss wurde im Frühling eröffnet, und seither trägt sie die Straße."
SPANISH = "El puente sobre el río fue abierto en primavera y desde entonces lleva la carretera."
TEXTS = {
    "en": ENGLISH,
    "de": GERMAN,
    "es": SPANISH,
    "pt": "A ponte sobre o rio foi aberta na primavera e desde então leva a estrada para o porto.",
    "fr": "Le pont sur la rivière fut ouvert au printemps et porte depuis lors la route du port.",
    "it": "Il ponte sul fiume fu aperto in primavera e da allora porta la strada verso il porto.",
    "id": "Jembatan di atas sungai itu dibuka pada musim semi dan dilalui jalan raya menuju kota.",
    "ru": "Мост через реку был открыт весной и с тех пор несёт дорогу, которая ведёт в порт.",
    "ja": "川に架かる橋は春に開通し、それ以来、港へ向かう道を支えている。人々は毎朝そこを渡る。",
}


@pytest.mark.parametrize("language", TEXTS)
def test_the_language_of_a_passage_is_told(language: str) -> None:
    assert language_of(TEXTS[language]) == language


@pytest.mark.parametrize("text", ["", "Bonjour", "12 345 678 900 1234", "x" * 3, "\n\n"])
def test_too_little_text_has_no_language(text: str) -> None:
    assert language_of(text) is None


@pytest.mark.parametrize(
    ("document", "mark"),
    [
        (ENGLISH, "."),
        (GERMAN, ","),
        (TEXTS["id"], ","),
        (TEXTS["ru"], ","),
        (TEXTS["ja"], "."),
        (SPANISH, None),
        (f"{SPANISH} Mide 1.234,5 km.", ","),
        (f"{SPANISH} Mide 1,234.5 km.", "."),
        (f"{SPANISH} Mide 3,75 km y pesa 1.500 kg.", ","),
        (f"{SPANISH} Mide 3.75 km y pesa 1.500 kg.", "."),
        (f"{SPANISH} Tiene 12.345.678 habitantes.", ","),
        (f"{SPANISH} Tiene 12.345 habitantes.", None),
        # A language and numbers that contradict it
        (f"{ENGLISH} It is 1.234,5 km long.", None),
        (f"{GERMAN} Sie ist 1,234.5 km lang.", None),
        (f"{GERMAN} Sie ist 3.75 m breit.", None),
        # What only looks like decimals
        (f"{GERMAN} Um 10.30 Uhr am 24.12.1990, laut Absatz 3.5.", ","),
        (f"{ENGLISH} See pages 3,4 and 5,6.", "."),
        ("1,234.5 and 1.234,5", None),
    ],
)
def test_the_decimal_mark_follows_from_numbers_and_language(
    document: str, mark: str | None
) -> None:
    assert Writing.of(document).mark == mark


@pytest.mark.parametrize(
    ("mark", "text", "read"),
    [
        (",", "1.500 kg", "1500 kg"),
        (",", "$2.500", "$2500"),
        (",", "12.345.678", "12345678"),
        (",", "1.234,56 km", "1234.56 km"),
        (",", "12\u202f345,6", "12345.6"),
        (",", "3,75 %", "3.75 %"),
        (",", "0,125", "0.125"),
        (",", "12345", "12345"),
        (",", "24.12.1990, 192.168.1.1, v2.500, 1,2,3", "24.12.1990, 192.168.1.1, v2.500, 1,2,3"),
        (".", "1,500.25 and 1.500", "1,500.25 and 1.500"),
        (None, "1.234,56 and 1.500 and 3,75", "1234.56 and 1.500 and 3,75"),
    ],
)
def test_numbers_are_rewritten_as_the_reward_reads_them(
    mark: str | None, text: str, read: str
) -> None:
    assert Writing(None, mark).with_decimal_point(text) == read


@pytest.mark.parametrize(
    ("language", "mark", "text", "ambiguous"),
    [
        ("es", None, "1.500 kg", "1.500"),
        ("es", None, "1,500 kg", "1,500"),
        ("es", None, "0.125 kg", None),
        ("es", None, "1500 kg", None),
        ("es", None, "1.234,56", None),
        ("de", ",", "1.500 kg", None),
        ("en", ".", "1.500 kg", None),
        ("fr", ",", "2,5 billions", "5 billions"),
        ("en", ".", "2.5 billion", None),
    ],
)
def test_a_number_that_can_be_read_in_two_ways_is_found(
    language: str, mark: str | None, text: str, ambiguous: str | None
) -> None:
    assert Writing(language, mark).ambiguous_number(text) == ambiguous


@given(
    st.sampled_from(sorted(NUMBER_LANGUAGES)),
    st.decimals(0, 10**9, places=2, allow_nan=False),
    st.sampled_from(["#,##0", "#,##0.00", "#,##0.000", "0.0#"]),
)
def test_what_a_language_writes_is_read_as_it_was_meant(
    language: str, value: Decimal, pattern: str
) -> None:
    """Whatever Babel writes by the CLDR, the reward's own reading of it is the number again."""
    from wsrl_assets.reward.numbers import read_number
    from wsrl_assets.reward.text import plain
    from wsrl_assets.text.language import _usual_mark

    written = format_decimal(value, format=pattern, locale=language)
    as_meant = read_number(plain(format_decimal(value, format=pattern, locale="en")))
    read = read_number(plain(Writing(language, _usual_mark(language)).with_decimal_point(written)))
    assert read is not None
    assert as_meant is not None
    assert read.value == as_meant.value


def test_english_is_left_as_it_is() -> None:
    assert AS_ENGLISH.with_decimal_point("1,234.5 and 1.234,5") == "1,234.5 and 1.234,5"
