"""What is crowded in `other` and in the largest domains, and domains that could be made of it.

`HOME/coverage` holds what was found, as `coverage.json`, and a file of domains to edit: those in
use as they are, and behind them each proposal as a comment.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from wsrl_assets.errors import UserError
from wsrl_assets.release.embeddings import Embedder
from wsrl_assets.release.folder import write_whole
from wsrl_assets.reporting.topics import (
    LEAST,
    Group,
    Matrix,
    as_one_group,
    content_words,
    find_groups,
    telling_words,
    word_vectors,
)
from wsrl_assets.storage import Partition, Store, catalog
from wsrl_assets.storage.tables import utc_now
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.domain_files import OTHER, DomainFacts
from wsrl_assets.taxonomy.domains import Domain, domains_in_use
from wsrl_assets.text.highlight import printable
from wsrl_assets.text.normalisation import one_line, shortened, stable_hash

SAMPLED = 1_000
"""Sources of a domain that are looked at, by lot, each by the beginning of one document."""
LARGEST = 3
"""So many of the largest domains are looked into, besides `other`."""
FILE = "domains.yaml"
_RECORD = "coverage.json"
_VERSION = "1"
_MOST_READ = 20_000
_CHARACTERS = 2_000
_BACKGROUND = 3  # documents of other domains, for each of `other`
_WORDS = 8
_NAMING = 2
_EXAMPLES = 3
_EXAMPLE_CHARS = 90


class CoverageError(UserError, ValueError):
    """A file of proposals that cannot be written; the message names it and says what to do."""


class Example(BaseModel):
    """A document of a group: its id, and its title or how it begins, on one line."""

    model_config = ConfigDict(frozen=True)

    doc_id: str
    title: str


class Proposal(BaseModel):
    """A domain that could be made of documents that are alike.

    Attributes:
        facts: its entry in a file of domains, made of `words`.
        source: the domain that its documents are in.
        documents: how many of the sampled ones are alike.
        silhouette: see `topics.Group`.
        words: what tells them from all other documents, the most telling first.
        examples: those in the middle of them.
    """

    model_config = ConfigDict(frozen=True)

    facts: DomainFacts
    source: str
    documents: int
    silhouette: float
    words: tuple[str, ...]
    examples: tuple[Example, ...]


class DomainCover(BaseModel):
    """A domain with documents.

    Attributes:
        domain: its slug.
        sources: source documents that it has, less duplicates.
        sampled: how many of them were read.
        is_searched: whether groups were looked for in it.
    """

    model_config = ConfigDict(frozen=True)

    domain: str
    sources: int
    sampled: int
    is_searched: bool


class Coverage(BaseModel):
    """What was found in a home.

    Attributes:
        made_at: when (UTC).
        compared_by: the embedding model, or none: words.
        basis: fingerprint of what it was found in.
        domains: those with documents, the largest first.
        proposals: by domain, `other` first, the largest first.
        written: fingerprint of the file of domains.
    """

    model_config = ConfigDict(frozen=True)

    made_at: datetime
    compared_by: str | None
    basis: str
    domains: tuple[DomainCover, ...]
    proposals: tuple[Proposal, ...]
    written: str = ""


@dataclass(frozen=True, slots=True)
class _Sample:
    """Documents of one domain: columns `domain`, `sources`, `doc_id`, `title`, `text`."""

    rows: pl.DataFrame
    words: Sequence[Sequence[str]]

    @property
    def distinct(self) -> list[set[str]]:
        return [set(of_one) for of_one in self.words]


def folder_of(store: Store) -> Path:
    """Where what was found is kept."""
    return store.home / "coverage"


def cover_domains(store: Store, embedding_model: str | None) -> Coverage:
    """What is crowded in a home, with the file of domains written; nothing is done again unchanged.

    A file that somebody has edited stays as it is.

    Args:
        store: the home.
        embedding_model: compares documents by meaning; by their words where there is none.

    Raises:
        EmbeddingError: the model cannot be used.
    """
    rows = _drawn(store)
    earlier = read_coverage(store)
    basis = stable_hash(
        _VERSION,
        embedding_model or "",
        str([facts.model_dump(mode="json") for facts in domains_in_use()]),
        *rows["doc_id"],
        *map(str, rows["sources"]),
    )
    if earlier is not None and earlier.basis == basis and (folder_of(store) / FILE).exists():
        return earlier
    found = _found(rows, embedding_model, basis)
    text = proposed_file(found)
    found = found.model_copy(update={"written": stable_hash(text)})
    folder = folder_of(store)
    folder.mkdir(parents=True, exist_ok=True)
    if earlier is None or not is_edited(store, earlier):
        write_whole(folder / FILE, text)
    else:
        found = found.model_copy(update={"written": earlier.written})
    write_whole(folder / _RECORD, found.model_dump_json(by_alias=True, indent=1))
    return found


def read_coverage(store: Store) -> Coverage | None:
    """What was found last; none where nobody looked, or an older version did."""
    try:
        return Coverage.model_validate_json((folder_of(store) / _RECORD).read_bytes())
    except (OSError, ValidationError):
        return None


def is_edited(store: Store, found: Coverage) -> bool:
    """Whether the file of domains is another than the one that was written."""
    path = folder_of(store) / FILE
    return path.exists() and stable_hash(path.read_text("utf-8", "replace")) != found.written


def write_proposals(found: Coverage, path: Path) -> None:
    """Writes the file of domains where a user wants it.

    Raises:
        CoverageError: there is a file already, or it cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(proposed_file(found))
    except FileExistsError:
        raise CoverageError(f'"{path}" is there already; name another file') from None
    except OSError as error:
        raise CoverageError(f'"{path}" cannot be written: {error.strerror}') from None


