"""What settings ask for."""

from dataclasses import dataclass

from wsrl_assets.taxonomy.stages import Stage


@dataclass(frozen=True, slots=True)
class Wanted:
    """What settings ask for, which decides how many rows are pending.

    Attributes:
        forms: question forms of which a draft is wanted for each persona.
        optional: the optional stages that are switched on.
        sft_pairs: pairs of each domain that are wanted for the warm-up set.
        forms_in_use: whether a domain that has drafts wants the forms of these, and `forms` are
            those of the other domains.
    """

    forms: tuple[str, ...] = ()
    optional: frozenset[Stage] = frozenset()
    sft_pairs: int = 0
    forms_in_use: bool = False
