"""A file of personas: what is wrong with it is said in a sentence, and draws are by weight."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from wsrl_assets.generation.persona_files import (
    PersonaFacts,
    PersonasError,
    draw,
    load_personas,
    parse_personas,
    personas_digest,
    personas_of,
)
from wsrl_assets.text.yaml_files import load_yaml

DOMAINS = ("math", "law")
EXAMPLE = Path(__file__).parents[2] / "examples" / "personas.yaml"


def parse(*rows: Any) -> tuple[PersonaFacts, ...]:
    return parse_personas({"personas": list(rows)}, "p.yaml", DOMAINS)


def of(*named: str, **weights: float) -> list[PersonaFacts]:
    return [
        PersonaFacts(persona=name, weight=weights.get(name.replace(" ", "_"), 1)) for name in named
    ]


def test_the_example_can_be_used() -> None:
    facts = load_personas(EXAMPLE)
    assert [one.domain for one in facts][-1] == "medicine_health"
    assert len(personas_of(facts, "math")) == len(facts) - 1


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["a cook"], "row 1, input should be a valid dictionary"),
        ([{"persona": "a cook"}, {"domain": "math"}], "row 2, the key persona is missing"),
        ([{"persona": "a cook", "wieght": 2}], "row 1, there is no key 'wieght'; did you mean wei"),
        ([{"persona": "a cook\nand more"}], "row 1, key persona: it must be one line"),
        ([{"persona": " a cook"}], "row 1, key persona: it must be one line"),
        ([{"persona": "c" * 121}], "row 1, key persona: string should have at most 120"),
        ([{"persona": "a cook", "weight": 0}], "row 1, key weight: input should be greater than 0"),
        ([{"persona": "a cook", "domain": "maths"}], "no domain 'maths'; did you mean math?"),
        ([{"persona": "a cook", "domain": "math"}], "no persona is of the domain law; add a row"),
        ([{"persona": "a cook"}, {"persona": "A Cook"}], "2 rows without domain have the persona"),
        ([], "key personas: tuple should have at least 1 item"),
    ],
)
def test_a_fault_names_file_row_and_remedy(rows: list[Any], said: str) -> None:
    with pytest.raises(PersonasError) as caught:
        parse(*rows)
    assert str(caught.value).startswith('personas "p.yaml": ')
    assert said in str(caught.value).replace('"p.yaml"', "")


@pytest.mark.parametrize("text", ["[1, 2", "\x00", "- a"])
def test_a_file_that_holds_none_is_told_of(tmp_path: Path, text: str) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(text)
    with pytest.raises(PersonasError, match=r"p\.yaml"):
        load_personas(file)
    with pytest.raises(PersonasError, match=r"WSRL_PERSONAS_FROM"):
        load_personas(tmp_path / "none.yaml")


def test_a_document_gets_the_same_ones_each_time_and_none_twice() -> None:
    facts = parse({"persona": "a cook"}, {"persona": "A cook", "domain": "math"}, {"persona": "b"})
    drawn = draw(personas_of(facts, "math"), "doc-1", 3)
    assert drawn == draw(personas_of(tuple(reversed(facts)), "math"), "doc-1", 3)
    assert sorted(name.casefold() for name in drawn) == ["a cook", "b"]


def test_draws_follow_the_weights() -> None:
    facts = of("often", "seldom", often=3)
    firsts = Counter(draw(facts, f"doc-{n}", 1)[0] for n in range(4000))
    assert 0.72 < firsts["often"] / 4000 < 0.78


def test_an_added_row_changes_the_draw_of_those_alone_that_get_it() -> None:
    before, after = of("one", "two", "three"), of("one", "two", "three", "four")
    changed = 0
    for n in range(200):
        was, now = draw(before, f"doc-{n}", 2), draw(after, f"doc-{n}", 2)
        assert now == was or "four" in now
        changed += now != was
    assert 60 < changed < 140  # half of them, since each of the four is as likely


def test_the_digest_knows_what_is_drawn_from_and_not_its_order() -> None:
    one = personas_digest(of("a", "b"))
    assert one == personas_digest(of("b", "a"))
    assert one != personas_digest(of("a", "b", a=2))
    assert one != personas_digest(of("a"))


def test_yaml_reads_as_documented() -> None:
    found = load_yaml("personas:\n  - persona: a cook who wants salt\n    weight: 2\n")
    assert parse_personas(found, "p", DOMAINS)[0].weight == 2
