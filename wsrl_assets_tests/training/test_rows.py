"""Rows for trainers: windows, shuffled golds, options."""

from random import Random

import pytest

from wsrl_assets.reward import Gold, parse_gold, score
from wsrl_assets.taxonomy.forms import with_options
from wsrl_assets.training.arms.scoring import Completion, lenient, score_group, summary
from wsrl_assets.training.rows import accepted, orders, shuffled, window


def test_a_window_holds_the_evidence_and_whole_words() -> None:
    text = " ".join(f"word{n}" for n in range(400))
    start = text.index("word200")
    piece = window(text, start, start + 7, tokens=20)
    assert "word200" in piece
    assert len(piece) <= 80
    assert set(piece.split()) <= set(text.split())
    assert window("short text", 0, 5, tokens=20) == "short text"


def test_a_shuffled_gold_is_wrong_and_of_the_same_type_where_there_is_one() -> None:
    golds = [parse_gold(year, "date") for year in ("1869", "1901", "1869")]
    golds += [parse_gold("5 km", "quantity"), parse_gold("b", "choice", choices=("a", "b", "c"))]
    rows = [{"pair_id": str(n), "gold": gold.to_json()} for n, gold in enumerate(golds)]
    found = {row["pair_id"]: Gold.from_json(row["gold"]) for row in shuffled(rows, golds, seed=0)}
    assert len(found) == len(rows)
    for number, gold in enumerate(golds):
        wrong = found[str(number)]
        assert score(f"Answer: {wrong.value}", gold).value == 0
    assert {found[n].type for n in ("0", "1", "2")} == {golds[0].type}
    assert found["4"].choices == ("a", "b", "c")


def test_where_all_golds_are_equal_none_can_be_shuffled() -> None:
    gold = parse_gold("1869", "date")
    rows = [{"pair_id": n, "gold": gold.to_json()} for n in "ab"]
    assert shuffled(rows, [gold], seed=0) == []


def test_the_right_option_stands_once_in_each_place() -> None:
    gold = parse_gold("1869", "date")
    others = [parse_gold(year, "date") for year in ("1869", "1901", "1911", "1921", "1931")]
    others += [parse_gold("5 km", "quantity")]
    found = orders("When?", gold, others, Random(0))
    assert [order["correct"] for order in found] == [0, 1, 2, 3]
    for order in found:
        lines = order["messages"][0]["content"].splitlines()
        options = [line[3:] for line in lines if line[1:3] == ") "]
        assert len(set(options)) == order["options"] == 4
        assert [option == "1869" for option in options].index(True) == order["correct"]
        assert "5 km" not in options


def test_options_of_a_choice_stand_once_and_in_the_order_of_their_letters() -> None:
    choices = ("red", "blue", "green")
    gold = parse_gold("B", "choice", choices=choices)
    found = orders(with_options("Which colour?", choices), gold, [], Random(0))
    assert [order["correct"] for order in found] == [0, 1, 2]
    for order in found:
        text = order["messages"][0]["content"]
        assert all(text.count(choice) == 1 for choice in choices)
        assert f"{'ABC'[order['correct']]}) blue" in text


def test_without_another_answer_of_its_type_a_question_has_no_options() -> None:
    assert (
        orders("When?", parse_gold("1869", "date"), [parse_gold("5", "integer")], Random(0)) == []
    )


@pytest.mark.parametrize(
    ("text", "strict", "loose"),
    [
        ("I think that it was opened early.\nAnswer: 1869", 1, 1),
        ("In 1869 the canal was opened.\nAnswer: I do not know", 0, 1),
        ("Answer: 1901", 0, 0),
        ("It cost 18690 pounds.\nAnswer: much", 0, 0),
    ],
)
def test_strict_reads_the_final_answer_and_lenient_the_whole(
    text: str, strict: int, loose: int
) -> None:
    gold = parse_gold("1869", "date")
    item = {"pair_id": "p", "parent_id": "d", "gold": gold.to_json(), "accepted": accepted(gold)}
    line = score_group(item, "closed_book", [Completion(text, 9, False)], scores_cut_off=False)
    assert (line["strict"], line["lenient"]) == ([strict], [loose])


def test_a_completion_that_was_cut_off_scores_only_where_the_spec_says_so() -> None:
    gold = parse_gold("1869", "date")
    item = {"pair_id": "p", "parent_id": "d", "gold": gold.to_json(), "accepted": ["other"]}
    cut = [Completion("Answer: 1869", 9, True)]
    assert score_group(item, "closed_book", cut, scores_cut_off=False)["strict"] == [0]
    assert score_group(item, "closed_book", cut, scores_cut_off=True)["strict"] == [1]


def test_an_alias_is_a_lenient_match_and_a_part_of_a_word_is_none() -> None:
    assert lenient("The UK, of course", ["United Kingdom", "UK"])
    assert not lenient("ukulele", ["UK"])
    assert not lenient("anything", ["", "?"])


def test_figures_are_means_over_questions() -> None:
    def line(prompt: str, scores: list[int]) -> dict[str, object]:
        return {
            "prompt": prompt,
            "strict": scores,
            "lenient": [1] * len(scores),
            "cut_off": [0] * len(scores),
            "tokens": [4] * len(scores),
        }

    lines = [line("with_passage", [1, 0, 0, 0]), line("with_passage", [0] * 4)]
    lines += [line("closed_book", [1] * 4)]
    lines += [{"prompt": "multiple_choice", "right": [1, 0], "chance": 0.5}]
    found = summary(lines)
    assert found["with_passage.pass_at_1.strict"] == 0.125
    assert found["with_passage.pass_at_8.strict"] == 0.5
    assert found["with_passage.mixed_groups.strict"] == 0.5
    assert found["closed_book.mixed_groups.strict"] == 0.0
    assert found["multiple_choice.accuracy"] == 0.5
