"""The rows that trainers and the evaluation read, out of pairs, drafts and documents."""

import string
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from wsrl_assets.reward import AnswerType, Gold, parse_gold, render, score
from wsrl_assets.reward.instruction import rollout_messages
from wsrl_assets.taxonomy.forms import stem_of, with_options
from wsrl_assets.training.arms.task import Prompt

Row = dict[str, Any]
CHARS_PER_TOKEN = 4
"""About so many characters are a token of English text."""
_DISTRACTORS = 3
_TRIES = 40
_CHOICE = "Which option answers the question? Give its letter alone after 'Answer:'."


def window(text: str, start: int | None, end: int | None, tokens: int) -> str:
    """The piece of a passage around its evidence, of about so many tokens, cut at spaces."""
    size = tokens * CHARS_PER_TOKEN
    if len(text) <= size:
        return text
    middle = ((start or 0) + (end or 0)) // 2
    first = max(0, min(middle - size // 2, len(text) - size))
    piece = text[first : first + size]
    if first:
        piece = piece.partition(" ")[2] or piece
    return piece if first + size >= len(text) else piece.rpartition(" ")[0] or piece


def prompts(row: Mapping[str, Any], passage_tokens: int) -> dict[str, list[dict[str, str]]]:
    """The question as each kind of prompt, as chat.

    `row`: `question`, `pretrain_text`, `evidence_start` and `evidence_end`.
    """
    passage = window(
        row["pretrain_text"], row["evidence_start"], row["evidence_end"], passage_tokens
    )
    read = f"Passage:\n{passage}\n\nQuestion: {row['question']}"
    return {
        str(Prompt.WITH_PASSAGE): rollout_messages(read),
        str(Prompt.CLOSED_BOOK): rollout_messages(row["question"]),
    }


def training_row(row: Mapping[str, Any], kind: Prompt, passage_tokens: int) -> Row:
    """A row for SFT and GRPO: `prompt`, `completion`, `gold`, and where it comes from."""
    response = row.get("response") or f"Answer: {render(Gold.from_json(row['gold']))}"
    return {
        "pair_id": row["pair_id"],
        "doc_id": row["doc_id"],
        "prompt": prompts(row, passage_tokens)[kind],
        "completion": [{"role": "assistant", "content": response}],
        "gold": row["gold"],
    }


def shuffled(rows: Sequence[Row], others: Sequence[Gold], seed: int) -> list[Row]:
    """The rows, each with another gold of its answer type, out of `others`: the control.

    A choice gets another of its own options. Where none of the type is another answer, a gold of
    another type is taken; where none is, the row is left out, as its gold would be right.
    """
    random = Random(seed)
    found = []
    for row in rows:
        wrong = _wrong(Gold.from_json(row["gold"]), others, random)
        if wrong is not None:
            completion = [{"role": "assistant", "content": f"Answer: {render(wrong)}"}]
            found.append({**row, "gold": wrong.to_json(), "completion": completion})
    return found


def question_item(
    row: Mapping[str, Any], others: Sequence[Gold], passage_tokens: int, seed: int
) -> Row:
    """A held-out question as the evaluation asks it, in all its prompts."""
    gold = Gold.from_json(row["gold"])
    return {
        "pair_id": row["pair_id"],
        "parent_id": row["parent_id"],
        "question": row["question"],
        "gold": row["gold"],
        "accepted": accepted(gold),
        "prompts": prompts(row, passage_tokens),
        "orders": orders(row["question"], gold, others, Random(f"{seed}/{row['pair_id']}")),
    }


def accepted(gold: Gold) -> list[str]:
    """The texts of which one, anywhere in a completion, is a lenient match."""
    texts = {gold.value, *gold.aliases}
    if gold.type is AnswerType.CHOICE:
        texts = {_chosen(gold)}
    if gold.unit:
        texts |= {f"{text} {gold.unit}" for text in texts}
    return sorted(texts)


def orders(
    question: str, gold: Gold, others: Sequence[Gold], random: Random
) -> list[dict[str, Any]]:
    """The question with options, once for each place of the right one; none if it has no other.
    Options that stand in the question give way to these.

    The right one stands in every place, so that a fondness for a letter gains nothing.
    """
    right = _chosen(gold) if gold.type is AnswerType.CHOICE else render(gold)
    wrong = _distractors(gold, right, others, random)
    places = range(len(wrong) + 1) if wrong else range(0)
    stem = stem_of(question, gold.choices)
    return [_order(stem, [*wrong[:place], right, *wrong[place:]], place) for place in places]


def _order(question: str, options: Sequence[str], correct: int) -> dict[str, Any]:
    messages = [{"role": "user", "content": f"{with_options(question, options)}\n\n{_CHOICE}"}]
    return {"messages": messages, "options": len(options), "correct": correct}


def _distractors(gold: Gold, right: str, others: Sequence[Gold], random: Random) -> list[str]:
    if gold.choices:
        texts = [choice for choice in gold.choices if choice != right]
    else:
        same = [other for other in others if other.type is gold.type]
        drawn = random.sample(same, min(len(same), _TRIES))
        texts = [render(other) for other in drawn if not _is_right(render(other), gold)]
    found = list(dict.fromkeys(texts))
    random.shuffle(found)
    return found[:_DISTRACTORS]


def _wrong(gold: Gold, golds: Sequence[Gold], random: Random) -> Gold | None:
    if gold.choices:
        options = [choice for choice in gold.choices if not _is_right(choice, gold) and choice]
        return parse_gold(random.choice(options), gold.type, choices=gold.choices)
    open_ones = [other for other in golds if not other.choices]
    same = [other for other in open_ones if other.type is gold.type]
    for some in (same, open_ones):
        drawn = random.sample(some, min(len(some), _TRIES))
        if wrong := [other for other in drawn if not _is_right(render(other), gold)]:
            return wrong[0]
    return None


def _is_right(text: str, gold: Gold) -> bool:
    return score(f"Answer: {text}", gold).value == 1


def _chosen(gold: Gold) -> str:
    """The text of the right option, which the gold names by its text or its letter."""
    for letter, choice in zip(string.ascii_uppercase, gold.choices, strict=False):
        if gold.value in (letter, choice):
            return choice
    return gold.value
