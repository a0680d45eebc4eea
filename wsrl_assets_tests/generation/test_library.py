"""The demonstration library holds good examples only, and one's own files can take their place."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from wsrl_assets.generation.library import (
    Demonstration,
    LibraryError,
    LibraryFile,
    library_digest,
    load_library,
    pick_examples,
)
from wsrl_assets.reward import AnswerType, parse_gold, self_test
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.verification.form import question_form
from wsrl_assets.verification.grounding import answer_in, locate
from wsrl_assets.verification.leakage import leak
from wsrl_assets.verification.self_containment import stands_alone
from wsrl_assets.verification.verify import Draft, check_rules

LIBRARY = load_library()
EVERY = [example for file in LIBRARY.values() for example in file.demonstrations]
CHOICES = [example for example in EVERY if example.answer_type is AnswerType.CHOICE]


def own_file(folder: Path, domain: str = "math", **changes: Any) -> Path:
    """A file with one good example, or with what `changes` makes of it."""
    example = EVERY[0].model_dump(mode="json")
    example.update(changes)
    path = folder / f"{domain}.yaml"
    path.write_text(
        yaml.safe_dump({"version": 9, "domain": domain, "demonstrations": [example]}), "utf-8"
    )
    return path


@pytest.mark.parametrize("domain", Domain)
def test_a_domain_has_six_examples_of_five_answer_types(domain: Domain) -> None:
    examples = LIBRARY[domain].demonstrations
    assert LIBRARY[domain].domain is domain
    assert len(examples) >= 6
    assert len({example.answer_type for example in examples}) >= 5


def test_ids_are_unique() -> None:
    repeated = [name for name, count in Counter(e.id for e in EVERY).items() if count > 1]
    assert repeated == []


@pytest.mark.parametrize("example", EVERY, ids=lambda example: example.id)
def test_evidence_is_a_verbatim_part_of_the_passage(example: Demonstration) -> None:
    _, verdict = locate(example.evidence, example.passage)
    assert (verdict.passed, verdict.detail) == (True, "verbatim")


@pytest.mark.parametrize(
    "example", [e for e in EVERY if e not in CHOICES], ids=lambda example: example.id
)
def test_an_example_passes_our_own_rules(example: Demonstration) -> None:
    draft = Draft(
        example.id,
        example.id,
        example.question,
        example.answer,
        example.answer_type,
        example.unit,
        example.evidence,
    )
    failed = [v for v in check_rules(draft, example.passage).verdicts if not v.passed]
    assert failed == []


@pytest.mark.parametrize("example", CHOICES, ids=lambda example: example.id)
def test_a_choice_passes_the_rules_that_hold_for_choices(example: Demonstration) -> None:
    gold = parse_gold(example.answer, example.answer_type, choices=example.choices)
    assert self_test(gold).ok
    verdicts = [
        question_form(example.question),
        stands_alone(example.question),
        leak(example.question, gold),
        answer_in(example.evidence, gold),
    ]
    assert [verdict for verdict in verdicts if not verdict.passed] == []
    assert all(choice in example.question for choice in example.choices)


@pytest.mark.parametrize("example", EVERY, ids=lambda example: example.id)
def test_aliases_are_right_answers_of_the_type(example: Demonstration) -> None:
    gold = parse_gold(
        example.answer, example.answer_type, example.unit, example.aliases, example.choices
    )
    assert self_test(gold).ok


class TestPicking:
    def test_the_same_seed_picks_the_same(self) -> None:
        file = LIBRARY[Domain.CODING]
        assert pick_examples(file, 3, "doc-1") == pick_examples(file, 3, "doc-1")

    def test_documents_see_different_examples(self) -> None:
        picks = {pick_examples(LIBRARY[Domain.CODING], 3, f"doc-{n}") for n in range(20)}
        assert len(picks) > 5

    @pytest.mark.parametrize("domain", Domain)
    def test_three_examples_have_three_types_and_none_is_a_choice(self, domain: Domain) -> None:
        for number in range(20):
            types = [e.answer_type for e in pick_examples(LIBRARY[domain], 3, str(number))]
            assert len(set(types)) == 3
            assert AnswerType.CHOICE not in types

    def test_a_small_library_gives_what_it_has(self) -> None:
        file = LibraryFile(version=1, domain=Domain.MATH, demonstrations=(EVERY[0],))
        assert pick_examples(file, 3, "doc") == (EVERY[0],)

    def test_the_picks_do_not_depend_on_the_process(self) -> None:
        code = (
            "from wsrl_assets.taxonomy.domains import Domain\n"
            "from wsrl_assets.generation.library import load_library, pick_examples\n"
            "file = load_library()[Domain.MATH]\n"
            "print([e.id for e in pick_examples(file, 3, 'doc-1')])"
        )
        elsewhere = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": "7"},
        )
        here = [e.id for e in pick_examples(LIBRARY[Domain.MATH], 3, "doc-1")]
        assert elsewhere.stdout.strip() == str(here)


class TestOwnFolder:
    def test_own_files_replace_their_domains_and_the_rest_stays(self, tmp_path: Path) -> None:
        own_file(tmp_path, id="mine-1")
        library = load_library(tmp_path)
        assert [e.id for e in library[Domain.MATH].demonstrations] == ["mine-1"]
        assert library[Domain.MATH].version == 9
        assert library[Domain.CODING] == LIBRARY[Domain.CODING]

    def test_another_example_makes_another_digest(self, tmp_path: Path) -> None:
        own_file(tmp_path)
        own = load_library(tmp_path)[Domain.MATH]
        assert library_digest([own]) != library_digest([LIBRARY[Domain.MATH]])
        assert library_digest([own]) == library_digest([own])

    @pytest.mark.parametrize(
        ("changes", "place"),
        [
            ({"answer_type": "number"}, "demonstrations.0.answer_type"),
            ({"question": ""}, "demonstrations.0.question"),
            ({"answer": 5}, "demonstrations.0.answer"),
            ({"reward": 1}, "demonstrations.0.reward"),
        ],
    )
    def test_a_broken_example_is_named_by_file_and_place(
        self, tmp_path: Path, changes: dict[str, Any], place: str
    ) -> None:
        path = own_file(tmp_path, **changes)
        with pytest.raises(LibraryError) as raised:
            load_library(tmp_path)
        assert str(path) in str(raised.value)
        assert place in str(raised.value)

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"", "at the top"),
            (b"- a list", "at the top"),
            (b"version: 1\ndomain: math", "at demonstrations"),
            (b"version: [1", "not YAML"),
            (b"version: \xff\xfe\xff", "not YAML"),
            (b"version: 1\ndomain: coding\ndemonstrations: []", "at domain"),
        ],
    )
    def test_a_broken_file_is_named(self, tmp_path: Path, data: bytes, said: str) -> None:
        (tmp_path / "math.yaml").write_bytes(data)
        with pytest.raises(LibraryError, match=said) as raised:
            load_library(tmp_path)
        assert str(tmp_path / "math.yaml") in str(raised.value)

    def test_a_missing_folder_is_an_error_and_not_the_packaged_library(
        self, tmp_path: Path
    ) -> None:
        with pytest.raises(LibraryError, match="no such folder"):
            load_library(tmp_path / "typo")

    def test_a_file_that_no_domain_reads_is_an_error(self, tmp_path: Path) -> None:
        own_file(tmp_path, "maths")
        with pytest.raises(LibraryError, match=r"maths\.yaml is of no domain"):
            load_library(tmp_path)
