"""The ten domains have one slug and one label each, and nothing else is a domain."""

import re

import pytest

from wsrl_assets.storage import Partition
from wsrl_assets.taxonomy.domains import Domain


def test_there_are_the_ten_domains_of_the_paper() -> None:
    assert [domain.label for domain in Domain] == [
        "Math",
        "Technology & Engineering",
        "Coding",
        "Social Science",
        "Natural Science",
        "Travel & Lifestyle",
        "Commerce & Economics",
        "Medicine & Health",
        "Education",
        "Other",
    ]


@pytest.mark.parametrize("domain", Domain)
def test_a_label_leads_back_to_its_domain(domain: Domain) -> None:
    assert Domain.from_label(domain.label) is domain


@pytest.mark.parametrize("domain", Domain)
def test_a_slug_can_name_a_partition(domain: Domain) -> None:
    assert re.fullmatch("[a-z_]+", domain)
    assert Partition.domain(domain).key == domain


@pytest.mark.parametrize("label", ["", "math", "Maths", "MATH", "Natural  Science"])
def test_an_unknown_label_is_refused_with_the_known_ones(label: str) -> None:
    with pytest.raises(ValueError, match="Technology & Engineering"):
        Domain.from_label(label)
