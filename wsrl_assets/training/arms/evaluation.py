"""What an arm knows of held-out documents: answers to questions, choices, and the loss on texts."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import torch

from .scoring import Completion, score_group
from .task import SAMPLES, Prompt

Messages = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes of an evaluation; see `ArmTask`."""

    answer_tokens: int
    question_batch: int
    text_tokens: int
    scores_cut_off: bool


def evaluate(
    model: Any,
    tokenizer: Any,
    items: Sequence[Mapping[str, Any]],
    shots: Mapping[str, Messages],
    limits: Limits,
    seed: int,
) -> list[dict[str, Any]]:
    """A line for each question and kind of prompt, with what each completion scored.

    Args:
        items: `pair_id`, `parent_id`, `gold`, `accepted`, `prompts` by kind and `orders`, each
            with `messages` and `correct`.
        shots: worked examples that stand before a question, by kind of prompt; none if empty.
    """
    model.eval()
    torch.manual_seed(seed)
    lines: list[dict[str, Any]] = []
    for kind in Prompt:
        for some in _batched(items, limits.question_batch):
            asked = [[*shots.get(kind, []), *item["prompts"][kind]] for item in some]
            groups = complete(model, tokenizer, asked, limits.answer_tokens)
            lines += [
                score_group(item, kind, group, scores_cut_off=limits.scores_cut_off)
                for item, group in zip(some, groups, strict=True)
            ]
    # Worked examples answer in words, and teach nothing of letters.
    for item in items if not shots else ():
        lines += [_chosen(model, tokenizer, item)] if item["orders"] else []
    return lines


def text_loss(model: Any, tokenizer: Any, texts: Sequence[str], length: int) -> float | None:
    """Mean loss per token over texts, in nats; none of no text."""
    model.eval()
    total, tokens = 0.0, 0
    for text in texts:
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        for piece in ids.split(length, dim=1):
            if piece.shape[1] < 2:
                continue
            piece = piece.to(model.device)
            with torch.no_grad():
                loss = model(input_ids=piece, labels=piece).loss
            total += float(loss) * (piece.shape[1] - 1)
            tokens += piece.shape[1] - 1
    return total / tokens if tokens else None


@torch.no_grad()
def complete(
    model: Any, tokenizer: Any, asked: Sequence[Messages], answer_tokens: int
) -> list[list[Completion]]:
    """`SAMPLES` completions of each prompt at temperature 1.

    A prompt is read once for all its completions: they begin from one key-value cache.
    """
    inputs = _as_tensors(tokenizer, asked).to(model.device)
    head = {name: tensor[:, :-1] for name, tensor in inputs.items()}
    positions = (head["attention_mask"].cumsum(-1) - 1).clamp(min=0)
    cache = model(**head, position_ids=positions, use_cache=True, logits_to_keep=1).past_key_values
    cache.batch_repeat_interleave(SAMPLES)
    repeated = {name: tensor.repeat_interleave(SAMPLES, 0) for name, tensor in inputs.items()}
    made = model.generate(
        **repeated,
        past_key_values=cache,
        max_new_tokens=answer_tokens,
        do_sample=True,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        pad_token_id=tokenizer.pad_token_id,
    )[:, inputs["input_ids"].shape[1] :]
    ends = _end_tokens(model, tokenizer)
    flat = [_until_end(tokenizer, row.tolist(), ends) for row in made]
    return [flat[first : first + SAMPLES] for first in range(0, len(flat), SAMPLES)]


@torch.no_grad()
def _chosen(model: Any, tokenizer: Any, item: Mapping[str, Any]) -> dict[str, Any]:
    """Which letter is most likely after 'Answer:', in each order of the options."""
    right = []
    for order in item["orders"]:
        text = _as_text(tokenizer, order["messages"]) + "Answer:"
        ids = tokenizer(text, return_tensors="pt", add_special_tokens=False).to(model.device)
        logits = model(**ids, logits_to_keep=1).logits[0, -1]
        letters = string.ascii_uppercase[: order["options"]]
        said = [float(logits[_letter_token(tokenizer, letter)]) for letter in letters]
        right.append(int(said.index(max(said)) == order["correct"]))
    return {
        "pair_id": item["pair_id"],
        "parent_id": item["parent_id"],
        "prompt": "multiple_choice",
        "right": right,
        "chance": fmean(1 / order["options"] for order in item["orders"]),
    }


def _letter_token(tokenizer: Any, letter: str) -> int:
    return int(tokenizer.encode(f" {letter}", add_special_tokens=False)[-1])


def _as_text(tokenizer: Any, messages: Messages) -> str:
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


def _as_tensors(tokenizer: Any, asked: Sequence[Messages]) -> Any:
    texts = [_as_text(tokenizer, messages) for messages in asked]
    tokenizer.padding_side = "left"
    return tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)


def _end_tokens(model: Any, tokenizer: Any) -> set[int]:
    stated = model.generation_config.eos_token_id
    ends = set(stated if isinstance(stated, list) else [stated])
    return (ends | {tokenizer.eos_token_id}) - {None}


def _until_end(tokenizer: Any, ids: Sequence[int], ends: set[int]) -> Completion:
    stop = next((place for place, token in enumerate(ids) if token in ends), None)
    said = ids if stop is None else ids[:stop]
    text = tokenizer.decode(said, skip_special_tokens=True)
    return Completion(text, len(said), stop is None)


def _batched(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]
