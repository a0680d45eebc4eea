"""All checks of one pair, cheapest first; every verdict is kept, also of a rejected pair."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import partial

from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.reward import Gold, Rubric
from wsrl_assets.reward.abstention import ABSTENTION
from wsrl_assets.storage.basis import joined
from wsrl_assets.storage.tables import QADraft, Status, Verdict, VerifiedPair
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.taxonomy.stages import Stage
from wsrl_assets.text.language import AS_ENGLISH, Writing
from wsrl_assets.verification.computed import check_computation
from wsrl_assets.verification.duplicates import Siblings
from wsrl_assets.verification.form import answer_is_not_persona, question_form, typed_gold
from wsrl_assets.verification.grounding import Evidence, answer_in, locate
from wsrl_assets.verification.instructions import no_order
from wsrl_assets.verification.judge import (
    Case,
    JudgePolicy,
    judge,
    judge_rubric,
    judge_unanswerable,
)
from wsrl_assets.verification.leakage import leak
from wsrl_assets.verification.multi_hop import (
    TwoDocuments,
    check_hops,
    check_two_documents,
    facts_of,
    fails_alone,
)
from wsrl_assets.verification.probability import GetThresholds, QuotedPair, judge_by_probability
from wsrl_assets.verification.round_trip import round_trip
from wsrl_assets.verification.rubric import check_facts, explained, reference_passes, rubric_of
from wsrl_assets.verification.self_containment import stands_alone
from wsrl_assets.verification.unanswerable import KinCase, check_absence
from wsrl_assets.verification.worked_out import check_worked_out

STAGE = Stage.VERIFIED_PAIRS
# Bump when a rule changes what it lets through.
RULES_VERSION = "13"
_OF_TWO_FACTS = (Form.MULTI_HOP, Form.CROSS_DOCUMENT)
# Forms whose answer stands in one quote; so does the kin's answer of an unanswerable question.
# The options of a choice hold its answer, which looks like giving it away.
_OF_ONE_QUOTE = (Form.OPEN, Form.CLOZE)


@dataclass(frozen=True, slots=True)
class Draft:
    """What verification reads of a draft."""

    draft_id: str
    doc_id: str
    question: str | None
    answer: str | None
    answer_type: str | None
    unit: str | None
    evidence: str | None
    choices: Sequence[str] = ()
    form: str = Form.OPEN
    persona: str | None = None
    basis: str | None = None
    kin_text: str | None = None

    @classmethod
    def of(cls, row: QADraft, kin_text: str | None = None) -> "Draft":
        """The draft of a row, with the text of the document that it is asked of, if not its own."""
        names = [field.name for field in fields(cls) if field.name != "kin_text"]
        return cls(**{name: getattr(row, name) for name in names}, kin_text=kin_text)


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What the checks without a model found.

    Attributes:
        verdicts: all of them, in order.
        gold: the typed gold answer or the rubric, if there is one.
        evidence: where the quote stands, if it was found.
    """

    verdicts: tuple[Verdict, ...]
    gold: Gold | Rubric | None
    evidence: Evidence | None


