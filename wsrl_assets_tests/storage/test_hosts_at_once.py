"""Duplicates, places and ownership stay right when hosts of a shared home work at once."""

import itertools
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from wsrl_assets.curation.filter import filter_domain
from wsrl_assets.release.finalise import split_domain
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.tables import FilteredDocument, FinalSplit, Status
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.curation.test_filter import plant
from wsrl_assets_tests.factories import rows
from wsrl_assets_tests.hosts import Hosts
from wsrl_assets_tests.release.pairs import HALVES, Pair
from wsrl_assets_tests.release.pairs import plant as plant_pairs
from wsrl_assets_tests.text.test_minhash import edited, text

DOMAINS = (Domain.CODING, Domain.MATH, Domain.EDUCATION)


def at_once(works: Sequence[Callable[[], object]]) -> None:
    """Does several things in a thread each; raises what one of them raised."""
    errors: list[BaseException] = []

    def caught(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=caught, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def kept_documents(store: Store) -> dict[str, list[str]]:
    """The documents that a home has kept, by domain."""
    found = {}
    for domain in DOMAINS:
        documents = rows(store, FilteredDocument, Partition.domain(domain))
        found[str(domain)] = sorted(d.doc_id for d in documents if d.status is Status.KEPT)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_of_near_duplicates_in_domains_of_different_hosts_one_is_kept(
    tmp_path: Path, seed: int
) -> None:
    """Every text stands in every domain, a little edited; each domain is filtered by another host.

    Which of them is kept may depend on who came first; that one is, and one alone, may not.
    """
    hosts = Hosts(tmp_path)
    stores = dict(zip(DOMAINS, (hosts.store(name) for name in "abc"), strict=True))
    texts = [text(100 * seed + number) for number in range(12)]
    for number, domain in enumerate(DOMAINS):
        own = [edited(body, 1 + number + position % 3) for position, body in enumerate(texts)]
        plant(stores[domain], f"shard-{number}", own, domain)
    at_once([partial(filter_domain, stores[domain], domain, "run") for domain in DOMAINS])
    seen = [kept_documents(store) for store in (*stores.values(), hosts.store("new"))]
    assert all(found == seen[0] for found in seen)
    assert sum(len(ids) for ids in seen[0].values()) == len(texts)


def test_nothing_spans_two_splits_though_hosts_place_domains_at_once(tmp_path: Path) -> None:
    """Pairs of one source, and one question in other words, in domains of different hosts."""
    hosts = Hosts(tmp_path)
    stores = dict(zip(DOMAINS, (hosts.store(name) for name in "abc"), strict=True))
    sources = [f"source-{number}" for number in range(10)]
    pairs = {
        domain: [
            Pair(question=asked(number, which), source=source, passage=which)
            for number, source in enumerate(sources)
        ]
        for which, domain in enumerate(DOMAINS)
    }
    for domain, store in stores.items():
        plant_pairs(store, pairs[domain], domain)
    at_once(
        [partial(split_domain, store, domain, "run", HALVES) for domain, store in stores.items()]
    )
    places = {
        row.pair_id: row
        for domain in DOMAINS
        for row in rows(hosts.store("new"), FinalSplit, Partition.domain(domain))
    }
    splits: dict[str, set[str]] = {}
    questions: dict[str, int] = {}
    for pair in itertools.chain(*pairs.values()):
        row = places[pair.pair_id]
        if row.split is not None:
            splits.setdefault(pair.source, set()).add(row.split)
            said = pair.question.rstrip("!")
            questions[said] = questions.get(said, 0) + 1
    assert len(splits) == len(sources)
    assert {len(found) for found in splits.values()} == {1}
    assert set(questions.values()) == {1}, "a question was kept twice"


def asked(number: int, which: int) -> str:
    """Of one source, two domains ask the same, and the third something else."""
    about = f"canal {number}" if which < 2 else f"bridge {number}"
    return f"In which year was {about} of the kingdom opened to ships?{'!' * which}"
