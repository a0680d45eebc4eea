"""What a proof is asked to be: sizes, seeds, and what is expected of it before it is run."""

from collections.abc import Sequence
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from wsrl_assets.text.yaml_files import load_yaml, read_yaml
from wsrl_assets.training.arms.task import Prompt
from wsrl_assets.training.errors import ProofError


class Arm(StrEnum):
    """What a model is trained on, or not at all."""

    BASE = "base"
    CONTINUAL_PRETRAINING = "continual_pretraining"
    CONTINUAL_PRETRAINING_REFINED = "continual_pretraining_refined"
    SFT = "sft"
    WARMUP_GRPO = "warmup_grpo"
    GRPO = "grpo"
    GRPO_DRAFTS = "grpo_drafts"
    GRPO_SHUFFLED = "grpo_shuffled"


class Preset(StrEnum):
    """Sizes that come along."""

    SMOKE = "smoke"
    HOUR = "hour"
    PAPER = "paper"


MEASURES = (
    "with_passage.pass_at_1.strict",
    "with_passage.pass_at_1.lenient",
    "with_passage.pass_at_8.strict",
    "with_passage.pass_at_8.lenient",
    "closed_book.pass_at_1.strict",
    "closed_book.pass_at_1.lenient",
    "closed_book.pass_at_8.strict",
    "closed_book.pass_at_8.lenient",
    "multiple_choice.accuracy",
)
"""The figures that are compared between arms."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PhaseSettings(_Part):
    """Sizes of a stretch of training.

    Attributes:
        steps: optimizer steps.
        batch: packed texts, pairs, or prompts of a step.
        learning_rate: constant after `warmup_steps` steps.
    """

    steps: int = Field(ge=1)
    batch: int = Field(ge=1)
    learning_rate: float = Field(gt=0, lt=1)
    warmup_steps: int = Field(default=0, ge=0)


class Expectation(_Part):
    """What is expected of a difference, written down before anything is trained.

    Attributes:
        arm, than: the arms.
        expected: `higher`, or `within` for a difference within its interval.
        measure: the figure.
        why: in a sentence.
    """

    arm: Arm
    than: Arm
    expected: Literal["higher", "within"] = "higher"
    measure: Literal[MEASURES] = "with_passage.pass_at_1.strict"  # type: ignore[valid-type]
    why: str = ""

    @model_validator(mode="after")
    def _of_two_arms(self) -> Self:
        if self.arm is self.than:
            raise ValueError(f"{self.arm} is compared with itself; name another arm in `than`")
        return self


class ProofSpec(_Part):
    """A proof: the same sizes for all its arms.

    Attributes:
        trainer: `trl` trains on this machine; `verl` writes a configuration for many GPUs.
        seed: deals out documents, pairs, drafts and shuffled golds.
        prompt: whether a question comes with its passage in training. Small models answer almost
            nothing closed-book, which leaves GRPO nothing to learn from.
        questions: held-out questions that are asked, at most.
        passage_tokens: of the piece of a passage around the evidence, in estimated tokens.
        answer_tokens: of the longest completion, in training and evaluation.
        text_tokens: length of packed texts, and of a prompt with its answer.
        generations: completions of a prompt in GRPO.
        device_batch: sequences that the device takes at once.
        scores_cut_off: whether a completion that was cut off may score. Exports say no; on a CPU,
            where completions are short, nearly all are cut off.
        seeds: of GRPO on the verified pairs; the other arms take the first.
        text, sft, warmup, grpo: sizes of training on texts, on answers, before GRPO, and by GRPO.
        benchmarks: tasks of lm-evaluation-harness for all arms: names, or paths of task files.
        expectations: what is expected to come out.
    """

    trainer: Literal["trl", "verl"] = "trl"
    seed: int = 0
    prompt: Prompt = Prompt.WITH_PASSAGE
    questions: int = Field(ge=2)
    passage_tokens: int = Field(ge=16)
    answer_tokens: int = Field(ge=4)
    text_tokens: int = Field(ge=32)
    generations: int = Field(ge=2)
    device_batch: int = Field(ge=1)
    scores_cut_off: bool = False
    seeds: tuple[int, ...] = Field(min_length=1)
    text: PhaseSettings
    sft: PhaseSettings
    warmup: PhaseSettings
    grpo: PhaseSettings
    benchmarks: tuple[str, ...] = ()
    expectations: tuple[Expectation, ...] = ()

    @model_validator(mode="after")
    def _whole_batches(self) -> Self:
        """A step is taken in pieces of `device_batch`, all of one size."""
        sequences = {
            "text.batch": self.text.batch,
            "sft.batch": self.sft.batch,
            "warmup.batch": self.warmup.batch,
            "grpo.batch times generations": self.grpo.batch * self.generations,
        }
        for name, of_a_step in sequences.items():
            if of_a_step % min(of_a_step, self.device_batch):
                raise ValueError(
                    f"{name} is {of_a_step}, which device_batch {self.device_batch} does not divide"
                )
        return self

    @field_validator("seeds")
    @classmethod
    def _differ(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("a seed stands there twice")
        return seeds

    @field_validator("benchmarks")
    @classmethod
    def _in_one_folder(cls, tasks: tuple[str, ...]) -> tuple[str, ...]:
        files = [Path(task) for task in tasks if task.endswith((".yaml", ".yml"))]
        if len({file.resolve().parent for file in files}) > 1:
            raise ValueError("task files of lm_eval must lie in one folder")
        missing = [str(file) for file in files if not file.is_file()]
        if missing:
            raise ValueError(f"there is no task file {missing[0]}")
        return tuple(str(Path(t).resolve()) if Path(t) in files else t for t in tasks)


def load_proof_spec(preset: Preset, path: Path | None = None) -> ProofSpec:
    """A preset, with what a YAML file says in place of its values.

    A file may set keys of a part (`grpo: {steps: 10}`) and leave the others as they are.

    Raises:
        ProofError: the file cannot be read, or asks for what cannot be.
    """
    packaged = resources.files("wsrl_assets.training.presets").joinpath(f"{preset}.yaml")
    values = load_yaml(packaged.read_text("utf-8"))
    if path is not None:
        values = _over(values, _read(path))
    try:
        return ProofSpec(**values)
    except ValidationError as error:
        said = "; ".join(_say(item) for item in error.errors(include_url=False))
        raise ProofError(f'proof spec "{path or preset}": {said}') from None


def _read(path: Path) -> dict[str, Any]:
    remedy = "give --spec the path of a YAML file"
    found = read_yaml(path, f'proof spec "{path}"', remedy, ProofError)
    if found is not None and not isinstance(found, dict):
        raise ProofError(
            f'proof spec "{path}" holds a {type(found).__name__}; it must hold keys, such as '
            f"{', '.join(ProofSpec.model_fields)}"
        )
    return {str(key): value for key, value in (found or {}).items()}


def _over(values: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    parts = {
        key: {**values[key], **value}
        for key, value in given.items()
        if isinstance(value, dict) and isinstance(values.get(key), dict)
    }
    return {**values, **given, **parts}


def _say(item: Any) -> str:
    key = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"key {key}: there is no such key; there are {', '.join(_beside(item['loc']))}"
    said = str(item["msg"]).removeprefix("Value error, ")
    return f"key {key}: {said[:1].lower()}{said[1:]}"


def _beside(path: Sequence[Any]) -> list[str]:
    if len(path) == 1:
        return list(ProofSpec.model_fields)
    return list((Expectation if path[0] == "expectations" else PhaseSettings).model_fields)
