"""What is crowded in a home's domains, and the file of domains that is proposed for it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from wsrl_assets.pipeline.domains import bring_up_to_date
from wsrl_assets.reporting import coverage
from wsrl_assets.reporting.coverage import (
    FILE,
    Coverage,
    CoverageError,
    Example,
    Proposal,
    cover_domains,
    folder_of,
    is_edited,
    proposed_file,
    read_coverage,
    write_proposals,
)
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.domains import recorded_moves
from wsrl_assets.taxonomy.domain_files import DomainFacts, parse_domains
from wsrl_assets.taxonomy.domains import domains_in_use, use_domains
from wsrl_assets.text.yaml_files import load_yaml
from wsrl_assets_tests.factories import WHEN, filtered_document
from wsrl_assets_tests.hostile.inputs import texts
from wsrl_assets_tests.reporting.test_topics import TOPICS, about


@pytest.fixture(autouse=True)
def _back_to_the_ten() -> Iterator[None]:
    yield
    use_domains(None)


def plant(
    store: Store,
    domain: str,
    topic: str | None,
    count: int,
    title: str | None = None,
    parent: str | None = None,
) -> None:
    """So many documents about a topic in a domain, passages of one source if it is named."""
    rng = Random(f"{domain} {topic} {count}")
    offset = {"law": 0, "loom": 1_000, "bee": 2_000, None: 3_000}[topic]
    rows = []
    for number in range(count):
        text = " ".join(about(topic, rng))
        others = {"title": title, "parent_id": parent or f"source {domain} {offset + number}"}
        rows.append(filtered_document(offset + number, text, **others))
    with store.transaction(Partition.domain(domain)) as transaction:
        transaction.merge(rows)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Law in `other` among what is about nothing; looms in Math, which is of bees."""
    store = Store(tmp_path / "home [x]")
    plant(store, "other", "law", 40)
    plant(store, "other", None, 60)
    plant(store, "math", "loom", 30)
    plant(store, "math", "bee", 70)
    return store


def taken(text: str) -> str:
    """The file once a user takes every proposal: without "# " before the lines of its entries."""
    lines = text.splitlines(keepends=True)
    return "".join(line.replace("  # ", "  ", 1) if line[:4] == "  # " else line for line in lines)


def entries(text: str) -> tuple[DomainFacts, ...]:
    return parse_domains(load_yaml(text), "domains.yaml")


def test_what_is_crowded_is_proposed_with_words_and_examples(store: Store) -> None:
    found = cover_domains(store, None)
    law, loom = found.proposals
    assert (law.source, law.documents, law.facts.takes_from) == ("other", 40, ())
    assert set(law.words) <= set(TOPICS["law"])
    assert len(law.examples) == 3
    assert (loom.source, loom.documents, loom.facts.takes_from) == ("math", 30, ("math",))
    assert set(loom.words) <= set(TOPICS["loom"])


def test_the_file_holds_the_domains_in_use_and_the_proposals_once_they_are_taken(
    store: Store,
) -> None:
    found = cover_domains(store, None)
    text = (folder_of(store) / FILE).read_text("utf-8")
    assert text == proposed_file(found)
    assert entries(text) == domains_in_use()
    assert entries(taken(text)) == (*domains_in_use(), *(one.facts for one in found.proposals))


def test_domains_of_ones_own_stay_as_they_are(store: Store, tmp_path: Path) -> None:
    demonstrations = tmp_path / "few.yaml"
    own = (
        DomainFacts.model_validate(
            {
                "slug": "math",
                "label": "Sums: 'all' #1",
                "definition": "x",
                "weight": 2.5,
                "was": "numbers",
                "from": ["law"],
                "demonstrations": str(demonstrations),
            }
        ),
        DomainFacts(slug="law", label="yes", definition="null"),
        DomainFacts(slug="other", label="Other", definition="the rest"),
    )
    use_domains(own)
    text = proposed_file(cover_domains(store, None))
    assert entries(text) == own


def test_a_taken_proposal_is_an_added_domain_that_documents_may_move_to(store: Store) -> None:
    found = cover_domains(store, None)
    use_domains(entries(taken(proposed_file(found))))
    changes = bring_up_to_date(store)
    assert set(changes.added) == {one.facts.slug for one in found.proposals}
    assert changes.retired == ()
    moves = {(move.source, move.target) for move in recorded_moves(store)}
    for one in found.proposals:
        assert {("other", one.facts.slug), (one.source, one.facts.slug)} <= moves


