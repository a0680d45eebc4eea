"""The arms of a proof: what each is trained on, how, and which comparisons the page makes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from wsrl_assets.training.arms.task import Method, Phase, Shots
from wsrl_assets.training.spec import Arm, PhaseSettings, ProofSpec


class Rows(StrEnum):
    """The files of rows that arms are trained on."""

    DOCUMENTS = "documents.jsonl"
    REFINED = "refined.jsonl"
    PAIRS = "pairs.jsonl"
    WARMUP = "warmup.jsonl"
    DRAFTS = "drafts.jsonl"
    SHUFFLED = "shuffled.jsonl"


@dataclass(frozen=True, slots=True)
class ArmPlan:
    """An arm in words and in phases: a method and its rows, in order."""

    label: str
    phases: tuple[tuple[Method, Rows], ...]
    shots: tuple[Shots, ...] = (Shots.NONE,)


PLANS: Mapping[Arm, ArmPlan] = {
    Arm.BASE: ArmPlan("the model as it is", (), (Shots.NONE, Shots.FOUR)),
    Arm.CONTINUAL_PRETRAINING: ArmPlan(
        "continual pretraining on source documents", ((Method.TEXT, Rows.DOCUMENTS),)
    ),
    Arm.CONTINUAL_PRETRAINING_REFINED: ArmPlan(
        "continual pretraining on documents that the filters kept", ((Method.TEXT, Rows.REFINED),)
    ),
    Arm.SFT: ArmPlan("SFT on the pairs, loss on the answer", ((Method.ANSWERS, Rows.PAIRS),)),
    Arm.WARMUP_GRPO: ArmPlan(
        "SFT warm-up, then GRPO on the pairs",
        ((Method.ANSWERS, Rows.WARMUP), (Method.GRPO, Rows.PAIRS)),
    ),
    Arm.GRPO: ArmPlan("GRPO on the verified pairs", ((Method.GRPO, Rows.PAIRS),)),
    Arm.GRPO_DRAFTS: ArmPlan("GRPO on as many unverified drafts", ((Method.GRPO, Rows.DRAFTS),)),
    Arm.GRPO_SHUFFLED: ArmPlan(
        "GRPO on the pairs with shuffled golds (control)", ((Method.GRPO, Rows.SHUFFLED),)
    ),
}
"""The arms, in the order in which they are trained and shown."""

COMPARED: tuple[tuple[Arm, Arm], ...] = (
    *((arm, Arm.BASE) for arm in Arm if arm is not Arm.BASE),
    (Arm.GRPO, Arm.GRPO_DRAFTS),
    (Arm.GRPO, Arm.GRPO_SHUFFLED),
    (Arm.GRPO, Arm.SFT),
    (Arm.GRPO, Arm.CONTINUAL_PRETRAINING),
    (Arm.CONTINUAL_PRETRAINING_REFINED, Arm.CONTINUAL_PRETRAINING),
)
"""Which arm is compared with which: each with the base, and verified pairs with the others."""


def seeds_of(arm: Arm, spec: ProofSpec) -> tuple[int, ...]:
    """The seeds of an arm: several for GRPO on the verified pairs, the first of them for others."""
    return spec.seeds if arm is Arm.GRPO else spec.seeds[:1]


def phases_of(arm: Arm, spec: ProofSpec) -> tuple[Phase, ...]:
    """The phases of an arm, with their sizes."""
    return tuple(_phase(method, rows, spec) for method, rows in PLANS[arm].phases)


def _phase(method: Method, rows: Rows, spec: ProofSpec) -> Phase:
    sizes = _sizes(method, rows, spec)
    is_grpo = method is Method.GRPO
    return Phase(
        method=method,
        data=str(rows),
        steps=sizes.steps,
        batch=sizes.batch,
        device_batch=spec.device_batch,
        learning_rate=sizes.learning_rate,
        warmup_steps=sizes.warmup_steps,
        max_tokens=spec.text_tokens,
        generations=spec.generations if is_grpo else 0,
        completion_tokens=spec.answer_tokens if is_grpo else 0,
    )


def _sizes(method: Method, rows: Rows, spec: ProofSpec) -> PhaseSettings:
    if rows is Rows.WARMUP:
        return spec.warmup
    return {Method.TEXT: spec.text, Method.ANSWERS: spec.sft, Method.GRPO: spec.grpo}[method]
