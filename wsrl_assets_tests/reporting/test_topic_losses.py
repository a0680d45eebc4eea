"""Which topics lose questions: planted losses are found, and what is too small is left out."""

import random

import polars as pl

from wsrl_assets.reporting.topic_losses import MIN_DRAFTS, topic_losses

_TOPICS = {
    "cheese": "cheese rennet curd whey brine rind dairy ripening cave cow milk press".split(),
    "violin": "violin bow string luthier varnish scroll fiddle tuning peg bridge spruce".split(),
}
_COMMON = "people year work place time house town river north early small large made".split()


def sample(each: int = 30, accepted: tuple[int, int] = (0, 3)) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Documents of two topics in one domain, three drafts each, and so many accepted of each."""
    draws = random.Random(3)
    documents, drafted = [], []
    for (topic, words), kept in zip(_TOPICS.items(), accepted, strict=True):
        for number in range(each):
            text = " ".join(draws.choices(words, k=40) + draws.choices(_COMMON, k=20))
            row = {"domain": "math", "doc_id": f"{topic} {number}"}
            documents.append({**row, "title": None, "text": text})
            drafted.append({**row, "drafts": 3, "accepted": kept if number % 4 else 1})
    types = {"title": pl.String}
    return pl.DataFrame(documents, schema_overrides=types), pl.DataFrame(drafted)


def test_a_planted_loss_is_found_and_named_by_its_words() -> None:
    found = topic_losses(*sample())
    assert found is not None
    assert (found.documents, found.topics, len(found.lines)) == (60, 2, 2)
    first, last = found.lines
    assert set(first.words) <= set(_TOPICS["cheese"])
    assert (first.documents, first.drafts, first.accepted) == (30, 90, 8)
    assert (first.loses, last.loses) == (True, False)
    assert first.low is not None
    assert first.high is not None
    assert first.low <= first.share - first.rest <= first.high < 0
    assert topic_losses(*sample()) == found, "the same figures each time"


def test_topics_that_fare_alike_lose_nothing() -> None:
    found = topic_losses(*sample(accepted=(2, 2)))
    assert found is not None
    assert len(found.lines) == 2
    assert not any(line.loses for line in found.lines)


def test_a_topic_with_too_few_drafts_is_left_out_and_counted() -> None:
    documents, drafted = sample()
    few = drafted.with_columns(
        drafts=pl.when(pl.col("doc_id").str.ends_with("0")).then(1).otherwise(0)
    )
    assert few["drafts"].sum() < MIN_DRAFTS
    found = topic_losses(documents, few)
    assert found is not None
    assert (found.topics, found.lines) == (2, [])


def test_small_domains_have_no_topics_and_no_drafts_have_no_findings() -> None:
    documents, drafted = sample(each=10)
    found = topic_losses(documents, drafted)
    assert found is not None
    assert found.topics == 0
    assert topic_losses(documents, drafted.clear()) is None
