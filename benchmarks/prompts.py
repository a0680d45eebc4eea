"""Which layout of the drafting prompt suits a model: `python -m benchmarks.prompts`.

The documents are those of a JSON-lines file (`--corpus`; `text` and, if it has one, `domain`), or
the sample corpus. Each is drafted from in every layout, for the same readers and with the same
seeds. The table says, for each layout and model: how many drafts pass our rules, how many of those
a judge passes too, the tokens of drafting for one such pair, the share of prompt tokens from the
prefix cache, and the words that failures have in common.

The cached share is as the server counts, with the drafts of documents next to each other and the
layouts one after another; llama.cpp's server does not share a prefix between its slots as
vLLM does. In a run of the pipeline `document_first` gains more, since triage, personas and
judge read the same prefix.

    python -m benchmarks.prompts --endpoint http://127.0.0.1:8000/v1 --corpus mine.jsonl
    python -m benchmarks.prompts --endpoint URL,small --endpoint URL,large --judge URL,large

A key is read from WSRL_LLM_API_KEY.
"""

import argparse
import asyncio
import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr

from benchmarks.engine_report import heading, note, percent, table
from benchmarks.multiple_choice import sample_documents
from wsrl_assets.generation.drafting import STAGE, Drafter, DraftJob
from wsrl_assets.generation.library import load_library
from wsrl_assets.llm.engine import Engine
from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.recipes import Provenance, rule_recipe
from wsrl_assets.llm.roles import Role, RoleSettings
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.storage.schema import Row
from wsrl_assets.storage.tables import LLMCall, QADraft, Status
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.taxonomy.layouts import Layout
from wsrl_assets.text.language import Writing
from wsrl_assets.text.normalisation import stable_hash
from wsrl_assets.verification import verify
from wsrl_assets.verification.judge import Case, JudgePolicy, judge
from wsrl_assets.verification.verify import Draft, check_rules

# The same for every document, so that a layout is all that differs.
READERS = (
    "a teacher who wants to set a question for a quiz",
    "an editor who wants to check a figure",
    "a student who wants to know who did what",
)
_CHARS = 6000
_COLUMNS = (
    "model",
    "layout",
    "drafts",
    "by rules",
    "by judge",
    "tokens",
    "tokens a pair",
    "cached",
)


@dataclass(frozen=True, slots=True)
class Document:
    """What is drafted from."""

    doc_id: str
    text: str
    domain: Domain