@dataclass(frozen=True, slots=True)
class Verifier:
    """The checks that a run makes. The judge (no jury) and the round trip can be switched off.

    Rubrics are verified by a recipe of their own, `rubrics`, so that switching them on makes no
    verdict on other pairs stale. With `thresholds`, pairs whose answer stands in one quote are
    judged by probability, and all others in words.
    """

    model: StageModel
    jury: JudgePolicy | None = JudgePolicy()
    use_round_trip: bool = True
    rubrics: StageModel | None = None
    thresholds: GetThresholds | None = None

    async def verify(
        self, draft: Draft, document: str, siblings: Siblings | None = None
    ) -> VerifiedPair:
        """The verified row of a draft; kept only if every check passed.

        The models are asked only of what the rules let through and no sibling asks, and the round
        trip only of what the judge let through. A fault of a call fails the row, with the verdicts
        so far.

        Args:
            siblings: the other pairs of the document; none are known if not given.
        """
        writing = Writing.of(document)
        check = partial(check_rules, draft, document, writing, judged=self.jury is not None)
        # A stranger's query or code may take seconds, in which the event loop has more to do.
        rules = await asyncio.to_thread(check) if _may_execute(draft) else check()
        if not _all_passed(rules.verdicts):
            return self._row(draft, rules, rules.verdicts)
        assert draft.question is not None
        assert rules.gold is not None
        others = siblings if siblings is not None else Siblings()
        async with others.claim(draft.draft_id, draft.question, rules.gold) as (claim, verdict):
            verdicts = [*rules.verdicts, verdict]
            row = await self._asked(draft, rules, verdicts, document, writing)
            claim.settle(kept=row.status is Status.KEPT)
        return row

    async def _asked(
        self,
        draft: Draft,
        rules: RuleResult,
        verdicts: list[Verdict],
        document: str,
        writing: Writing,
    ) -> VerifiedPair:
        """The row after the checks that ask a model."""
        if isinstance(rules.gold, Rubric):
            return await self._asked_of_rubric(draft, rules, rules.gold, verdicts, document)
        answer: str | None = None
        try:
            if self.jury is not None and _all_passed(verdicts):
                verdicts += await self._judge(self.jury, draft, rules, document)
            if self.use_round_trip and _all_passed(verdicts) and draft.form in _OF_TWO_FACTS:
                verdicts.append(await self._fails_alone(draft, rules, document))
            if self.use_round_trip and _all_passed(verdicts):
                read = _to_read(draft, document)
                answer, verdict = await self._round_trip(draft, rules, read, writing)
                verdicts.append(verdict)
        except RowError as fault:
            return self._row(draft, rules, verdicts, fault=fault)
        return self._row(draft, rules, verdicts, answer=answer)

    async def _asked_of_rubric(
        self,
        draft: Draft,
        rules: RuleResult,
        rubric: Rubric,
        verdicts: list[Verdict],
        document: str,
    ) -> VerifiedPair:
        """The row of a question for an explanation after the checks that ask a model."""
        answer: str | None = None
        pair_id, model = draft.draft_id, self._model_of(draft)
        try:
            if self.jury is not None and _all_passed(verdicts):
                case = Case(pair_id, rubric.question, rubric.reference, document)
                verdicts += await judge_rubric(case, rubric, self.jury, model)
            if self.use_round_trip and _all_passed(verdicts):
                verdicts.append(await reference_passes(pair_id, rubric, model))
            if self.use_round_trip and _all_passed(verdicts):
                answer, verdict = await explained(pair_id, rubric, document, model)
                verdicts.append(verdict)
        except RowError as fault:
            return self._row(draft, rules, verdicts, fault=fault)
        return self._row(draft, rules, verdicts, answer=answer)

    def _model_of(self, draft: Draft) -> StageModel:
        return (self.rubrics or self.model) if draft.form == Form.RUBRIC else self.model

    async def _judge(
        self, jury: JudgePolicy, draft: Draft, rules: RuleResult, document: str
    ) -> tuple[Verdict, ...]:
        """The judge's verdicts; on an unanswerable question, first on what its kin answers."""
        assert draft.question is not None
        assert draft.answer is not None
        case = Case(draft.draft_id, draft.question, draft.answer, _to_read(draft, document))
        if draft.form != Form.UNANSWERABLE:
            quote = None
            if draft.form in _OF_ONE_QUOTE and rules.evidence is not None:
                quote = document[rules.evidence.start : rules.evidence.end]
            return await self._judge_answer(jury, case, quote)
        kin = KinCase.of(draft.basis, draft.kin_text)
        assert kin is not None
        of_kin = replace(case, answer=kin.answer.answer, document=kin.text)
        verdicts = await self._judge_answer(jury, of_kin, kin.answer.quote)
        if not _all_passed(verdicts):
            return verdicts
        return *verdicts, await judge_unanswerable(case, jury, self.model)

    async def _judge_answer(
        self, jury: JudgePolicy, case: Case, quote: str | None
    ) -> tuple[Verdict, ...]:
        """The verdicts on a pair whose answer stands in a quote, or in more of the document."""
        if self.thresholds is None or quote is None:
            return await judge(case, jury, self.model)
        pair = QuotedPair(case.pair_id, case.question, case.answer, quote)
        return await judge_by_probability(pair, await self.thresholds(), self.model)

    async def _fails_alone(self, draft: Draft, rules: RuleResult, document: str) -> Verdict:
        assert draft.question is not None
        assert isinstance(rules.gold, Gold)
        asked = (draft.draft_id, draft.question, rules.gold)
        if draft.form == Form.CROSS_DOCUMENT:
            alone = (draft.kin_text or "", document)
            return await fails_alone(*asked, alone, self.model, "document")
        found = facts_of(draft.basis, document)
        assert found is not None
        _, first, second = found
        return await fails_alone(*asked, (first, second), self.model)

    async def _round_trip(
        self, draft: Draft, rules: RuleResult, document: str, writing: Writing
    ) -> tuple[str, Verdict]:
        assert draft.question is not None
        assert isinstance(rules.gold, Gold)
        return await round_trip(
            draft.draft_id,
            draft.question,
            rules.gold,
            document,
            self.model,
            writing,
            draft.form,
        )

    def _row(
        self,
        draft: Draft,
        rules: RuleResult,
        verdicts: Sequence[Verdict],
        *,
        answer: str | None = None,
        fault: RowError | None = None,
    ) -> VerifiedPair:
        failed = next((verdict for verdict in verdicts if not verdict.passed), None)
        status, reason, detail = Status.KEPT, None, None
        if failed is not None:
            status, reason, detail = Status.REJECTED, failed.reason, failed.detail
        if fault is not None:
            status, reason, detail = Status.FAILED, fault.reason, fault.detail
        return VerifiedPair(
            pair_id=draft.draft_id,
            doc_id=draft.doc_id,
            status=status,
            reason=reason,
            detail=detail,
            gold=rules.gold.to_json() if rules.gold else None,
            evidence_start=rules.evidence.start if rules.evidence else None,
            evidence_end=rules.evidence.end if rules.evidence else None,
            round_trip_answer=answer,
            verdicts=tuple(verdicts),
            **self._model_of(draft).columns(),
        )


