"""The table of stages: what each is called, in which order, and what holds for it.

Lists of assets, accounts, checks, settings and pages are derived from `STAGES`; a new stage is a
member of `Stage` and an entry here (see `docs/architecture.md`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """A stage by the name of its asset, in order from the documents to the release."""

    SOURCE_DOCUMENTS = "source_documents"
    TRIAGED_DOCUMENTS = "triaged_documents"
    FILTERED_DOCUMENTS = "filtered_documents"
    PERSONAS = "personas"
    QA_DRAFTS = "qa_drafts"
    VERIFIED_PAIRS = "verified_pairs"
    PASS_RATES = "pass_rates"
    FINAL_SPLITS = "final_splits"
    SFT_WARMUP = "sft_warmup"
    RL_DATASET = "rl_dataset"


class Role(StrEnum):
    """The jobs a model has here. The judge should be another model than the generator.

    The policy is the model to be trained: it answers closed-book, to show how hard a pair is.
    """

    TRIAGE = "triage"
    GENERATOR = "generator"
    JUDGE = "judge"
    POLICY = "policy"


class PartitionedBy(StrEnum):
    """What a partition of a stage is."""

    SHARD = "shard"
    """One input file."""
    DOMAIN = "domain"
    RELEASE = "release"
    """Not partitioned: all domains together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSpec:
    """What holds for a stage.

    Attributes:
        partitioned_by: shards, domains, or nothing.
        table: where its rows are, if not in a table of the stage's name.
        role: whose model makes the rows; none for rules.
        is_regenerable: whether rows of an older recipe can be replaced (`WSRL_REGENERATE`).
        is_chained: whether it runs with the other stages of a domain as one chain, document by
            document.
        is_optional: whether a setting must ask for it; off by default.
        holds_pairs: whether a row is a draft or pair, so that it can be shown as one.
        shown_as_pairs: whether its own rows hold ids and verdicts only, and the pair is shown.
        watches_rejections: whether a jump in its share of rejected rows is a warning.
        recipe_column: column of the recipe of its row in queries that walk a pair back.
    """

    partitioned_by: PartitionedBy
    table: str | None = None
    role: Role | None = None
    is_regenerable: bool = False
    is_chained: bool = False
    is_optional: bool = False
    holds_pairs: bool = False
    shown_as_pairs: bool = False
    watches_rejections: bool = False
    recipe_column: str | None = None


STAGES: Mapping[Stage, StageSpec] = {
    Stage.SOURCE_DOCUMENTS: StageSpec(partitioned_by=PartitionedBy.SHARD),
    Stage.TRIAGED_DOCUMENTS: StageSpec(
        partitioned_by=PartitionedBy.SHARD,
        role=Role.TRIAGE,
        is_regenerable=True,
        recipe_column="triage_recipe",
    ),
    Stage.FILTERED_DOCUMENTS: StageSpec(
        partitioned_by=PartitionedBy.DOMAIN,
        watches_rejections=True,
        recipe_column="filter_recipe",
    ),
    Stage.PERSONAS: StageSpec(
        partitioned_by=PartitionedBy.DOMAIN,
        role=Role.TRIAGE,
        is_regenerable=True,
        is_chained=True,
        recipe_column="persona_recipe",
    ),
    Stage.QA_DRAFTS: StageSpec(
        partitioned_by=PartitionedBy.DOMAIN,
        role=Role.GENERATOR,
        is_regenerable=True,
        is_chained=True,
        holds_pairs=True,
        watches_rejections=True,
        recipe_column="draft_recipe",
    ),
    Stage.VERIFIED_PAIRS: StageSpec(
        partitioned_by=PartitionedBy.DOMAIN,
        role=Role.JUDGE,
        is_regenerable=True,
        is_chained=True,
        holds_pairs=True,
        shown_as_pairs=True,
        watches_rejections=True,
        recipe_column="verify_recipe",
    ),
    Stage.PASS_RATES: StageSpec(
        partitioned_by=PartitionedBy.DOMAIN,
        role=Role.POLICY,
        is_regenerable=True,
        is_optional=True,
        recipe_column="rate_recipe",
    ),
    Stage.FINAL_SPLITS: StageSpec(
        partitioned_by=PartitionedBy.DOMAIN,
        holds_pairs=True,
        shown_as_pairs=True,
        watches_rejections=True,
        recipe_column="split_recipe",
    ),
    Stage.SFT_WARMUP: StageSpec(
        partitioned_by=PartitionedBy.DOMAIN, role=Role.GENERATOR, is_optional=True
    ),
    Stage.RL_DATASET: StageSpec(partitioned_by=PartitionedBy.RELEASE, table="released_pairs"),
}

LAST_STAGE = Stage.RL_DATASET


def table_of(stage: Stage) -> str:
    """The table of a stage's rows."""
    return STAGES[stage].table or stage.value


def stages_by(partitioned_by: PartitionedBy) -> tuple[Stage, ...]:
    """The stages of one kind of partition, in order."""
    return tuple(s for s, spec in STAGES.items() if spec.partitioned_by is partitioned_by)


def stages_up_to(last: Stage) -> tuple[Stage, ...]:
    """`last` and all stages before it, in order."""
    stages = tuple(STAGES)
    return stages[: stages.index(last) + 1]


def pair_stages_up_to(last: Stage) -> tuple[Stage, ...]:
    """Where a draft that got past `last` cannot have left: `last` and the pair stages before it."""
    return tuple(s for s in stages_up_to(last) if STAGES[s].holds_pairs)


REGENERABLE = tuple(stage for stage, spec in STAGES.items() if spec.is_regenerable)
"""The stages whose rows of an older recipe can be replaced."""
QUESTION_STAGES = tuple(stage for stage, spec in STAGES.items() if spec.is_chained)
"""The stages of a domain that run as one chain, document by document."""
RECIPE_COLUMNS = {s: spec.recipe_column for s, spec in STAGES.items() if spec.recipe_column}
"""The recipes behind a pair, by stage, as queries that walk a pair back name them."""
