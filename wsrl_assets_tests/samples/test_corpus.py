"""The sample corpus is what its two index files say it is."""

import json
import re
import unicodedata
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import yaml

from wsrl_assets import samples
from wsrl_assets.taxonomy.domains import Domain

KEYS = {"id", "title", "text", "license", "source"}


def rows(path: Path) -> dict[str, dict[str, Any]]:
    lines = path.read_text(encoding="utf-8").split("\n")
    found = [json.loads(line) for line in lines if line]
    assert len({row["id"] for row in found}) == len(found), f"repeated id in {path.name}"
    return {row["id"]: row for row in found}


def index(name: str) -> Any:
    return yaml.safe_load((samples.corpus_dir().parent / name).read_text(encoding="utf-8"))


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def similarity(one: str, other: str) -> float:
    """Jaccard similarity of the two sets of word 5-grams."""
    a, b = ({tuple(w[i : i + 5]) for i in range(len(w) - 4)} for w in (words(one), words(other)))
    return len(a & b) / len(a | b)


def normal_form(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


ENCYCLOPEDIA = rows(samples.corpus_dir() / "encyclopedia.jsonl")
CRAWL = rows(samples.corpus_dir() / "crawl.jsonl")
HANDBOOK = {
    path.name: path.read_text(encoding="utf-8")
    for path in sorted((samples.corpus_dir() / "handbook").iterdir())
}
DOMAINS: dict[str, str] = index("corpus_domains.yaml")
FAULTS: dict[str, Any] = index("corpus_faults.yaml")
BAD = {doc_id for ids in FAULTS.values() for doc_id in ids}
GOOD = (
    {doc_id: row["text"] for doc_id, row in ENCYCLOPEDIA.items()}
    | HANDBOOK
    | {doc_id: row["text"] for doc_id, row in CRAWL.items() if doc_id not in BAD}
)


BAD_TEXTS = {doc_id: CRAWL[doc_id]["text"] for doc_id in BAD}


def bad_texts(fault: str) -> list[str]:
    return [CRAWL[doc_id]["text"] for doc_id in FAULTS[fault]]


def test_the_shards_hold_fifty_good_documents_and_nineteen_bad_ones() -> None:
    assert (len(ENCYCLOPEDIA), len(HANDBOOK), len(CRAWL)) == (31, 14, 24)
    assert len(GOOD) == 50
    assert len(BAD) == 19
    assert not ENCYCLOPEDIA.keys() & CRAWL.keys()


def test_every_good_document_has_a_domain_and_the_ten_domains_have_five_each() -> None:
    assert DOMAINS.keys() == GOOD.keys()
    assert Counter(DOMAINS.values()) == {str(domain): 5 for domain in Domain}


def test_json_rows_have_all_keys_and_name_license_and_source() -> None:
    for row in [*ENCYCLOPEDIA.values(), *CRAWL.values()]:
        assert row.keys() == KEYS
        assert all(isinstance(value, str) for value in row.values())
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row["id"])
        assert row["title"]
        assert row["license"] == "Apache-2.0"
        assert row["source"] == "wsrl-assets sample corpus"


def test_handbook_files_are_markdown_with_one_title_and_paragraphs() -> None:
    for name, text in HANDBOOK.items():
        assert name.endswith(".md")
        assert re.match(r"# \S[^\n]*\n\n\S", text), name
        assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1, name
        assert text.count("\n\n") >= 4, name


def test_good_documents_are_150_to_600_words_and_mostly_short() -> None:
    lengths = {doc_id: len(text.split()) for doc_id, text in GOOD.items()}
    assert all(150 <= length <= 600 for length in lengths.values()), lengths
    assert median(lengths.values()) <= 260
    assert sum(length > 350 for length in lengths.values()) == 4


def test_good_documents_are_in_nfc_and_rich_in_numbers() -> None:
    for doc_id, text in GOOD.items():
        assert unicodedata.is_normalized("NFC", text), doc_id
        assert len(set(re.findall(r"\d+(?:[.,]\d+)*", text))) >= 8, doc_id


def test_good_documents_do_not_resemble_one_another() -> None:
    texts = list(GOOD.values())
    for i, one in enumerate(texts):
        assert all(similarity(one, other) < 0.05 for other in texts[i + 1 :])


def test_every_fault_is_there_in_the_intended_number() -> None:
    assert {fault: len(ids) for fault, ids in FAULTS.items()} == {
        "boilerplate": 3,
        "fragment": 3,
        "too_short": 4,
        "exact_duplicate": 3,
        "near_duplicate": 3,
        "garbage": 1,
        "repeated_line": 1,
        "empty": 1,
    }
    assert CRAWL.keys() >= BAD
    assert sum(len(ids) for ids in FAULTS.values()) == len(BAD), "a document has two faults"


def test_boilerplate_is_long_and_made_of_menus() -> None:
    for text in bad_texts("boilerplate"):
        assert len(words(text)) > 80
        assert text.count("|") > 40
        assert "cookies" in text


def test_fragments_are_long_and_point_outside_themselves() -> None:
    for text in bad_texts("fragment"):
        assert len(words(text)) > 80
        assert text[0].islower()
        assert text[-1] not in ".!?"
        assert re.search(r"above|previous page|previous chapter", text)


