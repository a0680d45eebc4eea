"""A file of domains is read as it says, or refused with the file, the key and the remedy."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from wsrl_assets.generation.library import load_library
from wsrl_assets.settings import load_domains
from wsrl_assets.taxonomy.domain_files import DomainsError, parse_domains
from wsrl_assets.taxonomy.domains import Domain, domains_in_use, shipped_domains, use_domains
from wsrl_assets_tests.hostile.inputs import texts
from wsrl_assets_tests.hostile.test_yaml import REFUSED

LAW = {"slug": "law", "label": "Law", "definition": "courts and statutes"}
ART = {"slug": "art", "label": "Art", "definition": "paintings"}


@pytest.fixture(autouse=True)
def _back_to_the_ten() -> Iterator[None]:
    yield
    use_domains(None)


def read(path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    file = path / "mine.yaml"
    file.write_text(text, "utf-8")
    monkeypatch.setenv("WSRL_DOMAINS", str(file))
    return load_domains()


def test_the_shipped_domains_are_a_file_of_the_same_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"slug", "label", "definition"}
    plain = [facts.model_dump(include=keys) for facts in domains_in_use()]
    found = read(tmp_path, yaml.safe_dump({"domains": plain}), monkeypatch)
    assert found == shipped_domains()


def test_no_file_stands_for_the_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WSRL_DOMAINS", raising=False)
    assert load_domains() is None


def test_domains_in_use_are_those_of_the_file_and_other() -> None:
    use_domains(parse_domains({"domains": [LAW, ART]}, "mine.yaml"))
    assert [str(domain) for domain in Domain] == ["law", "art", "other"]
    assert (len(Domain), "law" in Domain, "math" in Domain) == (3, True, False)
    assert Domain.from_label("Law") is Domain("law")
    assert Domain("law").definition == "courts and statutes"


def test_other_keeps_a_label_and_a_place_of_its_own() -> None:
    rest = {"slug": "other", "label": "The rest", "definition": "what is left"}
    found = parse_domains({"domains": [rest, LAW]}, "mine.yaml")
    assert [(facts.slug, facts.label) for facts in found] == [("other", "The rest"), ("law", "Law")]


@pytest.mark.parametrize(
    ("domains", "said"),
    [
        ([{**LAW, "colour": "red"}], r"domain law, there is no key 'colour'; The keys are slug"),
        ([{**LAW, "weigth": 2}], r"did you mean weight\?"),
        ([{"slug": "law", "label": "Law"}], r"domain law, the key definition is missing"),
        ([{**LAW, "slug": "Civil law"}], r"domain number 1, key slug: 'Civil law' is no slug"),
        ([{**LAW, "slug": "../x"}], r"no slug"),
        ([{**LAW, "weight": 0}], r"domain law, key weight"),
        ([{**LAW, "weight": float("nan")}], r"domain law, key weight"),
        ([{**LAW, "definition": "a\nb"}], r"domain law, key definition: it must be one line"),
        ([{**LAW, "definition": "x" * 201}], r"domain law, key definition"),
        ([{**LAW, "label": "\x1b[31mLaw"}], r"domain law, key label"),
        ([LAW, {**ART, "slug": "law"}], r"2 domains have the slug 'law'"),
        ([LAW, {**ART, "label": "law"}], r"2 domains have the label 'law'"),
        ([{**LAW, "label": "Other"}], r"label Other is that of the domain other"),
        ([{**LAW, "was": "art"}, ART], r"law was art, which is in the file too.*from: \[art\]"),
        ([{**LAW, "was": "other"}], r"other cannot be renamed"),
        ([{**LAW, "from": ["law"]}], r"law takes from itself"),
        ([{**LAW, "from": ["No Slug"]}], r"domain law, key from\.0: 'No Slug' is no slug"),
        ([{**LAW, "demonstrations": "gone.yaml"}], r"domain law, key demonstrations: .*gone\.yaml"),
        ([], r"key domains"),
        ("law", r"key domains"),
        (["law"], r"domain number 1"),
    ],
)
def test_a_fault_is_said_with_file_key_and_remedy(
    domains: Any, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = yaml.safe_dump({"domains": domains})
    with pytest.raises(DomainsError, match=rf'(?s)domains ".*mine\.yaml": .*{said}'):
        read(tmp_path, text, monkeypatch)


@pytest.mark.parametrize("name", REFUSED)
def test_more_than_plain_values_is_refused_in_a_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DomainsError, match=r"mine\.yaml") as fault:
        read(tmp_path, REFUSED[name], monkeypatch)
    assert len(str(fault.value)) < 2_000


@pytest.mark.parametrize("text", texts("markup"))
def test_a_hostile_text_is_a_value_or_a_sentence(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dumped = yaml.safe_dump({"domains": [{**LAW, "label": f"L {text}", text: 1}]})
    with pytest.raises(DomainsError, match=r"mine\.yaml"):
        read(tmp_path, dumped.encode("utf-8", "replace").decode(), monkeypatch)


def test_a_file_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSRL_DOMAINS", str(tmp_path / "gone.yaml"))
    with pytest.raises(DomainsError, match=r"gone\.yaml.*No such file.*WSRL_DOMAINS"):
        load_domains()


@pytest.mark.parametrize("given", ["own.yaml", "folder"])
def test_demonstrations_come_from_the_file_the_old_slug_or_other(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = load_library()
    example = shipped[Domain.CODING].demonstrations[0].model_dump(mode="json", exclude={"choices"})
    own = {"version": 4, "domain": "coding", "demonstrations": [example]}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(own), "utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "law.yaml").write_text(yaml.safe_dump(own), "utf-8")
    text = yaml.safe_dump(
        {"domains": [{**LAW, "demonstrations": given}, {**ART, "was": "education"}]}
    )
    of_other, of_education = shipped[Domain.OTHER], shipped[Domain.EDUCATION]
    use_domains(read(tmp_path, text, monkeypatch))
    library = load_library()
    assert [library[Domain.LAW].version, len(library[Domain.LAW].demonstrations)] == [4, 1]
    assert library[Domain.ART] == of_education
    assert library[Domain.OTHER] == of_other
