"""Few-shot examples: through the checks that drafts go through, and drafted from verified pairs."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from wsrl_assets.errors import UserError
from wsrl_assets.generation.library import Demonstration, LibraryError, LibraryFile, LibrarySource
from wsrl_assets.generation.sentences import all_sentences
from wsrl_assets.llm.untrusted import as_text
from wsrl_assets.reward import AnswerType, parse_gold, self_test
from wsrl_assets.storage import Partition, PartitionKind, Store, catalog
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.text.highlight import printable
from wsrl_assets.text.language import Writing
from wsrl_assets.text.normalisation import one_line, shortened
from wsrl_assets.text.yaml_files import did_you_mean, parse_yaml
from wsrl_assets.verification.form import answer_is_not_persona, question_form, typed_gold
from wsrl_assets.verification.grounding import answer_in, locate
from wsrl_assets.verification.leakage import leak
from wsrl_assets.verification.self_containment import stands_alone
from wsrl_assets.verification.verify import Draft, check_rules

SUFFIX = ".proposed.yaml"
"""Ends the name of a file of proposals: no domain is called so, and no run reads it by mistake."""
_CANDIDATES = 40
_PASSAGE_CHARS = 700
_LONGEST_PASSAGE = 1_400
_ANY_READER = "a curious reader"
_SAID_CHARS = 200

REMEDIES: Mapping[str, str] = {
    "file": "Compare the files in wsrl_assets/generation/demonstrations.",
    "file_name": "Name it by its domain; check a file of proposals by its own path.",
    "row": "Compare the rows in wsrl_assets/generation/demonstrations.",
    "id": "Give the row an id of its own.",
    "answer_form": "Give a short answer of the type that the row states, or state another type.",
    "aliases": "Write each alias as an answer of the same type, or leave it out.",
    "question_form": "Ask one whole question of 5 to 120 words, with a question mark at its end.",
    "stands_alone": "Name all that the question is about: who answers it has not seen the passage.",
    "leak": "Take the answer out of the question.",
    "answer_not_persona": "Ask for something of the passage, and not for the reader.",
    "evidence": "Quote the passage word for word, four words or more.",
    "no_order": "Take another passage: this one gives orders to a model.",
    "answer_in_evidence": "Quote the part of the passage that holds the answer.",
    "choices": "Name each of the choices in the question.",
    "plain_text": "Take out what a chat template reads as a token, such as <|im_end|>.",
}
"""What to do about a fault, by the check that found it."""


class DraftError(UserError, ValueError):
    """Demonstrations that cannot be drafted; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault of a demonstration.

    Attributes:
        file: its name.
        row: number and id of the row; empty where the fault is of the file.
        check: what found it, a key of `REMEDIES`.
        said: the fault.
    """

    file: str
    row: str
    check: str
    said: str

    @property
    def remedy(self) -> str:
        return REMEDIES[self.check]


@dataclass(frozen=True, slots=True)
class Checked:
    """What files of demonstrations hold.

    Attributes:
        rows: by file, how many rows it has.
        findings: all faults, in order of the files.
    """

    rows: Mapping[str, int]
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class Drafted:
    """Demonstrations that are proposed for a domain.

    Attributes:
        domain: whose pairs they are made of.
        rows: the demonstrations, each with whether somebody accepted its pair in a review.
        left_out: candidates that make no demonstration by our checks, before these were found.
    """

    domain: Domain
    rows: Sequence[tuple[Demonstration, bool]]
    left_out: int


def sources_at(path: Path) -> list[LibrarySource]:
    """The files of a folder, each of the domain that it is named by, or one file of any name.

    Raises:
        LibraryError: there is no such folder or file, or the folder has no YAML files.
    """
    try:
        if path.is_file():
            return [LibrarySource(str(path), path.read_bytes(), None)]
        found = sorted(path.glob("*.yaml"))
        if not found:
            what = "no file NAME.yaml in it" if path.is_dir() else "no such folder or file"
            raise LibraryError(f'demonstrations "{path}": there is {what}; name another')
        return [LibrarySource(str(file), file.read_bytes(), file.stem) for file in found]
    except OSError as error:
        raise LibraryError(f'demonstrations "{path}": {error.strerror}; name another') from None


def check_sources(sources: Iterable[LibrarySource]) -> Checked:
    """Every row of some files through the checks that need no model."""
    rows: dict[str, int] = {}
    findings: list[Finding] = []
    ids: dict[str, str] = {}
    for source in sources:
        numbered, faults = _read(source)
        rows[source.name] = len(numbered)
        findings += faults
        for number, one in enumerate(numbered, 1):
            if one is None:
                continue
            place = f"row {number} ({_short(one.id)})"
            findings += [Finding(source.name, place, *fault) for fault in faults_of(one)]
            first = ids.setdefault(one.id, f"{source.name}, row {number}")
            if first != f"{source.name}, row {number}":
                findings.append(Finding(source.name, place, "id", f"the id is that of {first}"))
    return Checked(rows, findings)


def faults_of(one: Demonstration) -> list[tuple[str, str]]:
    """What our checks find wrong with a demonstration: check, and fault in words."""
    verdicts = _verdicts(one) if one.answer_type is not AnswerType.CHOICE else _of_choice(one)
    found = [(verdict.check, _said(verdict)) for verdict in verdicts if not verdict.passed]
    checked = {check for check, _ in found}
    if one.aliases and "answer_form" not in checked and not _are_aliases(one):
        found.append(("aliases", f"{', '.join(one.aliases)} do not pass for {one.answer}"))
    texts = (one.passage, one.persona, one.question, one.answer, one.unit or "", *one.aliases)
    if any(as_text(text) != text for text in texts) and "question_form" not in checked:
        found.append(("plain_text", "it spells a token of a chat template, or of our prompts"))
    return found


def draft_demonstrations(store: Store, domain: Domain, count: int) -> Drafted:
    """Up to so many demonstrations from the verified pairs of a domain, of different answer types.

    Of the train split alone: what a prompt shows must not come from a document of the others. Open
    questions alone, since no other form shows these examples. One a source document, pairs that
    somebody accepted in a review first; the same for the same home.

    Raises:
        DraftError: no pair makes one.
    """
    partition = Partition.domain(domain)
    found: list[dict[str, Any]] = []
    if store.exists(partition):
        with catalog(store, [partition, *store.partitions(PartitionKind.LIBRARY)]) as connection:
            rows = frame(
                connection, "demonstration_candidates", domain=str(domain), each=_CANDIDATES
            )
        found = rows.to_dicts()
    chosen: list[tuple[Demonstration, bool]] = []
    sources: set[str] = set()
    left_out = 0
    for row in _by_turns(found):
        if len(chosen) == count or row["parent_id"] in sources:
            continue
        one = _demonstration(row)
        if one is None or faults_of(one):
            left_out += 1
            continue
        sources.add(row["parent_id"])
        chosen.append((one, row["is_accepted"]))
    if not chosen:
        raise DraftError(_why_none(store, domain, len(found)))
    return Drafted(domain, chosen, left_out)


def drafted_file(drafted: Drafted) -> str:
    """A file of the library with the proposed rows, marked as such.

    Texts are of documents and models: each is a YAML scalar, which can be nothing else.
    """
    head = LibraryFile(version=1, domain=drafted.domain, demonstrations=())
    fields = head.model_dump(mode="json", exclude={"demonstrations"})
    rows = "".join(_entry(one, is_accepted) for one, is_accepted in drafted.rows)
    return f"{_HEAD.format(domain=drafted.domain)}{_dumped(fields)}demonstrations:\n{rows}"


_HEAD = """\
# PROPOSED by `wsrl demonstrations draft`, and not in use. Read each row; mend it, or remove it.
# Then run `wsrl demonstrations check` on this file, and put it into the folder of
# WSRL_DEMONSTRATIONS as {domain}.yaml, or its rows into the file that is there.
# An id ends in the pair that the row was made of: `wsrl trace` shows it.
"""


def _why_none(store: Store, domain: Domain, candidates: int) -> str:
    if candidates:
        return (
            f"none of {candidates} candidates in {domain.label} makes a demonstration: their "
            "evidence needs a longer passage, or a check refuses them. Write some by hand, like "
            "those in wsrl_assets/generation/demonstrations"
        )
    return (
        f"{store.home} has no pair of {domain.label} to draft from: it takes open questions that "
        "passed every check and are in the train split. Run `wsrl run` with WSRL_FORMS=open, or "
        "more documents"
    )


def _entry(one: Demonstration, is_accepted: bool) -> str:
    said = "accepted in a review" if is_accepted else "passed the checks; nobody has reviewed it"
    values = one.model_dump(mode="json", exclude_none=True)
    return f"  # {said}\n{textwrap.indent(_dumped([values]), '  ')}\n"


def _dumped(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=96)


def _read(source: LibrarySource) -> tuple[list[Demonstration | None], list[Finding]]:
    """The rows of a file, none in the place of one that breaks the schema, and what is wrong."""
    try:
        found = parse_yaml(source.data, "it", LibraryError)
    except LibraryError as error:
        return [], [Finding(source.name, "", "file", str(error))]
    if not isinstance(found, dict) or not isinstance(found.get("demonstrations"), list):
        said = "it must hold version, domain and demonstrations, a list"
        return [], [Finding(source.name, "", "file", said)]
    findings = [Finding(source.name, "", *fault) for fault in _of_head(found, source)]
    rows: list[Demonstration | None] = []
    for number, entry in enumerate(found["demonstrations"], 1):
        try:
            rows.append(Demonstration.model_validate(entry))
        except ValidationError as error:
            rows.append(None)
            name = entry.get("id") if isinstance(entry, dict) else None
            place = f"row {number}" + (f" ({_short(name)})" if isinstance(name, str) else "")
            findings += [Finding(source.name, place, "row", said) for said in _faults(error)]
    return rows, findings


def _of_head(found: Mapping[str, Any], source: LibrarySource) -> list[tuple[str, str]]:
    """Check and fault of what a file says before its rows."""
    if source.domain is not None and source.domain not in Domain:
        meant = did_you_mean(source.domain, list(Domain))
        said = f"no domain is called {_short(source.domain)}; {meant}There are {', '.join(Domain)}"
        return [("file_name", said)]
    try:
        head = LibraryFile.model_validate({**found, "demonstrations": []})
    except ValidationError as error:
        return [("file", said) for said in _faults(error)]
    if head.domain not in Domain:
        return [("file", f"key domain: no domain in use is called {head.domain}")]
    if source.domain not in (None, head.domain):
        said = f"it says domain {head.domain}, while the file is named {source.domain}"
        return [("file_name", said)]
    return []


def _faults(error: ValidationError) -> list[str]:
    found = []
    for item in error.errors(include_url=False, include_input=False):
        key = ".".join(str(part) for part in item["loc"])
        said = str(item["msg"]).removeprefix("Value error, ")
        found.append(_short(f"key {key}: {said}" if key else said, _SAID_CHARS))
    return found


def _verdicts(one: Demonstration) -> Sequence[Verdict]:
    draft = Draft(
        one.id,
        one.id,
        one.question,
        one.answer,
        one.answer_type,
        one.unit,
        one.evidence,
        persona=one.persona,
    )
    return check_rules(draft, one.passage, Writing.of(one.passage)).verdicts


def _of_choice(one: Demonstration) -> list[Verdict]:
    """The checks that hold for a choice, whose answer is a letter."""
    gold, form = typed_gold(one.answer, one.answer_type, one.unit, one.choices)
    _, evidence = locate(one.evidence, one.passage)
    missing = [choice for choice in one.choices if choice not in one.question]
    verdicts = [form, question_form(one.question), stands_alone(one.question), evidence]
    verdicts.append(Verdict("choices", not missing, "not_in_question", ", ".join(missing)))
    if gold is not None:
        verdicts += [leak(one.question, gold), answer_in(one.evidence, gold)]
        verdicts.append(answer_is_not_persona(gold, one.persona))
    return verdicts


def _are_aliases(one: Demonstration) -> bool:
    try:
        gold = parse_gold(one.answer, one.answer_type, one.unit, one.aliases, one.choices)
    except ValueError:
        return False
    return self_test(gold).ok


def _said(verdict: Verdict) -> str:
    reason = (verdict.reason or verdict.check).replace("_", " ")
    return _short(f"{reason} ({verdict.detail})" if verdict.detail else reason, _SAID_CHARS)


def _by_turns(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The first of each answer type, then the second of each, and so on; else in their order."""
    seen: Counter[str] = Counter()
    turns = []
    for row in rows:
        turns.append(seen[row["answer_type"]])
        seen[row["answer_type"]] += 1
    return [rows[place] for place in sorted(range(len(rows)), key=lambda n: (turns[n], n))]


