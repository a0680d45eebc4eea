"""Queries over facts: what may run, what counts as an answer, and which facts it rests on."""

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from wsrl_assets.storage.basis import MAX_FACTS, Computation, Fact
from wsrl_assets.storage.calculation import Calculated, CalculationError, calculate

DAMS = {"Orla": 62.0, "Tessen": 45.0, "Halm": 30.5}


def computation(query: str, values: dict[str, float] = DAMS) -> Computation:
    facts = tuple(
        Fact(entity=entity, attribute="height", value=value, start=0, end=1)
        for entity, value in values.items()
    )
    return Computation(facts=facts, unit="m", query=query)


def used(found: Calculated) -> list[str]:
    return [fact.entity for fact in found.used]


def refusal(query: str, values: dict[str, float] = DAMS) -> str:
    with pytest.raises(CalculationError) as caught:
        calculate(computation(query, values))
    return caught.value.reason


OF = "(SELECT value FROM facts WHERE entity = '{}')"


@pytest.mark.parametrize(
    ("query", "result", "facts"),
    [
        (f"SELECT {OF.format('Orla')} - {OF.format('Tessen')}", "17", ["Orla", "Tessen"]),
        ("SELECT sum(value) FROM facts", "137.5", ["Orla", "Tessen", "Halm"]),
        ("SELECT round(avg(value), 1) FROM facts", "45.8", ["Orla", "Tessen", "Halm"]),
        ("SELECT entity FROM facts ORDER BY value DESC LIMIT 1", "Orla", list(DAMS)),
        ("SELECT arg_min(entity, value) FROM facts", "Halm", ["Orla", "Tessen", "Halm"]),
        ("SELECT count(*) FROM facts WHERE value > 40", "2", ["Orla", "Tessen", "Halm"]),
        ("SELECT max(value) - min(value) FROM facts", "31.5", ["Orla", "Tessen", "Halm"]),
        (
            "SELECT a.value - b.value FROM facts a JOIN facts b ON a.entity = 'Orla' "
            "AND b.entity = 'Halm'",
            "31.5",
            ["Orla", "Halm"],
        ),
        (
            "SELECT round(100 * sum(CASE WHEN entity = 'Orla' THEN value END) / sum(value), 1) "
            "FROM facts;",
            "45.1",
            ["Orla", "Tessen", "Halm"],
        ),
    ],
)
def test_result_is_executed_and_followed_to_its_facts(
    query: str, result: str, facts: Sequence[str]
) -> None:
    found = calculate(computation(query))
    assert found.result == result
    assert used(found) == facts