def _to_read(draft: Draft, document: str) -> str:
    """What holds the answer: the document, or both of a question of two."""
    is_of_two = draft.form == Form.CROSS_DOCUMENT and draft.kin_text
    return joined(document, draft.kin_text or "") if is_of_two else document


def _may_execute(draft: Draft) -> bool:
    return draft.basis is not None or "python" in (draft.question or "").casefold()


def _all_passed(verdicts: Sequence[Verdict]) -> bool:
    return all(verdict.passed for verdict in verdicts)


def check_rules(
    draft: Draft, document: str, writing: Writing = AS_ENGLISH, *, judged: bool = True
) -> RuleResult:
    """Every check that needs no model. All run, so that a rejection shows all that is wrong.

    Args:
        writing: of the document. Its numbers are read by it; whether a question stands alone is
            known by rule for English only.
        judged: whether a judge follows, who decides what no rule knows.
    """
    question = writing.with_decimal_point(draft.question or "")
    if draft.form == Form.UNANSWERABLE:
        return _unanswerable_rules(draft, document, writing, question, judged=judged)
    if draft.form == Form.RUBRIC:
        return _rubric_rules(draft, document, writing, question, judged=judged)
    gold, answer_verdict = typed_gold(
        draft.answer, draft.answer_type, draft.unit, draft.choices, writing, question
    )
    evidence, evidence_verdict = locate(draft.evidence, document)
    verdicts = [answer_verdict, *_of_question(draft, gold, question, writing, judged=judged)]
    verdicts.append(evidence_verdict)
    if evidence is not None:
        verdicts.append(no_order(evidence, document))
    if draft.form == Form.COMPUTED:
        answer = draft.answer or ""
        verdicts += check_computation(draft.basis, answer, question, document, writing)
    elif draft.form == Form.MULTI_HOP:
        verdicts += check_hops(draft.basis, gold, question, document, writing)
    elif draft.form == Form.CROSS_DOCUMENT:
        verdicts += _cross_document_rules(draft, gold, question, document, writing)
    elif gold is not None and evidence is not None:
        quote = writing.with_decimal_point(document[evidence.start : evidence.end])
        # What a question asks to be made of figures is known by its English words.
        verdicts.append(answer_in(quote, gold, question if writing.has_rules else ""))
        typed = draft.basis if draft.form == Form.CLOZE else None
        verdicts += check_worked_out(typed, question, gold)
    return RuleResult(tuple(verdicts), gold, evidence)