def test_the_same_documents_give_the_same_proposals_and_are_not_compared_twice(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = cover_domains(store, None)
    again = Store(tmp_path / "again")
    for domain, topic, count in (
        ("math", "bee", 70), ("math", "loom", 30), ("other", None, 60), ("other", "law", 40)
    ):  # fmt: skip
        plant(again, domain, topic, count)
    assert cover_domains(again, None).proposals == found.proposals
    monkeypatch.setattr(coverage, "find_groups", None)
    assert cover_domains(store, None) == read_coverage(store) == found


def test_passages_of_one_source_are_no_topic(tmp_path: Path) -> None:
    store = Store(tmp_path)
    plant(store, "other", None, 60)
    plant(store, "other", "law", 60, parent="a long book of law")
    found = cover_domains(store, None)
    assert found.proposals == ()
    assert found.domains[0].sources == 61


def test_other_may_be_one_domain_as_a_whole(tmp_path: Path) -> None:
    store = Store(tmp_path)
    plant(store, "other", "law", 50)
    plant(store, "math", "loom", 80)
    plant(store, "coding", "bee", 80)
    found = cover_domains(store, None)
    (law,) = [one for one in found.proposals if one.source == "other"]
    assert law.documents == 50


def test_a_small_home_has_none_and_a_file_all_the_same(tmp_path: Path) -> None:
    for number, count in enumerate((0, 12)):
        store = Store(tmp_path / str(number))
        plant(store, "other", "law", count)
        found = cover_domains(store, None)
        assert found.proposals == ()
        assert entries((folder_of(store) / FILE).read_text("utf-8")) == domains_in_use()


def test_a_file_that_was_edited_stays(store: Store) -> None:
    cover_domains(store, None)
    file = folder_of(store) / FILE
    file.write_text("# mine\n")
    plant(store, "other", "bee", 30)
    found = cover_domains(store, None)
    assert file.read_text() == "# mine\n"
    assert is_edited(store, found)
    file.unlink()
    assert not is_edited(store, cover_domains(store, None))
    assert entries(file.read_text("utf-8")) == domains_in_use()


def test_the_file_is_written_elsewhere_only_where_nothing_is(store: Store, tmp_path: Path) -> None:
    found = cover_domains(store, None)
    write_proposals(found, tmp_path / "a.yaml")
    assert (tmp_path / "a.yaml").read_text("utf-8") == proposed_file(found)
    with pytest.raises(CoverageError, match="is there already"):
        write_proposals(found, tmp_path / "a.yaml")
    with pytest.raises(CoverageError, match="cannot be written"):
        write_proposals(found, tmp_path / "no" / "a.yaml")


def test_only_beginnings_are_read(store: Store) -> None:
    with store.transaction(Partition.domain("math")) as transaction:
        transaction.merge([filtered_document(9_999, "long " * 10**6)])
    rows = coverage._drawn(store)
    assert rows["text"].str.len_chars().max() == 2_000
    assert rows.height == 201


@pytest.mark.parametrize("text", [*texts("markup"), "a\n- slug: evil\n  label: E", "x\u2028- y"])
def test_a_title_of_a_stranger_is_one_comment(text: str) -> None:
    title = coverage._title(text, "")
    example = Example(doc_id="0123", title=title)
    facts = DomainFacts(slug="law", label="Law", definition="courts")
    proposal = Proposal(
        facts=facts, source="other", documents=9, silhouette=0.5, words=("a",), examples=(example,)
    )
    found = Coverage(made_at=WHEN, compared_by=None, basis="", domains=(), proposals=(proposal,))
    written = proposed_file(found)
    assert entries(written) == domains_in_use()
    assert entries(taken(written)) == (*domains_in_use(), facts)
    notes = [line[5:] for line in written.splitlines() if line.startswith("  ## ")]
    assert yaml.safe_load("\n".join(notes))["examples"][0]["begins"] == title


def test_words_that_have_no_slug_get_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    rng = Random(7)
    own, rest = [chr(0x4E10 + n) for n in range(8)], [chr(0x5E00 + n) for n in range(2_000)]
    texts = [rng.choices(rest, k=60) + rng.choices(own, k=30) * (n < 40) for n in range(100)]
    with store.transaction(Partition.domain("other")) as transaction:
        transaction.merge([filtered_document(n, " ".join(text)) for n, text in enumerate(texts)])
    found = cover_domains(store, None)
    (named,) = [one for one in found.proposals if set(one.words) & set(own)]
    assert named.facts.slug.startswith("topic")
    assert named.documents == 40


class _Embedder:
    """Puts texts of law on one side, and all others about another."""

    def __init__(self, model: str) -> None:
        assert model == "a-model"

    def embed(self, found: Sequence[str]) -> NDArray[np.float32]:
        rng = np.random.default_rng(len(found))
        vectors = rng.normal(size=(len(found), 32))
        vectors[["court" in text for text in found], 0] += 12
        unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit.astype(np.float32)


def test_documents_are_compared_by_meaning_where_a_model_is_set(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage, "Embedder", _Embedder)
    found = cover_domains(store, "a-model")
    assert found.compared_by == "a-model"
    (law,) = found.proposals
    assert law.source == "other"
    assert set(law.words) & {"court", "statute", "judge"}
    assert cover_domains(store, None).compared_by is None
