"""The prompts of a pair as they were sent, rebuilt by the code that sends them.

A prompt is not stored: it follows from the document and the recipe. The stages run here once more
against a recorder in place of a model. Where what a recipe names is no longer what this program
has (a prompt's wording, the demonstrations, a rule), the prompt would be another one, so that is
said and nothing is shown.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from wsrl_assets.curation import triage
from wsrl_assets.explore.reading import PairView
from wsrl_assets.generation import (
    cloze,
    cross_document,
    drafting,
    layouts,
    library,
    personas,
    unanswerable,
)
from wsrl_assets.llm.engine import ChatRequest, Reply, YesOrNo
from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.explanations import SaysFact
from wsrl_assets.llm.prompting import load_prompt, without_persona
from wsrl_assets.llm.recipes import Provenance, StageRecipe
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.reward.judging import quoted
from wsrl_assets.reward.rubric import MAX_FACT_CHARS
from wsrl_assets.storage import calculation
from wsrl_assets.storage.basis import GradedFacts
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.taxonomy.layouts import LAYOUTS
from wsrl_assets.verification import verify
from wsrl_assets.verification.judge import Criterion, Failure, JudgePolicy

# Prompts that a recipe names, by the step of a call that they are for; the others do not matter.
_PROMPTS_OF = {
    "triage": ("system", "triage"),
    "personas": ("system", "personas"),
    "cloze": ("system", "cloze"),
}
_REBUILT_FORMS = (Form.OPEN, Form.CLOZE, Form.COMPUTED, Form.MULTI_HOP, Form.RUBRIC)
_DRAFT_RULES: Mapping[str, str] = {
    Form.OPEN: cloze.VERSION,  # where its answer is found by rule
    Form.CLOZE: cloze.VERSION,
    Form.MULTIPLE_CHOICE: cloze.VERSION,
    Form.COMPUTED: calculation.VERSION,
    Form.UNANSWERABLE: unanswerable.VERSION,
    Form.CROSS_DOCUMENT: cross_document.VERSION,
}


@dataclass(frozen=True, slots=True)
class SentPrompt:
    """A prompt of one call.

    Attributes:
        step: what the call asked.
        recipe: hash of its recipe.
        messages: role and content; empty where it cannot be rebuilt.
        schema: what the reply had to be, as JSON text; empty where a word was asked for.
        differs: why it cannot be rebuilt; empty where it can.
    """

    step: str
    recipe: str
    messages: Sequence[Mapping[str, str]] = ()
    schema: str = ""
    differs: Sequence[str] = ()


def sent_prompts(view: PairView, demonstrations: Path | None) -> list[SentPrompt]:
    """The prompts of the calls behind a pair, in the order in which they were asked.

    Args:
        view: the pair.
        demonstrations: the folder of one's own demonstrations that is set now.
    """
    row = view.row
    called = {(call["step"], call["recipe"]) for call in view.calls}
    rebuilders = (
        (row["triage_recipe"], ("triage",), _triage),
        (row["persona_recipe"], ("personas",), _personas),
        (row["recipe"], (row["form"],), lambda v, s: _draft(v, s, demonstrations)),
        (row["verify_recipe"], _verification_steps(view), _verification),
    )
    found: list[SentPrompt] = []
    for recipe, steps, rebuild in rebuilders:
        wanted = [step for step in steps if (step, recipe) in called]
        if recipe and wanted:
            found += _rebuilt(view, recipe, wanted, rebuild, demonstrations)
    return found


Rebuild = Callable[[PairView, Provenance], Coroutine[Any, Any, list[ChatRequest[Any]]]]


def _rebuilt(
    view: PairView,
    recipe: str,
    steps: Sequence[str],
    rebuild: Rebuild,
    demonstrations: Path | None,
) -> list[SentPrompt]:
    known = view.recipes.get(recipe)
    if known is None:
        why = f"the recipe {recipe} is not in the table of recipes"
        return [SentPrompt(step, recipe, differs=(why,)) for step in steps]
    body = known["body"]
    found: list[SentPrompt] = []
    asks: dict[str, ChatRequest[Any]] | None = None
    for step in steps:
        differs = _differences(body, step, view, demonstrations)
        if differs:
            found.append(SentPrompt(step, recipe, differs=differs))
            continue
        if asks is None:
            text = json.dumps(body, sort_keys=True, ensure_ascii=False)
            made_by = Provenance(StageRecipe(known["stage"], text, body.get("model")), "rebuilt")
            asks = {ask.step: ask for ask in reversed(asyncio.run(rebuild(view, made_by)))}
        ask = asks.get(step)
        if ask is None:
            why = "this version of the program would not make this call"
            found.append(SentPrompt(step, recipe, differs=(why,)))
        else:
            found.append(SentPrompt(step, recipe, ask.messages, _schema_text(ask)))
    return found


def _schema_text(ask: ChatRequest[Any]) -> str:
    if ask.reply_type is YesOrNo:
        return ""
    schema = ask.schema if ask.schema is not None else ask.reply_type.model_json_schema()
    return json.dumps(schema, indent=2, ensure_ascii=False)


def _differences(
    body: Mapping[str, Any], step: str, view: PairView, demonstrations: Path | None
) -> list[str]:
    """What the recipe names and this program does not have, as sentences."""
    prompts = body.get("prompts", {})
    names = _PROMPTS_OF.get(step, tuple(prompts))
    if step == Form.OPEN:
        layout = layouts.layout_of(body)
        names = ("system", *(prompt.name for prompt in layouts.prompts_of(layout)))
    shown = drafting.shows_personas(body)
    found = [_prompt_difference(name, prompts.get(name), shown=shown) for name in names]
    if step == Form.OPEN and LAYOUTS[layouts.layout_of(body)].examples:
        found.append(_demonstrations_difference(body, view.row["domain"], demonstrations))
    if step not in ("triage", "personas"):
        now = _DRAFT_RULES.get(step, verify.RULES_VERSION)
        was = body.get("rules")
        if was is not None and was != now:
            found.append(f"the rules were version {was} and are version {now} now")
    if step == view.row["form"]:
        found += _draft_differences(view)
    return [sentence for sentence in found if sentence]


def _prompt_difference(name: str, was: Mapping[str, str] | None, *, shown: bool) -> str:
    try:
        now = load_prompt(name) if shown else without_persona(load_prompt(name))
    except FileNotFoundError:
        return f"there is no prompt {name} any more"
    if was is None:
        return f"the recipe does not name the prompt {name}"
    if was["digest"] == now.digest:
        return ""
    return (
        f"the prompt {name} was version {was['version']} ({was['digest']}) "
        f"and is version {now.version} ({now.digest}) now"
    )


def _demonstrations_difference(
    body: Mapping[str, Any], domain: str, demonstrations: Path | None
) -> str:
    try:
        file = library.load_library(demonstrations).get(Domain(domain))
    except library.LibraryError as error:
        return str(error)
    if file is None:
        return f"{domain} is not among the domains in use, and has no demonstrations now"
    was, now = body.get("demonstrations"), library.library_digest([file])
    if was != now:
        return f"the demonstrations of {domain} were {was} and are {now} now"
    shown = LAYOUTS[layouts.layout_of(body)].examples
    if body.get("examples") != shown:
        return f"{body.get('examples')} demonstrations were shown, and {shown} are now"
    return ""


def _draft_differences(view: PairView) -> list[str]:
    row = view.row
    if row["form"] not in _REBUILT_FORMS:
        return [
            f"what was offered to a {row['form']} question depends on all documents of that time"
        ]
    named = view.document["personas"]
    if row["persona_index"] >= len(named) or named[row["persona_index"]] != row["persona"]:
        return ["the document has other personas since"]
    return []


def _verification_steps(view: PairView) -> tuple[str, ...]:
    """The steps that verification asked of this pair, as the ledger has them."""
    before = ("triage", "personas", view.row["form"])
    steps = [call["step"] for call in view.calls if call["recipe"] == view.row["verify_recipe"]]
    return tuple(dict.fromkeys(step for step in steps if step not in before))


class _Recorder:
    """In place of the engine: keeps what it is asked, and agrees to everything but mistakes."""

    def __init__(self, mistakes: Sequence[str] = ()) -> None:
        self.asked: list[ChatRequest[Any]] = []
        self._mistakes = [quoted(mistake, MAX_FACT_CHARS) for mistake in mistakes]

    async def ask(self, ask: ChatRequest[Reply]) -> Reply:
        self.asked.append(ask)
        agreed = _agreeing(ask.reply_type)
        if isinstance(agreed, SaysFact):
            said = ask.messages[-1]["content"]
            agreed.says = not any(f"Statement: {one}" in said for one in self._mistakes)
        return agreed


def _agreeing(reply_type: type[Reply]) -> Reply:
    """A reply that finds no fault: verification goes on to what it asks next."""
    kinds = {name: field.annotation for name, field in reply_type.model_fields.items()}
    if not any(kind in (bool, float) for kind in kinds.values()):
        raise RowError("rebuilt", "only the prompt was wanted")
    agreed: dict[object, Any] = {bool: True, float: 1.0, Failure: Failure.NONE}
    fields_of: dict[str, Any] = {name: agreed.get(kind, "") for name, kind in kinds.items()}
    return reply_type.model_construct(**fields_of)


async def _recorded(
    work: Callable[[_Recorder], Coroutine[Any, Any, Any]], mistakes: Sequence[str] = ()
) -> list[Any]:
    recorder = _Recorder(mistakes)
    with contextlib.suppress(RowError):  # the recorder's own, where a stage lets it through
        await work(recorder)
    return recorder.asked


async def _triage(view: PairView, made_by: Provenance) -> list[ChatRequest[Any]]:
    document = triage.Document(view.row["doc_id"], view.row["text"])
    return await _recorded(lambda recorder: triage.triage(document, StageModel(recorder, made_by)))


async def _personas(view: PairView, made_by: Provenance) -> list[ChatRequest[Any]]:
    count = json.loads(made_by.recipe.body)["personas"]
    return await _recorded(
        lambda recorder: personas.name_personas(
            view.row["doc_id"], view.row["text"], count, StageModel(recorder, made_by)
        )
    )


async def _draft(
    view: PairView, made_by: Provenance, demonstrations: Path | None
) -> list[ChatRequest[Any]]:
    row = view.row
    job = drafting.DraftJob(
        doc_id=row["doc_id"],
        title=row["title"],
        text=row["text"],
        domain=Domain(row["domain"]),
        persona_index=row["persona_index"],
        persona=row["persona"],
        personas=len(view.document["personas"]),
        form=Form(row["form"]),
    )
    examples = library.load_library(demonstrations)
    body = json.loads(made_by.recipe.body)
    layout, shown = layouts.layout_of(body), drafting.shows_personas(body)
    return await _recorded(
        lambda recorder: drafting.Drafter(
            {job.form: StageModel(recorder, made_by)}, examples, layout, shown
        ).draft(job)
    )


async def _verification(view: PairView, made_by: Provenance) -> list[ChatRequest[Any]]:
    known = {field.name for field in fields(verify.Draft)}
    draft = verify.Draft(**{name: view.row[name] for name in known})
    body = json.loads(made_by.recipe.body)
    jury = _policy(body["judge"]) if body["judge"] else None
    thresholds = _lowest if jury and "by" in body["judge"] else None
    return await _recorded(
        lambda recorder: verify.Verifier(
            StageModel(recorder, made_by), jury, bool(body["round_trip"]), thresholds=thresholds
        ).verify(draft, view.row["text"]),
        _mistakes_of(draft),
    )


async def _lowest() -> Mapping[Criterion, float]:
    """Thresholds that every pair passes: they do not decide what is asked first."""
    return dict.fromkeys(Criterion, 0.0)


def _mistakes_of(draft: verify.Draft) -> Sequence[str]:
    """What an answer must not say, of a question for an explanation."""
    if draft.form != Form.RUBRIC:
        return ()
    return [one.fact for one in GradedFacts.from_json(draft.basis or "").must_not]


def _policy(recipe: Mapping[str, Any]) -> JudgePolicy:
    """The judge of a recipe; what an older version of the program knew besides is passed over."""
    known = {field.name for field in fields(JudgePolicy)}
    return JudgePolicy(**{name: value for name, value in recipe.items() if name in known})
