"""Every table of the engine, as row dataclasses.

A table lives in the file of the partition that writes it: the shard tables in
`shards/<shard>.duckdb`, the domain tables in `domains/<domain>.duckdb`, the rest in `library/`.
Ids are content hashes (32 hex characters), so a rerun makes the same ones.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from wsrl_assets.storage.schema import Row, column
from wsrl_assets.taxonomy.opinions import Fault, Opinion
from wsrl_assets.taxonomy.stages import STAGES, Stage, table_of


class Status(StrEnum):
    """What became of a row at a stage. `pending` is never stored: it is the absence of a row."""

    KEPT = "kept"
    REJECTED = "rejected"
    FAILED = "failed"


def utc_now() -> datetime:
    """The time now, in UTC, for `created_at`."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Outcome(Row):
    """What every stage row carries: its outcome and where it came from."""

    status: Status = column("kept, rejected by a check, or failed by a fault", default=Status.KEPT)
    reason: str | None = column("one word for why the row was rejected or failed", default=None)
    detail: str | None = column("the figure or sentence behind the reason", default=None)
    recipe: str = column("hash of prompt version, model and settings; see table recipes")
    model: str | None = column("model that produced the row, none for rules", default=None)
    run_id: str = column("Dagster run, or command, that wrote the row")
    created_at: datetime = column("when the row was written (UTC)")


@dataclass(frozen=True, kw_only=True)
class Shard(Row):
    """One registered input file (or folder of texts)."""

    TABLE = "shards"
    KEY = ("shard",)

    shard: str = column("partition key: file name and content hash")
    path: str = column("where the file was when it was registered")
    members: tuple[str, ...] = column("files below path that it is made of, if several", default=())
    sha256: str = column("hash of the content, hex")
    size_bytes: int = column("size in bytes")
    text_column: str | None = column("column that holds the text, none to guess", default=None)
    registered_at: datetime = column("when the shard was registered (UTC)")
    source_rows: int | None = column("rows in the file, once it was read to the end", default=None)
    ingest_recipe: str | None = column("recipe of the completed ingest", default=None)
    rows_read: int | None = column("rows before the fault that ended the last try", default=None)
    fault: str | None = column("one word for that fault, none if there was none", default=None)
    fault_detail: str | None = column("the fault in a sentence", default=None)
    forgotten_at: datetime | None = column("when it was withdrawn (UTC)", default=None)


@dataclass(frozen=True, kw_only=True)
class SourceDocument(Outcome):
    """One passage of one source row; a dropped row is kept here with its reason."""

    TABLE = "source_documents"
    KEY = ("source_row", "passage")

    shard: str = column("shard that the row came from")
    source_row: int = column("line or row number in the shard, from 1")
    passage: int = column("number of the passage in its source row, from 0")
    doc_id: str = column("content hash of the passage's normalised text")
    parent_id: str = column("content hash of the whole source row")
    title: str | None = column("title given by the source, if any", default=None)
    text: str | None = column("normalised text of the passage", long=True)
    char_start: int = column("offset of the passage in its normalised source row, characters")
    char_end: int = column("end offset, exclusive, characters")
    tokens: int = column("estimated model tokens of the passage")
    metadata: str = column("other columns of the source row, as a JSON object", long=True)
    language: str | None = column("ISO 639 code of its language, if it is known", default=None)


@dataclass(frozen=True, kw_only=True)
class TriagedDocument(Outcome):
    """The one reading that qualifies a document and names its domain (paper, stages 1 and 2)."""

    TABLE = "triaged_documents"
    KEY = ("doc_id",)

    doc_id: str = column("document")
    qualified: bool | None = column("whether the document may feed questions", default=None)
    domain: str | None = column("domain slug", default=None)
    explanation: str | None = column(
        "the title that the model gave it, in rows of older versions", default=None
    )