def proposed_file(found: Coverage) -> str:
    """A file of domains: those in use, and each proposal as a comment to edit."""
    entries = "".join(_indented(_entry(facts), "  ") for facts in domains_in_use())
    head = _HEAD if found.proposals else f"{_HEAD_OF_NONE}\n"
    return f"{head}domains:\n{entries}{''.join(map(_commented, found.proposals))}"


_HEAD = """\
# Domains in use, and below them what `wsrl domains propose` found, as comments.
# To take a proposal: edit its label and definition, remove the "# " before each line of its entry,
# and set WSRL_DOMAINS to this file. The next `wsrl run` sorts documents of `other`, and of the
# domain under `from`, again. See docs/domains.md.
"""
_HEAD_OF_NONE = "# Domains in use. Nothing was crowded enough to propose another one."


def _commented(proposal: Proposal) -> str:
    """An entry behind "# ", under what it was made of behind "## ": both are comments."""
    examples = [{"document": one.doc_id[:12], "begins": one.title} for one in proposal.examples]
    made_of = {
        "proposed": f"{proposal.documents} sampled documents of {proposal.source} are alike",
        "words": ", ".join(proposal.words),
        "examples": examples,
    }
    notes = _indented(_dumped(made_of), "  ## ")
    return f"\n{notes}{_indented(_entry(proposal.facts), '  # ')}"


def _entry(facts: DomainFacts) -> str:
    values = facts.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return _dumped([values])


def _dumped(value: Any) -> str:
    """YAML of plain values, each scalar on one line."""
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10_000)


def _indented(text: str, by: str) -> str:
    return "".join(f"{by}{line}\n" for line in text.split("\n") if line)