@dataclass(slots=True)
class Result:
    """What a layout came to on a model.

    Attributes:
        drafts: questions asked for.
        by_rules: of these, those that our rules pass.
        by_judge: of these, those that the judge passes; none if there is none.
        reasons: why the others failed, by the first reason.
        calls: of drafting alone.
    """

    drafts: int = 0
    by_rules: int = 0
    by_judge: int | None = None
    reasons: Counter[str] = field(default_factory=Counter)
    calls: list[LLMCall] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens of drafting."""
        return sum(call.prompt_tokens + call.completion_tokens for call in self.calls)

    @property
    def cached_share(self) -> float:
        """Of prompt tokens, those from the cache."""
        prompt = sum(call.prompt_tokens for call in self.calls)
        return sum(call.cached_tokens for call in self.calls) / prompt if prompt else 0.0

    def row(self, model: str, layout: Layout) -> list[str]:
        """The cells of its row in the table."""
        valid = self.by_rules if self.by_judge is None else self.by_judge
        each = f"{self.tokens // valid:,}" if valid else "-"
        judged = "-" if self.by_judge is None else str(self.by_judge)
        cells = [self.drafts, self.by_rules, judged, f"{self.tokens:,}", each]
        return [model, layout, *(str(cell) for cell in cells), percent(self.cached_share)]


async def measure(
    documents: Sequence[Document],
    layout: Layout,
    generator: RoleSettings,
    judged_by: RoleSettings | None,
    readers: Sequence[str] = READERS,
) -> Result:
    """Drafts from all documents in a layout, and checks what comes of it.

    Raises:
        EndpointError: an endpoint cannot be used.
    """
    result = Result(by_judge=None if judged_by is None else 0)

    def record(*rows: Row) -> None:
        drafting = (row for row in rows if isinstance(row, LLMCall) and row.stage == STAGE)
        result.calls.extend(drafting)

    roles = {Role.GENERATOR: generator} | ({Role.JUDGE: judged_by} if judged_by else {})
    with TemporaryDirectory() as folder:
        engine = Engine(roles, record=record, run_id="benchmark", limiter_folder=Path(folder))
        async with engine:
            await _draft_all(engine, documents, layout, readers, result)
    return result


async def _draft_all(
    engine: Engine,
    documents: Sequence[Document],
    layout: Layout,
    readers: Sequence[str],
    result: Result,
) -> None:
    drafts = StageModel(engine, Provenance(rule_recipe(STAGE, "1"), "benchmark"))
    verdicts = StageModel(engine, Provenance(rule_recipe(verify.STAGE, "1"), "benchmark"))
    drafter = Drafter({Form.OPEN: drafts}, load_library(), layout)

    async def work(document: Document) -> None:
        async def then(row: QADraft) -> None:
            await _check(row, document, result, verdicts)

        await drafter.draft_all(_jobs(document, readers), then)

    for document in documents:
        await work(document)


async def _check(row: QADraft, document: Document, result: Result, judges: StageModel) -> None:
    result.drafts += 1
    if row.status is not Status.KEPT:
        result.reasons[row.reason or "failed"] += 1
        return
    writing = Writing.of(document.text)
    found = check_rules(Draft.of(row), document.text, writing).verdicts
    failed = next((verdict for verdict in found if not verdict.passed), None)
    if failed is None:
        result.by_rules += 1
    if failed is None and result.by_judge is not None:
        case = Case(row.draft_id, row.question or "", row.answer or "", document.text)
        try:
            found = await judge(case, JudgePolicy(), judges)
        except RowError as fault:
            result.reasons[fault.reason] += 1
            return
        failed = next((verdict for verdict in found if not verdict.passed), None)
        result.by_judge += failed is None
    if failed is not None:
        result.reasons[failed.reason or failed.check] += 1


def _jobs(document: Document, readers: Sequence[str]) -> list[DraftJob]:
    return [
        DraftJob(
            doc_id=document.doc_id,
            title=None,
            text=document.text,
            domain=document.domain,
            persona_index=index,
            persona=reader,
            personas=len(readers),
            form=Form.OPEN,
        )
        for index, reader in enumerate(readers)
    ]


def _documents(corpus: Path | None, count: int) -> list[Document]:
    """The first documents of a file, or of the sample corpus in an order by hash, cut in length."""
    if corpus is None:
        found = [(one.text, Domain.OTHER) for one in sample_documents()]
        found.sort(key=lambda pair: stable_hash(pair[0]))
    else:
        lines = (json.loads(line) for line in corpus.read_text("utf-8").splitlines() if line)
        found = [(row["text"], Domain(row.get("domain", Domain.OTHER))) for row in lines]
    return [Document(stable_hash(t), t[:_CHARS], domain) for t, domain in found[:count]]


def endpoint_of(given: str) -> RoleSettings:
    """The endpoint of `URL` or `URL,MODEL`, with the key of the environment."""
    url, _, model = given.partition(",")
    key = os.environ.get("WSRL_LLM_API_KEY")
    return RoleSettings(url, model=model or None, api_key=SecretStr(key) if key else None)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--endpoint", action="append", required=True, help="URL, or URL,MODEL")
    parser.add_argument("--judge", help="URL, or URL,MODEL; no judge if not given")
    parser.add_argument("--corpus", type=Path, help="JSON lines with text")
    parser.add_argument("--documents", type=int, default=20)
    parser.add_argument("--readers", type=int, default=len(READERS), help="drafts of a document")
    parser.add_argument("--layouts", nargs="+", type=Layout, default=list(Layout))
    given = parser.parse_args(arguments)
    documents = _documents(given.corpus, given.documents)
    judged_by = endpoint_of(given.judge) if given.judge else None
    heading(f"Layouts of the drafting prompt, {len(documents)} documents")
    rows = []
    for endpoint in given.endpoint:
        for layout in given.layouts:
            readers = READERS[: given.readers]
            found = asyncio.run(
                measure(documents, layout, endpoint_of(endpoint), judged_by, readers)
            )
            rows.append(found.row(endpoint.partition(",")[2] or endpoint, layout))
            said = ", ".join(f"{word} {n}" for word, n in found.reasons.most_common(6))
            print(f"{layout}: {' '.join(rows[-1][2:])}; {said}", flush=True)
    table(_COLUMNS, rows)
    note("tokens: prompt and completion of drafting; a pair: passed by the judge, if there is one.")


if __name__ == "__main__":
    main()