def test_short_documents_are_under_fifty_tokens() -> None:
    for text in bad_texts("too_short"):
        assert 0 < len(re.findall(r"\w+|[^\w\s]", text)) < 50


def test_exact_duplicates_match_after_normalisation_and_two_match_byte_for_byte() -> None:
    pairs = [
        (CRAWL[copy]["text"], ENCYCLOPEDIA[original]["text"])
        for copy, original in FAULTS["exact_duplicate"].items()
    ]
    assert all(normal_form(copy) == normal_form(original) for copy, original in pairs)
    assert sum(copy == original for copy, original in pairs) == 2


def test_the_respaced_duplicate_differs_in_spacing_and_in_unicode_form() -> None:
    (copy,) = (text for text in bad_texts("exact_duplicate") if text != text.strip())
    assert not unicodedata.is_normalized("NFC", copy)
    assert copy.split() != normal_form(copy).split()


@pytest.mark.parametrize(("copy", "original"), FAULTS["near_duplicate"].items())
def test_near_duplicates_differ_in_a_few_words_only(copy: str, original: str) -> None:
    one, other = CRAWL[copy]["text"], ENCYCLOPEDIA[original]["text"]
    assert normal_form(one) != normal_form(other)
    assert 0.7 <= similarity(one, other) < 1


def test_garbage_is_mostly_symbols() -> None:
    (text,) = bad_texts("garbage")
    assert len(text.split()) > 80
    assert sum(char.isalpha() for char in text) < 0.1 * len(text)


def test_the_repeated_line_is_the_whole_document() -> None:
    (text,) = bad_texts("repeated_line")
    lines = text.split("\n")
    assert len(lines) >= 20
    assert len(set(lines)) == 1


def test_the_empty_document_is_empty() -> None:
    assert bad_texts("empty") == [""]


def test_pydoc_topics_are_long_and_sorted() -> None:
    topics = list(samples.pydoc_topics())
    names = [name for name, _ in topics]
    assert len(topics) >= 40
    assert names == sorted(set(names))
    assert all(len(text.split()) >= 150 for _, text in topics)


def test_pydoc_corpus_is_written_whole_and_replaces_an_older_one(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    first = samples.write_pydoc_corpus(folder).read_bytes()
    (folder / "pydoc.jsonl").write_text("old")
    path = samples.write_pydoc_corpus(folder)
    assert path.read_bytes() == first
    assert list(folder.iterdir()) == [folder / "pydoc.jsonl"], "scratch files were left behind"

    written = rows(path)
    assert [row["text"] for row in written.values()] == [t for _, t in samples.pydoc_topics()]
    for row in written.values():
        assert row.keys() == KEYS
        assert row["license"] == "PSF-2.0"
        assert re.fullmatch(r"CPython 3\.\d+\.\S+ help topics", row["source"])


def test_a_failed_write_keeps_the_older_pydoc_corpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Any:
        yield "assert", "a text"
        raise RuntimeError("disk gone")

    path = samples.write_pydoc_corpus(tmp_path)
    before = path.read_bytes()
    monkeypatch.setattr(samples, "pydoc_topics", broken)
    with pytest.raises(RuntimeError, match="disk gone"):
        samples.write_pydoc_corpus(tmp_path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


class TestShortCorpus:
    """The part of the corpus that `wsrl demo` takes unless it is asked for all."""

    @pytest.fixture
    def written(self, tmp_path: Path) -> dict[str, str]:
        paths = samples.write_short_corpus(tmp_path / "corpus")
        assert [path.name for path in paths] == list(samples.SHORT_CORPUS)
        found: dict[str, str] = {}
        for path in paths:
            if path.is_dir():
                found |= {file.name: file.read_text("utf-8") for file in path.iterdir()}
            else:
                found |= {doc_id: row["text"] for doc_id, row in rows(path).items()}
        return found

    def test_it_holds_the_documents_that_it_names_as_they_are(
        self, written: dict[str, str]
    ) -> None:
        named = {doc_id for _, chosen in samples.SHORT_CORPUS.values() for doc_id in chosen}
        assert written.keys() == named
        assert all(text == (GOOD | BAD_TEXTS)[doc_id] for doc_id, text in written.items())

    def test_it_has_every_fault_and_the_originals_of_its_duplicates(
        self, written: dict[str, str]
    ) -> None:
        assert {fault for fault, ids in FAULTS.items() if written.keys() & set(ids)} == set(FAULTS)
        for fault in ("exact_duplicate", "near_duplicate"):
            copies = FAULTS[fault].keys() & written.keys()
            assert {FAULTS[fault][copy] for copy in copies} <= written.keys()

    def test_its_good_documents_are_of_many_domains(self, written: dict[str, str]) -> None:
        assert len({DOMAINS[doc_id] for doc_id in written if doc_id in DOMAINS}) >= 5

    def test_writing_it_twice_changes_nothing(self, tmp_path: Path) -> None:
        first = samples.write_short_corpus(tmp_path)
        assert samples.write_short_corpus(tmp_path) == first
