"""What the simulated model says in the benchmarks: cheap replies that pass every rule.

A drafted question asks for the one number of a sentence of the document in the prompt, so the form,
leak and grounding checks pass and the judge and the round trip are really called. Only prompts of
`engine_corpus` articles are understood.
"""

import json
import os
import re
import zlib
from pathlib import Path
from random import Random
from typing import Any

from wsrl_assets.taxonomy.domains import Domain

BODIES_TO = "BENCHMARK_BODIES"
_DOCUMENT = re.compile(r"<document>\n(.*?)\n</document>", re.DOTALL)
_GAP = "N"
_QUESTION = re.compile(rf"stands for in \"([^\"]*)\b{_GAP}\b([^\"]*)\"")
_FACT = re.compile(r"[^.\n\d]*(\d+)[^.\n\d]*\.")
_NUMBER = re.compile(r"\d+")
_LABELS = [domain.label for domain in Domain]
# About what a triage of web text drops; enough that the rejected path is walked too.
_BOILERPLATE_IN_100 = 3
_READERS = (
    "a local historian who dates the buildings of small river towns",
    "a bridge inspector looking for figures on old stone structures",
    "a schoolteacher preparing a quiz on regional trade and crafts",
    "a travel writer checking what can still be visited today",
    "a statistician who gathers early census and market counts",
    "an ornithologist tracing where river birds were once recorded",
)
_JUDGED_QUESTION = json.dumps(
    {
        "reason": "The sentence names the place, the people and the thing counted; a gap asks.",
        "failure": "none",
        "not_leaked": True,
        "stands_alone": True,
    }
)
_JUDGED_SUPPORTED = json.dumps(
    {
        "reason": "The sentence in the document states exactly this number and no other.",
        "supported": True,
        "other_answer": "",
        "only_answer": True,
    }
)


def reply(body: dict[str, Any], rng: Random) -> str:
    """The reply to a request of ours, or of the authors' way; by the name of its schema."""
    asked = body["response_format"]["json_schema"]
    prompt = body["messages"][-1]["content"]
    match asked["name"]:
        case "triage":
            return _triage(_document(prompt))
        case "identify":
            document = _document(prompt)
            return json.dumps({"domain": _domain(document), "personas": _personas(3, rng)})
        case "personas":
            count = asked["schema"]["properties"]["personas"]["minItems"]
            return json.dumps({"personas": _personas(count, rng)})
        case "open":
            return _draft(_document(prompt), rng)
        case "judge_question":
            return _JUDGED_QUESTION
        case "judge_supported":
            return _JUDGED_SUPPORTED
        case "round_trip":
            return _open_book_answer(prompt)
    raise ValueError(f"the benchmark's model knows no schema {asked['name']!r}")


def recording_reply(body: dict[str, Any], rng: Random) -> str:
    """The same, and a line with the request in the file that `BENCHMARK_BODIES` names."""
    with Path(os.environ[BODIES_TO]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(body) + "\n")
    return reply(body, rng)


def _document(prompt: str) -> str:
    found = _DOCUMENT.search(prompt)
    if found is None:
        raise ValueError("there is no document in the prompt")
    return found.group(1)


def _triage(document: str) -> str:
    boilerplate = zlib.crc32(document[::-7].encode()) % 100 < _BOILERPLATE_IN_100
    return json.dumps(
        {
            "domain": _domain(document),
            "qualified": not boilerplate,
            "fault": "boilerplate" if boilerplate else "none",
        }
    )


def _domain(document: str) -> str:
    return _LABELS[zlib.crc32(document.encode()) % len(_LABELS)]


def _personas(count: int, rng: Random) -> list[str]:
    return rng.sample(_READERS, count)


def _draft(document: str, rng: Random) -> str:
    fact = rng.choice(list(_FACT.finditer(document)))
    sentence = fact.group().strip()
    answer = fact.group(1)
    blanked = _NUMBER.sub(_GAP, sentence)
    return json.dumps(
        {
            "evidence": sentence,
            "answer": answer,
            "answer_type": "integer",
            "unit": None,
            "question": f'What is the number that {_GAP} stands for in "{blanked}"?',
        }
    )


def _open_book_answer(prompt: str) -> str:
    asked = _QUESTION.search(prompt)
    if asked is None:
        raise ValueError("the question has no gap")
    before, after = map(re.escape, asked.groups())
    found = re.search(rf"{before}(\d+){after}", prompt)
    return json.dumps({"answer": found.group(1) if found else "unknown"})