def _of_question(
    draft: Draft, gold: Gold | None, question: str, writing: Writing, *, judged: bool
) -> list[Verdict]:
    """What a question and its answer say without a document."""
    verdicts = [
        question_form(draft.question),
        stands_alone(question) if writing.has_rules else _left_to_judge(writing, judged),
    ]
    if gold is not None:
        verdicts.append(leak(question, gold))
    if gold is not None and draft.persona:
        verdicts.append(answer_is_not_persona(gold, draft.persona))
    return verdicts


def _unanswerable_rules(
    draft: Draft, document: str, writing: Writing, question: str, *, judged: bool
) -> RuleResult:
    """The checks of a question that its kin answers: as any pair of the kin, and not of this
    document. The gold is the abstention; there is no evidence in the document.
    """
    kin = KinCase.of(draft.basis, draft.kin_text)
    if kin is None:
        lost = Verdict("kin", False, "no_kin", "the document that answers it is no longer there")
        return RuleResult((lost,), None, None)
    asked = replace(
        draft,
        form=Form.OPEN,
        answer=kin.answer.answer,
        answer_type=kin.answer.answer_type,
        unit=kin.answer.unit,
        evidence=kin.answer.quote,
    )
    found = check_rules(asked, kin.text, writing, judged=judged)
    verdicts = found.verdicts
    if isinstance(found.gold, Gold):
        verdicts += check_absence(kin, found.gold, question, writing.with_decimal_point(document))
    return RuleResult(verdicts, ABSTENTION, None)


def _cross_document_rules(
    draft: Draft, gold: Gold | None, question: str, document: str, writing: Writing
) -> tuple[Verdict, ...]:
    """The checks of what joins two documents."""
    if draft.kin_text is None:
        lost = "the document that leads to the answer is no longer there"
        return (Verdict("kin", False, "no_kin", lost),)
    two = TwoDocuments.of(draft.basis, document, draft.kin_text)
    if two is None or gold is None:
        return (Verdict("hops", False, "no_hops", "its two facts are missing"),)
    return check_two_documents(two, gold, question, writing)


def _rubric_rules(
    draft: Draft, document: str, writing: Writing, question: str, *, judged: bool
) -> RuleResult:
    """The checks of a question for an explanation. Its gold is the rubric."""
    rubric, facts, verdict = rubric_of(draft.basis, draft.question, draft.answer)
    evidence, evidence_verdict = locate(draft.evidence, document)
    verdicts = [verdict, *_of_question(draft, None, question, writing, judged=judged)]
    verdicts.append(evidence_verdict)
    for one in (*facts.must, *facts.must_not) if facts else ():
        verdicts.append(no_order(Evidence(one.start, one.end), document))
    if rubric is not None and facts is not None:
        verdicts += check_facts(rubric, facts, document, writing)
    return RuleResult(tuple(verdicts), rubric, evidence)


def _left_to_judge(writing: Writing, judged: bool) -> Verdict:
    """What stands in place of the English rule: passed if a judge reads it, else refused."""
    detail = f"the rule knows English, and the document's language is {writing.language}"
    reason = None if judged else "needs_a_judge"
    return Verdict("stands_alone", judged, reason, detail)
