"""The ten domains of Webscale-RL (paper, section 3): one list for prompts, partitions and files.

A domain has a *slug*, which names its Dagster partition and its DuckDB file, and a *label*,
which models read and releases carry.
"""

from enum import StrEnum


class Domain(StrEnum):
    """A domain by its slug, for example ``Domain.NATURAL_SCIENCE == "natural_science"``."""

    MATH = "math"
    TECHNOLOGY_ENGINEERING = "technology_engineering"
    CODING = "coding"
    SOCIAL_SCIENCE = "social_science"
    NATURAL_SCIENCE = "natural_science"
    TRAVEL_LIFESTYLE = "travel_lifestyle"
    COMMERCE_ECONOMICS = "commerce_economics"
    MEDICINE_HEALTH = "medicine_health"
    EDUCATION = "education"
    OTHER = "other"

    @property
    def label(self) -> str:
        """The name as the paper prints it, for example ``"Natural Science"``."""
        return _LABELS[self]

    @property
    def definition(self) -> str:
        """What belongs to it, in one line, as triage reads it."""
        return _DEFINITIONS[self]

    @classmethod
    def from_label(cls, label: str) -> "Domain":
        """The domain called `label`.

        Raises:
            ValueError: no domain is called that.
        """
        for domain, known in _LABELS.items():
            if known == label:
                return domain
        raise ValueError(f"unknown domain {label!r}; known: {', '.join(_LABELS.values())}")


_LABELS = {
    Domain.MATH: "Math",
    Domain.TECHNOLOGY_ENGINEERING: "Technology & Engineering",
    Domain.CODING: "Coding",
    Domain.SOCIAL_SCIENCE: "Social Science",
    Domain.NATURAL_SCIENCE: "Natural Science",
    Domain.TRAVEL_LIFESTYLE: "Travel & Lifestyle",
    Domain.COMMERCE_ECONOMICS: "Commerce & Economics",
    Domain.MEDICINE_HEALTH: "Medicine & Health",
    Domain.EDUCATION: "Education",
    Domain.OTHER: "Other",
}

_DEFINITIONS = {
    Domain.MATH: "numbers, proofs, statistics, puzzles and exercises to be worked out",
    Domain.TECHNOLOGY_ENGINEERING: "machines, devices, buildings, networks, and how they are made",
    Domain.CODING: "programs, programming languages, libraries, commands and their manuals",
    Domain.SOCIAL_SCIENCE: "history, politics, law, countries, language, religion and society",
    Domain.NATURAL_SCIENCE: "physics, chemistry, biology, earth and space, as research finds them",
    Domain.TRAVEL_LIFESTYLE: "places to visit, food, home, fashion, hobbies and sport one does",
    Domain.COMMERCE_ECONOMICS: "companies, markets, money, trade, prices and work",
    Domain.MEDICINE_HEALTH: "diseases, drugs, the body, care, nutrition and fitness",
    Domain.EDUCATION: "schools, teaching, courses, exams and advice to learners",
    Domain.OTHER: "what fits none of these, such as arts, entertainment, matches and local news",
}