@dataclass(frozen=True, kw_only=True)
class FilteredDocument(Outcome):
    """A domain's qualified document, less near-duplicates."""

    TABLE = "filtered_documents"
    KEY = ("doc_id",)

    doc_id: str = column("document")
    parent_id: str = column("content hash of the source row that the document is a passage of")
    cluster_id: str = column("the kept document that it is, or is a near-duplicate of")
    shard: str = column("shard that the document came from")
    source_row: int = column("line or row number in the shard, from 1")
    passage: int = column("number of the passage in its source row, from 0")
    title: str | None = column("title given by the source, if any", default=None)
    text: str = column("normalised text", long=True)
    tokens: int = column("estimated model tokens")
    metadata: str = column("other columns of the source row, as a JSON object", long=True)
    minhash: bytes = column("MinHash signature of word 5-grams, little-endian uint32")


@dataclass(frozen=True, kw_only=True)
class Personas(Outcome):
    """Up to three readers who would care about a document (paper, stage 2). A row a document."""

    TABLE = "personas"
    KEY = ("doc_id",)

    doc_id: str = column("document")
    personas: tuple[str, ...] = column("the readers, each a phrase")


@dataclass(frozen=True, kw_only=True)
class QADraft(Outcome):
    """One question and short answer for one document, persona and form (paper, stage 3)."""

    TABLE = "qa_drafts"
    KEY = ("draft_id",)

    draft_id: str = column("hash of document, persona, form and recipe")
    doc_id: str = column("document")
    persona_index: int = column("which of the document's personas, from 0")
    persona: str = column("the persona")
    form: str = column(
        "open, cloze, multiple_choice, computed, unanswerable, multi_hop, rubric or cross_document"
    )
    question: str | None = column("the question, which must stand alone", long=True, default=None)
    answer: str | None = column("the short gold answer as written", default=None)
    answer_type: str | None = column("answer type of the reward", default=None)
    unit: str | None = column("unit of a quantity, currency of money", default=None)
    choices: tuple[str, ...] = column("options of a choice, in their order", default=())
    evidence: str | None = column("quote from the document", long=True, default=None)
    basis: str | None = column(
        "facts and query of a computed answer, what the kin answers to an unanswerable question,"
        " the two facts of a multi_hop or cross_document one, what is typed at Python's prompt, or"
        " the facts of a rubric with their places, JSON",
        long=True,
        default=None,
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check said of one pair."""

    check: str
    passed: bool
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True, kw_only=True)
class VerifiedPair(Outcome):
    """A draft with the verdict of every check that ran; kept only if all of them passed."""

    TABLE = "verified_pairs"
    KEY = ("pair_id",)

    pair_id: str = column("same as draft_id")
    doc_id: str = column("document")
    gold: str | None = column("typed gold answer, JSON, as the reward reads it", default=None)
    evidence_start: int | None = column("offset of the evidence in the document", default=None)
    evidence_end: int | None = column("end offset, exclusive", default=None)
    round_trip_answer: str | None = column("open-book answer of another call", default=None)
    verdicts: tuple[Verdict, ...] = column("every check that ran, in order")


@dataclass(frozen=True, kw_only=True)
class Rollout(Row):
    """One closed-book answer of a policy to a verified pair, with its score."""

    TABLE = "rollouts"
    KEY = ("pair_id", "recipe", "sample")

    pair_id: str = column("verified pair")
    recipe: str = column("hash of policy, sampling and prompt; see table recipes")
    sample: int = column("which of the pair's rollouts, from 0; seeds the sampling")
    response: str = column("what the policy wrote", long=True)
    truncated: bool = column("whether it was cut off at the most tokens allowed")
    completion_tokens: int = column("its length, as the server counted")
    score: int = column("1 if the reward accepts it, else 0; 0 if it was cut off")
    reason: str = column("the reward's reason, or truncated")
    extracted: str | None = column("the final answer that was scored", default=None)
    model: str | None = column("the policy")
    run_id: str = column("run that made it")
    created_at: datetime = column("when it came back (UTC)")


@dataclass(frozen=True, slots=True)
class FailureCount:
    """A way in which rollouts failed: the reason, how many, and a final answer that was given."""

    reason: str
    rollouts: int
    example: str | None = None


@dataclass(frozen=True, kw_only=True)
class PassRate(Outcome):
    """How often a policy answers a verified pair closed-book; failed if a rollout had no reply."""

    TABLE = "pass_rates"
    KEY = ("pair_id",)

    pair_id: str = column("verified pair")
    rollouts: int = column("rollouts that were scored")
    passed: int = column("of these, accepted by the reward")
    pass_rate: float | None = column("passed / rollouts, none if rollouts are missing")
    truncated: int = column("of these, cut off at the most tokens allowed")
    completion_tokens_mean: float | None = column("mean length of a rollout, tokens")
    completion_tokens_max: int | None = column("longest rollout, tokens")
    misses: tuple[FailureCount, ...] = column("why rollouts failed, most frequent reason first")
    rollout_recipe: str = column("recipe of its rollouts, which does not tell their number")


@dataclass(frozen=True, kw_only=True)
class FinalSplit(Outcome):
    """A verified pair's place in the release, or why it has none."""

    TABLE = "final_splits"
    KEY = ("pair_id",)

    pair_id: str = column("verified pair")
    doc_id: str = column("document")
    question_id: str = column("content hash of the normalised question")
    cluster_id: str | None = column(
        "the kept pair whose question it asks, itself if it is kept", default=None
    )
    benchmark: str | None = column("benchmark file that it overlaps", default=None)
    split: str | None = column("train, validation or test", default=None)


@dataclass(frozen=True, kw_only=True)
class SftWarmup(Outcome):
    """A pair that is held out from every release, and a response to it for supervised training."""

    TABLE = "sft_warmup"
    KEY = ("pair_id",)

    pair_id: str = column("verified pair of the train split")
    response: str | None = column(
        "chain of thought and answer, as a policy would write them", long=True, default=None
    )


@dataclass(frozen=True, kw_only=True)
class LLMCall(Row):
    """The ledger: one row per call that ended, however often it was attempted."""

    TABLE = "llm_calls"
    KEY = ("call_id",)
    IS_APPENDED = True

    call_id: str = column("unique id of the call")
    stage: str = column("asset that the call was for")
    step: str = column("what the call asked: triage, personas, open, judge, rollout and so on")
    role: str = column("triage, generator, judge or policy")
    row_id: str = column("id of the row that the call was for")
    recipe: str = column("recipe of the call")
    model: str = column("model that answered")
    prompt_tokens: int = column("prompt tokens over all attempts, as the server counted")
    cached_tokens: int = column("of these, read from the prefix cache")
    completion_tokens: int = column("completion tokens over all attempts")
    latency_ms: float = column("first send to last byte, milliseconds")
    attempts: int = column("requests sent")
    finish_reason: str | None = column("finish reason of the last attempt", default=None)
    error: str | None = column("why the call failed, none if it did not", default=None)
    reply: str | None = column(
        "what the model wrote last, up to 20,000 characters; none for rollouts, which have it",
        long=True,
        default=None,
    )
    cost: float = column("price of the tokens, in the unit of the price settings")
    run_id: str = column("run that made the call")
    created_at: datetime = column("when the call ended (UTC)")


@dataclass(frozen=True, kw_only=True)
class Recipe(Row):
    """What a recipe hash stands for."""

    TABLE = "recipes"
    KEY = ("recipe",)

    recipe: str = column("hash")
    stage: str = column("asset that uses it")
    body: str = column("prompt version, model, sampling and settings, JSON", long=True)
    created_at: datetime = column("first used (UTC)")


@dataclass(frozen=True, kw_only=True)
class DemonstrationRow(Row):
    """A few-shot example of the library."""

    TABLE = "demonstrations"
    KEY = ("demonstration_id",)

    demonstration_id: str = column("id in the library's file")
    domain: str = column("domain slug")
    version: int = column("version of the file")
    passage: str = column("the short passage", long=True)
    persona: str = column("the persona asked for")
    question: str = column("the question")
    answer: str = column("the short answer")
    answer_type: str = column("answer type of the reward")
    evidence: str = column("verbatim quote from the passage")
    created_at: datetime = column("when it was loaded (UTC)")


@dataclass(frozen=True, kw_only=True)
class BenchmarkFile(Row):
    """An evaluation benchmark that releases are kept clean of."""

    TABLE = "benchmark_files"
    KEY = ("benchmark",)

    benchmark: str = column("name of the file")
    digest: str = column("hash of the file's content, the columns that were read and the rules")
    items: int = column("rows read")
    questions: int | None = column("of these, rows with a question", default=None)
    answers: int | None = column("of these, rows with a short answer", default=None)
    created_at: datetime = column("when it was loaded (UTC)")


@dataclass(frozen=True, kw_only=True)
class BenchmarkItem(Row):
    """One row of a benchmark, for the rules that compare whole questions."""

    TABLE = "benchmark_items"
    KEY = ("benchmark", "item")

    benchmark: str = column("file that it comes from")
    item: int = column("row or line number in the file, from 1")
    ngrams: int = column("distinct short n-grams of its question")
    answer_hash: int | None = column("hash of its normalised answer, if it has one", default=None)


@dataclass(frozen=True, kw_only=True)
class BenchmarkNgram(Row):
    """A hashed word n-gram of an evaluation benchmark."""

    TABLE = "benchmark_ngrams"
    KEY = ("ngram_hash", "n", "benchmark", "item")

    ngram_hash: int = column("hash of the n-gram, 64 bits")
    n: int = column("words in the n-gram; 0 for a whole question")
    benchmark: str = column("file that it comes from")
    item: int = column("row or line number in the file, from 1")


@dataclass(frozen=True, kw_only=True)
class Takedown(Row):
    """A document that was withdrawn for good, from whichever shard it comes."""

    TABLE = "takedowns"
    KEY = ("doc_id",)

    doc_id: str = column("document")
    matched: str = column("what it was withdrawn by: an id, or a pattern of its metadata")
    created_at: datetime = column("when it was withdrawn (UTC)")


@dataclass(frozen=True, kw_only=True)
class DocumentOwner(Row):
    """Which shard keeps a document: exact duplicates over all shards meet here."""

    TABLE = "document_owners"
    KEY = ("doc_id",)

    doc_id: str = column("document")
    shard: str = column("the shard that claimed it first")


@dataclass(frozen=True, kw_only=True)
class DocumentLink(Row):
    """Which near-duplicate cluster a passage of a source row is of, over all domains.

    A row of an exact duplicate, which no domain filters, has no cluster of its own: it is linked
    by its text.
    """

    TABLE = "document_links"
    KEY = ("doc_id", "parent_id")

    doc_id: str = column("document")
    parent_id: str = column("content hash of a source row that has it as a passage")
    cluster_id: str | None = column("kept document of its cluster", default=None)


@dataclass(frozen=True, kw_only=True)
class Signature(Row):
    """What was kept, over all domains: a document, or the question of a pair."""

    TABLE = "signatures"
    KEY = ("item_id",)

    item_id: str = column("document or pair")
    domain: str = column("domain slug")
    content_id: str = column("hash of its text; no two that are kept have the same")
    minhash: bytes = column("MinHash signature, little-endian uint32")
    guard: int | None = column("hash of what near-duplicates must have in common", default=None)
    vector: bytes | None = column("embedding of unit length, float16", default=None)
    vector_model: str | None = column("model of the embedding", default=None)


@dataclass(frozen=True, kw_only=True)
class SignatureBand(Row):
    """A hashed LSH band of a signature: those that share one are compared."""

    TABLE = "signature_bands"
    KEY = ("band", "item_id")

    band: int = column("hash of the band, its number and the guard, 64 bits")
    item_id: str = column("document or pair")


@dataclass(frozen=True, kw_only=True)
class SplitKey(Row):
    """What has been dealt to a split: whatever shares a key goes to the same one."""

    TABLE = "split_keys"
    KEY = ("deal", "kind", "key")

    deal: str = column("hash of shares and seed")
    kind: str = column("pair, source or cluster")
    key: str = column("a pair_id, parent_id of a source row, or cluster_id of documents")
    split: str = column("train, validation or test")


@dataclass(frozen=True, kw_only=True)
class DomainRecord(Row):
    """A domain that the home has, or had: in use, or retired."""

    TABLE = "domains"
    KEY = ("slug",)

    slug: str = column("names its partition and its files")
    label: str = column("its name, as models read it")
    definition: str = column("what belongs to it, as triage reads it")
    was: str | None = column("slug that it had before", default=None)
    added_at: datetime = column("when it was added (UTC)")
    retired_at: datetime | None = column("when it was retired (UTC)", default=None)


@dataclass(frozen=True, kw_only=True)
class DomainMove(Row):
    """Two domains of which one was added to take documents of the other."""

    TABLE = "domain_moves"
    KEY = ("source", "target")

    source: str = column("domain whose documents may move")
    target: str = column("domain that they may move to")
    since: datetime = column("documents triaged before are triaged again (UTC)")
    after: datetime | None = column(
        "but for those triaged before this, which had the choice (UTC)", default=None
    )


@dataclass(frozen=True, kw_only=True)
class InboxFile(Row):
    """A file of the inbox as it was at the last look at which it was new or had changed."""

    TABLE = "inbox_files"
    KEY = ("path",)

    path: str = column("where the file is")
    size_bytes: int = column("its size in bytes")
    version: str = column("its times of change, or a store's tag of its content")
    state: str = column("settling, registered, copy or refused")
    shard: str | None = column("shard with its content", default=None)
    number: int | None = column("how many files were registered before it", default=None)
    detail: str | None = column("what there is to say of it, a sentence", default=None)
    seen_at: datetime = column("when it was looked at (UTC)")


@dataclass(frozen=True, kw_only=True)
class ReleasedPair(Row):
    """Where a pair of the final splits went in the newest release."""

    TABLE = "released_pairs"
    KEY = ("pair_id",)

    pair_id: str = column("verified pair")
    domain: str = column("domain slug")
    release: str = column("name of the release, which is the hash of its content")
    status: Status = column("kept or rejected")
    reason: str | None = column("why it was left out", default=None)
    detail: str | None = column("what is behind the reason", default=None)
    created_at: datetime = column("when the release was made (UTC)")


@dataclass(frozen=True, kw_only=True)
class ReviewLabel(Row):
    """What one person says of one pair. No stage writes it."""

    TABLE = "review_labels"
    KEY = ("pair_id", "reviewer")

    pair_id: str = column("the pair")
    reviewer: str = column("who says it, by the name that they gave")
    verdict: Opinion | None = column("accept or reject, none for a note alone", default=None)
    reason: Fault | None = column("why it is rejected", default=None)
    note: str | None = column("what else there is to say", long=True, default=None)
    created_at: datetime = column("when it was said (UTC)")


@dataclass(frozen=True, kw_only=True)
class ReviewSample(Row):
    """A pair that was drawn to be read by people."""

    TABLE = "review_samples"
    KEY = ("sample", "pair_id")

    sample: str = column("name of the sample")
    pair_id: str = column("the pair")
    place: int = column("where it comes in the sample, from 1")
    created_at: datetime = column("when the sample was drawn (UTC)")


SHARD_TABLES: tuple[type[Row], ...] = (Shard, SourceDocument, TriagedDocument, LLMCall, Recipe)
DOMAIN_TABLES: tuple[type[Row], ...] = (
    FilteredDocument,
    Personas,
    QADraft,
    VerifiedPair,
    Rollout,
    PassRate,
    FinalSplit,
    SftWarmup,
    LLMCall,
    Recipe,
)


@dataclass(frozen=True, kw_only=True)
class TestedGold(Row):
    """A gold answer that went through the reward's self-test, which a release asks for."""

    __test__ = False
    TABLE = "tested_golds"
    KEY = ("gold_id",)

    gold_id: str = column("content hash of the gold as JSON")
    reward: str = column("version of the reward that tested it")
    fault: str | None = column("why it failed, none if it passed", default=None)


LIBRARY_TABLES: tuple[type[Row], ...] = (
    DemonstrationRow,
    BenchmarkFile,
    BenchmarkItem,
    BenchmarkNgram,
    ReleasedPair,
    Takedown,
    DocumentOwner,
    DocumentLink,
    DomainRecord,
    DomainMove,
    Signature,
    SignatureBand,
    SplitKey,
    InboxFile,
    ReviewLabel,
    ReviewSample,
    TestedGold,
)
ALL_TABLES: tuple[type[Row], ...] = tuple(
    dict.fromkeys((*SHARD_TABLES, *DOMAIN_TABLES, *LIBRARY_TABLES))
)
STAGE_TABLES: dict[Stage, type[Row]] = {
    stage: row_type
    for stage in STAGES
    for row_type in ALL_TABLES
    if table_of(stage) == row_type.TABLE
}
"""The table of each stage's rows."""
