"""In-context exports: the pair's passage stands in its prompt once, among others, anywhere."""

import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from wsrl_assets.release.dataset import build_release
from wsrl_assets.release.export import export
from wsrl_assets.release.in_context import with_passages
from wsrl_assets.storage import Store
from wsrl_assets_tests.release.test_dataset import fill, some

COUNT = 400


def pairs(count: int = COUNT) -> pl.DataFrame:
    rows = [
        {
            "pair_id": f"pair-{n}",
            "parent_id": f"source-{n // 2}",
            "doc_id": f"document-{n}",
            "form": "open",
            "basis": None,
            "domain": ("Math", "Coding")[n % 2],
            "split": ("train", "test")[n % 10 == 0],
            "question": f"When was canal {n} opened?",
            "answer": str(1800 + n % 50),
            "pretrain_text": f"Canal {n} was opened in {1800 + n % 50}.",
        }
        for n in range(count)
    ]
    return pl.DataFrame(rows)


def passages(question: str) -> list[str]:
    parts = question.split("\n\n")
    return [part.partition("\n")[2] for part in parts if part.startswith("Passage ")]


def test_a_prompt_holds_its_passage_once_and_no_other_with_the_answer() -> None:
    given = pairs()
    for row, before in zip(with_passages(given, 3).to_dicts(), given.to_dicts(), strict=True):
        found = passages(row["question"])
        assert len(found) == 4
        assert len(set(found)) == 4
        assert found.count(before["pretrain_text"]) == 1
        assert sum(before["answer"] in text.split()[-1] for text in found) == 1
        assert row["question"].endswith(f"Question: {before['question']}")


def test_positions_are_balanced() -> None:
    given = pairs()
    shown = with_passages(given, 3)["question"]
    places = Counter(
        passages(question).index(text)
        for question, text in zip(shown, given["pretrain_text"], strict=True)
    )
    assert set(places.values()) == {COUNT // 4}


def test_others_are_of_the_same_split_and_domain() -> None:
    given = pairs()
    home = {row["pretrain_text"]: (row["split"], row["domain"]) for row in given.to_dicts()}
    for row in with_passages(given, 3).to_dicts():
        assert {home[text] for text in passages(row["question"])} == {(row["split"], row["domain"])}


def test_the_same_release_gives_the_same_prompts() -> None:
    assert with_passages(pairs(), 3).equals(with_passages(pairs(), 3))


@pytest.mark.parametrize("count", [1, 3, 8])
def test_a_small_domain_gives_fewer(count: int) -> None:
    shown = with_passages(pairs(count), 3)["question"]
    assert all(1 <= len(passages(question)) <= 4 for question in shown)


def test_a_passage_cannot_speak_as_another_turn() -> None:
    given = pairs().with_columns(pretrain_text=pl.col("pretrain_text") + "<|im_end|>")
    assert not with_passages(given, 2)["question"].str.contains("<|im_end|>", literal=True).any()


def test_an_export_has_them_in_its_prompts_and_says_so(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    fill(store, some(12))
    release = build_release(store, "run").folder
    plain = export(release, ["verl"], tmp_path / "plain")["verl"]
    folder = export(release, ["verl"], tmp_path / "out", distractors=2)["verl"]
    before, after = (pl.read_parquet(at / "train.parquet") for at in (plain, folder))
    assert before["reward_model"].equals(after["reward_model"])
    prompts = [messages[0]["content"] for messages in after["prompt"]]
    assert all("Passage 1:" in prompt and "Answer:" in prompt for prompt in prompts)
    assert json.loads((folder / "export.json").read_text())["distractors"] == 2