def test_binary_fractions_leave_no_trace() -> None:
    found = calculate(computation("SELECT sum(value) FROM facts", {"a": 0.1, "b": 0.2}))
    assert found.result == "0.3"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM read_csv('{file}')",
        "SELECT content FROM read_text('{file}')",
        "SELECT count(*) FROM '{file}'",
        "SELECT count(*) FROM read_csv_auto('{file}'), facts",
        "SELECT getenv('HOME') FROM facts",
        "SELECT (SELECT content FROM read_text('{file}')) FROM facts",
        "SELECT value FROM facts WHERE entity IN (SELECT path FROM duckdb_databases())",
        "SELECT count(*) FROM glob('*')",
        "SELECT count(*) FROM information_schema.tables",
        "SELECT count(*) FROM main.facts",
        "SELECT count(*) FROM other",
        "SELECT count(*) FROM DAMS",
        "COPY facts TO '{file}'",
        "ATTACH '{file}' AS other",
        "INSTALL httpfs",
        "PRAGMA database_list",
        "SET memory_limit = '1TB'",
        "DELETE FROM facts",
        "CREATE TABLE other AS SELECT * FROM facts",
        "SELECT 1; SELECT 2",
        "SELECT sum(value) FROM facts; DROP TABLE facts",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r",
        "WITH f AS (SELECT * FROM facts) SELECT sum(value) FROM f",
        "SELECT length(repeat('x', 1000000000)) FROM facts",
        "SELECT count(*) FROM range(1000000000)",
        "SELECT sum(unnest) FROM unnest([1, 2])",
        "SELECT random() FROM facts",
        "SELECT current_setting('memory_limit')",
        "SELECT list_sum([value]) FROM facts",
        "SELECT sum(value) OVER () FROM facts",
        "SELECT sum(value) FROM facts USING SAMPLE 1",
        "SELECT sum(value) FROM facts TABLESAMPLE 50%",
        "SELECT x FROM (PIVOT facts ON entity USING sum(value))",
        "SELECT x FROM (VALUES (1), (2)) v(x)",
        "SELECT list_transform([1], x -> x + 1) FROM facts",
        "FROM facts SELECT nextval('s')",
        "SELECT sum(value) FROM facts f, LATERAL (SELECT * FROM read_text('{file}')) t",
        "SELECT 'x'::STRUCT(a INTEGER) FROM facts",
        "SELECT sum(value) FROM facts WHERE entity = $1",
        "SELECT sum(value) FILTER (WHERE value > (SELECT count(*) FROM glob('*'))) FROM facts",
        "SELECT sum(value FROM facts",
        "",
    ],
)
def test_anything_but_a_plain_select_over_the_facts_is_refused(query: str, tmp_path: Path) -> None:
    file = tmp_path / "secret.csv"
    file.write_text("a,b\n1,2\n")
    assert refusal(query.format(file=file)) == "query_refused"
    assert file.read_text() == "a,b\n1,2\n"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT value FROM facts", "no_single_result"),
        ("SELECT entity, value FROM facts LIMIT 1", "no_single_result"),
        ("SELECT value FROM facts WHERE entity = 'Nobody'", "no_single_result"),
        ("SELECT sum(value) > 3 FROM facts", "no_single_result"),
        ("SELECT nothing FROM facts", "query_failed"),
        ("SELECT value FROM facts WHERE entity = 'Orla'", "one_fact_suffices"),
        ("SELECT 42", "one_fact_suffices"),
        ("SELECT sum(value) / 7 FROM facts", "result_not_exact"),
    ],
)
def test_what_is_no_computed_answer_is_refused(query: str, reason: str) -> None:
    assert refusal(query) == reason


QUERIES = (
    "SELECT sum(value) FROM facts",
    "SELECT count(*) FROM facts",
    "SELECT round(avg(value), 1) FROM facts",
    "SELECT max(value) - min(value) FROM facts",
    f"SELECT {OF.format('Orla')} - {OF.format('Tessen')}",
)


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("again", DAMS)
def test_a_fact_that_is_named_twice_counts_once(query: str, again: str) -> None:
    once = computation(query)
    (fact,) = (fact for fact in once.facts if fact.entity == again)
    elsewhere = fact.model_copy(update={"entity": again.upper(), "start": 7, "end": 9})
    twice = once.model_copy(update={"facts": (*once.facts, elsewhere)})
    assert calculate(twice) == calculate(once)


@pytest.mark.parametrize("query", ["SELECT max(value) FROM facts", "SELECT sum(value) FROM facts"])
def test_a_look_up_of_a_fact_that_is_named_twice_is_refused(query: str) -> None:
    """As a real model wrote it: the same made-up age, as if two sentences gave it."""
    fact = Fact(entity="Dwan", attribute="age", value=79.0, start=0, end=9)
    facts = (fact, fact.model_copy(update={"start": 10, "end": 19}))
    with pytest.raises(CalculationError) as caught:
        calculate(Computation(facts=facts, unit="year", query=query))
    assert caught.value.reason == "one_fact_suffices"


def test_a_tie_has_no_answer() -> None:
    query = "SELECT entity FROM facts ORDER BY value DESC LIMIT 1"
    assert refusal(query, {"Orla": 62.0, "Tessen": 62.0}) == "result_depends_on_order"


@pytest.mark.timing
def test_a_query_that_takes_long_is_stopped() -> None:
    values = {f"dam {number}": float(number) for number in range(MAX_FACTS)}
    crossed = ", ".join(f"facts f{number}" for number in range(12))
    began = time.monotonic()
    assert refusal(f"SELECT sum(f0.value + f11.value) FROM {crossed}", values) == "query_failed"
    assert time.monotonic() - began < 20
