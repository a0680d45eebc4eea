"""What the address of a page asks for. Everything in it was typed by somebody."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Self
from urllib.parse import urlencode

from wsrl_assets.text.highlight import printable

PAGE_SIZE = 50
NO_LICENCE = "none stated"
_MAX_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a list shows; an empty field lets all through.

    Attributes:
        text: what is searched for.
        page: from 1.
    """

    text: str = ""
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """The filter of a query string. What makes no sense in it is left out."""
        texts = {
            field.name: printable(query.get(field.name, "").strip())[:_MAX_CHARS]
            for field in fields(cls)
            if field.name != "page"
        }
        page = query.get("page", "1")
        is_number = page.isascii() and page.isdigit() and len(page) <= 9
        return cls(**texts, page=max(1, int(page)) if is_number else 1)

    def having(self, **changes: str | int) -> Self:
        """The same with other values, on its first page unless that is one of them."""
        return replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]

    @property
    def chosen(self) -> dict[str, str]:
        """What is filtered by, but for the page and the order."""
        return {
            name: value
            for name, value in asdict(self).items()
            if value and name not in ("page", "sort")
        }

    @property
    def query(self) -> str:
        """Its query string, with the question mark; empty for the first page of everything."""
        shown = {name: value for name, value in asdict(self).items() if value and value != 1}
        return f"?{urlencode(shown)}" if shown else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter(Query):
    """Which pairs are shown.

    Attributes:
        text: part of a question or answer, the beginning of a pair's id, or a document's id.
        sample: pairs of this sample, in its order.
        domain, verdict, reason, answer_type, form, model, recipe, review, split, release: equal to
            this, in the view `pairs`.
    """

    sample: str = ""
    domain: str = ""
    verdict: str = ""
    reason: str = ""
    answer_type: str = ""
    form: str = ""
    model: str = ""
    recipe: str = ""
    review: str = ""
    split: str = ""
    release: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFilter(Query):
    """Which documents are shown.

    Attributes:
        text: part of a title or of the metadata, the beginning of a document's id, or the id of a
            source row.
        verdict, left_at, reason, domain, language, split, release, recipe, shard: equal to this, in
            the view `documents`.
        licence: what the source row states, or `NO_LICENCE`.
        sort: longest or shortest first; else in the order of the shards.
    """

    verdict: str = ""
    left_at: str = ""
    reason: str = ""
    domain: str = ""
    language: str = ""
    split: str = ""
    release: str = ""
    recipe: str = ""
    shard: str = ""
    licence: str = ""
    sort: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlikeFilter(Query):
    """Which like questions are shown: of this domain, or of all."""

    domain: str = ""
