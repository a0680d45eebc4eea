"""What joins two documents of a domain: cases against the rule that pairs them."""

from pathlib import Path

import pytest

from wsrl_assets.storage import Store
from wsrl_assets_tests.factories import IN_DOMAIN, plant_domain

_ABOUT = (
    "The ferry to Norrick left late and nobody on the quay complained about it at all.",
    "A mason counted bricks in the yard of the mill until the evening bell was heard.",
)
JOINED = "Harrow Quartet"


def bridges(home: Path, *texts: str) -> set[str]:
    """The names that join some documents."""
    store = Store(home)
    plant_domain(store, texts)
    with store.transaction(IN_DOMAIN) as transaction:
        found = transaction.query("bridges", holders=5, partners=2, candidates=4)
    return set(found["bridge"])


def both(said: str, also: str | None = None) -> tuple[str, str]:
    """Two documents that have nothing in common but what is said in both."""
    return f"{_ABOUT[0]} {said}", f"{_ABOUT[1]} {also or said}"


def test_a_name_of_two_documents_joins_them(tmp_path: Path) -> None:
    texts = both(f"Nora played in the {JOINED} there.", f"Leeds heard the {JOINED} twice.")
    assert bridges(tmp_path, *texts) == {JOINED}


@pytest.mark.parametrize(
    "said",
    [
        # A sentence that begins with a common word, before a name of many.
        "Most Americans drank tea.",
        "Many British were there.",
        "Every Monday it rained.",
        "Although Germany lost, all were glad.",
        "According to them, no Swedes came. Both Sweden and they said so.",
        # What pages say of themselves.
        "Privacy Policy",
        "All Rights Reserved",
        "See Also",
        "Terms of Use",
        # When is not who.
        "It was shut on Monday May the fourth.",
    ],
)
def test_common_words_with_capitals_join_nothing(tmp_path: Path, said: str) -> None:
    assert bridges(tmp_path, *both(said)) == set()


@pytest.mark.parametrize("name", ["Émile Żak", "Иван Петров", "Xi Ba"])
def test_names_of_any_alphabet_join(tmp_path: Path, name: str) -> None:
    assert bridges(tmp_path, *both(f"they saw {name} there.")) == {name}


def test_a_name_with_an_apostrophe_s_is_the_same_name(tmp_path: Path) -> None:
    texts = both("they saw Nora Pell there.", "they heard Nora Pell's cello.")
    assert bridges(tmp_path, *texts) == {"Nora Pell"}