def _drawn(store: Store) -> pl.DataFrame:
    partitions = [Partition.domain(domain) for domain in Domain]
    there = [partition for partition in partitions if store.exists(partition)]
    most = min(SAMPLED, _MOST_READ // max(len(there), 1))
    with catalog(store, there) as connection:
        return frame(connection, "coverage_documents", documents=most, characters=_CHARACTERS)


def _found(rows: pl.DataFrame, embedding_model: str | None, basis: str) -> Coverage:
    samples = {
        str(domain): _Sample(part, _split(part))
        for (domain,), part in rows.group_by("domain", maintain_order=True)
    }
    sizes = {slug: int(sample.rows["sources"][0]) for slug, sample in samples.items()}
    ordered = sorted(sizes, key=lambda slug: (-sizes[slug], slug))
    searched = [slug for slug in _searched(ordered) if samples[slug].rows.height >= LEAST]
    embedder = Embedder(embedding_model) if embedding_model and searched else None
    return Coverage(
        made_at=utc_now(),
        compared_by=embedding_model,
        basis=basis,
        domains=tuple(
            DomainCover(
                domain=slug,
                sources=sizes[slug],
                sampled=samples[slug].rows.height,
                is_searched=slug in searched,
            )
            for slug in ordered
        ),
        proposals=_proposals(samples, searched, embedder),
    )


def _searched(ordered: Sequence[str]) -> list[str]:
    others = [slug for slug in ordered if slug != OTHER]
    return [OTHER] * (OTHER in ordered) + others[:LARGEST]


def _split(rows: pl.DataFrame) -> list[list[str]]:
    return [
        content_words(f"{title or ''} {text}") for title, text in rows["title", "text"].iter_rows()
    ]


@dataclass(frozen=True, slots=True)
class _Comparison:
    """How documents become vectors: by an embedding model, or by their words among all."""

    embedder: Embedder | None
    everywhere: Counter[str]
    total: int

    def vectors(self, samples: Iterable[_Sample]) -> Matrix:
        if self.embedder is None:
            words = [of_one for sample in samples for of_one in sample.words]
            return word_vectors(words, self.everywhere, self.total)
        rows = pl.concat([sample.rows for sample in samples])
        return self.embedder.embed(
            [f"{t or ''}\n{b}" for t, b in rows["title", "text"].iter_rows()]
        )


def _proposals(
    samples: Mapping[str, _Sample], searched: Sequence[str], embedder: Embedder | None
) -> tuple[Proposal, ...]:
    everywhere = Counter(chain.from_iterable(d for one in samples.values() for d in one.distinct))
    total = sum(sample.rows.height for sample in samples.values())
    comparison = _Comparison(embedder, everywhere, total)
    names = _Names(domains_in_use())
    found = []
    for slug in searched:
        distinct = samples[slug].distinct
        for group in _groups(samples, slug, comparison):
            inside = [distinct[place] for place in group.members]
            telling = telling_words(inside, everywhere, total, _WORDS)
            if len(telling) >= _NAMING:
                found.append(_proposal(samples[slug], slug, group, telling, names))
    return tuple(found)


def _groups(samples: Mapping[str, _Sample], slug: str, comparison: _Comparison) -> list[Group]:
    """The groups in a domain. Where `other` has none, it may be one as a whole."""
    own = samples[slug]
    found = find_groups(comparison.vectors([own]))
    if slug != OTHER:
        # Most of a domain is that domain.
        return [group for group in found if len(group.members) <= own.rows.height / 2]
    if found or len(samples) == 1:
        return found
    behind = _background(samples, _BACKGROUND * own.rows.height)
    whole = as_one_group(comparison.vectors([own, *behind]), own.rows.height)
    return [whole] if whole is not None else []


def _background(samples: Mapping[str, _Sample], most: int) -> list[_Sample]:
    """Documents of all domains but `other`, evenly, up to so many; they are in order of a hash."""
    others = [sample for slug, sample in samples.items() if slug != OTHER]
    each = -(-most // len(others))
    return [_Sample(sample.rows.head(each), sample.words[:each]) for sample in others]


def _proposal(
    sample: _Sample, slug: str, group: Group, telling: Sequence[str], names: "_Names"
) -> Proposal:
    name, label = names.give(telling)
    examples = [
        Example(doc_id=doc_id, title=_title(title, text))
        for doc_id, title, text in sample.rows[list(group.members[:_EXAMPLES])][
            "doc_id", "title", "text"
        ].iter_rows()
    ]
    entry = {"slug": name, "label": label, "definition": _definition(telling)}
    facts = DomainFacts.model_validate(entry if slug == OTHER else {**entry, "from": [slug]})
    return Proposal(
        facts=facts,
        source=slug,
        documents=len(group.members),
        silhouette=round(group.silhouette, 2),
        words=tuple(telling),
        examples=tuple(examples),
    )


class _Names:
    """Slugs and labels of proposals, unlike those in use and one another."""

    def __init__(self, in_use: Iterable[DomainFacts]) -> None:
        in_use = list(in_use)
        self._slugs = {facts.slug for facts in in_use}
        self._labels = {facts.label.casefold() for facts in in_use}

    def give(self, telling: Sequence[str]) -> tuple[str, str]:
        """A slug and a label of the first words, with a number behind them where they are taken."""
        label = " & ".join(word.capitalize() for word in telling[:_NAMING])[:50]
        slug = _slug(telling[:_NAMING])
        for number in range(1, 1_000):
            mark = "" if number == 1 else str(number)
            given = f"{slug}_{mark}".rstrip("_"), f"{label} {mark}".rstrip()
            if given[0] not in self._slugs and given[1].casefold() not in self._labels:
                self._slugs.add(given[0])
                self._labels.add(given[1].casefold())
                return given
        raise AssertionError("there are at most 32 proposals")


def _slug(telling: Sequence[str]) -> str:
    plain = unicodedata.normalize("NFKD", "_".join(telling)).encode("ascii", "ignore").decode()
    return re.sub("[^a-z]+", "_", plain.lower()).strip("_")[:30].rstrip("_") or "topic"


def _definition(telling: Sequence[str]) -> str:
    return f"{', '.join(word[:20] for word in telling[:6])} and the like"


def _title(title: str | None, text: str) -> str:
    return shortened(printable(one_line(title or text)), _EXAMPLE_CHARS)
