"""Which rows use which recipe, at the stages that can be regenerated."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.schema import columns_of
from wsrl_assets.storage.tables import STAGE_TABLES
from wsrl_assets.storage.transaction import Transaction, query_text
from wsrl_assets.taxonomy.stages import REGENERABLE, Stage


@dataclass(frozen=True, slots=True)
class RecipeInUse:
    """Rows of one stage, partition and recipe.

    Attributes:
        form: question form of the rows; none where rows have none.
        rows: how many.
        body: what the recipe stands for, as JSON.
    """

    stage: Stage
    partition: str
    recipe: str
    form: str | None
    rows: int
    body: str


def recipes_in_use(connection: Connection) -> Iterator[RecipeInUse]:
    """What the rows of each regenerable stage use, on a catalog connection."""
    for stage in REGENERABLE:
        for row in connection.execute(_named("recipes_in_use", stage)).fetchall():
            yield RecipeInUse(stage, *row)


def stale_documents(
    transaction: Transaction, stage: Stage, forms: Sequence[str], recipes: Sequence[str]
) -> list[str]:
    """The documents of a domain with rows at `stage` of other recipes, in forms of `forms` only."""
    sql = _named("stale_documents", stage)
    parameters = {"recipes": list(recipes), "forms": list(forms)}
    return [row[0] for row in transaction.connection.execute(sql, parameters).fetchall()]


def _named(query: str, stage: Stage) -> str:
    row_type = STAGE_TABLES[stage]
    has_form = any(spec.name == "form" for spec in columns_of(row_type))
    form = '"form"' if has_form else "NULL::VARCHAR"
    return query_text(query).format(table=row_type.TABLE, form=form)