def _demonstration(row: Mapping[str, Any]) -> Demonstration | None:
    """The demonstration that a pair makes, on the sentences around its evidence; none if there is
    no short passage."""
    passage = passage_around(row["text"], row["evidence_start"], row["evidence_end"])
    if passage is None:
        return None
    try:
        return Demonstration(
            id=f"proposed-{row['pair_id'][:12]}",
            passage=passage,
            persona=row["persona"] or _ANY_READER,
            question=row["question"],
            answer=row["answer"],
            answer_type=row["answer_type"],
            unit=row["unit"] if row["answer_type"] == row["drafted_type"] else None,
            evidence=row["text"][row["evidence_start"] : row["evidence_end"]],
        )
    except ValidationError:
        return None


def passage_around(text: str, start: int, end: int) -> str | None:
    """Whole sentences of a document around a part of it, some 700 characters where it has them.

    None where the sentences of the part alone are far longer.
    """
    sentences = all_sentences(text)
    touched = [n for n, one in enumerate(sentences) if one.start < end and start < one.end]
    if not touched:
        return None
    first, last = touched[0], touched[-1]
    while True:
        before = sentences[first - 1].start if first else None
        after = sentences[last + 1].end if last + 1 < len(sentences) else None
        if after is not None and after - sentences[first].start <= _PASSAGE_CHARS:
            last += 1
        elif before is not None and sentences[last].end - before <= _PASSAGE_CHARS:
            first -= 1
        else:
            break
    passage = text[min(start, sentences[first].start) : max(end, sentences[last].end)]
    return passage if len(passage) <= _LONGEST_PASSAGE else None


def _short(text: str, most: int = 60) -> str:
    return shortened(printable(one_line(text)), most)
