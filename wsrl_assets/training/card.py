"""What a proof adds to a release's card where it is pushed: a table, and what it shows."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wsrl_assets.training.comparisons import Finding
from wsrl_assets.training.errors import ProofError
from wsrl_assets.training.page import FIGURES, PAGE, share, words
from wsrl_assets.training.spec import MEASURES, Arm

CARD = "README.md"
_PUSHED_PAGE = "proof.html"


def with_proof(release: Path, proof: Path) -> dict[str, bytes]:
    """The files of a release that a proof adds or changes, by name: its card, page and figures.

    Args:
        release: folder of the release, which stays as it is.
        proof: folder of the proof, as `wsrl prove` names it.

    Raises:
        ProofError: it is no proof, or one of another release.
    """
    try:
        raw = (proof / FIGURES).read_bytes()
        page = (proof / PAGE).read_bytes()
        figures = json.loads(raw)
    except (OSError, ValueError) as error:
        raise ProofError(
            f'"{proof}" holds no finished proof ({error}): name the folder that `wsrl prove` prints'
        ) from None
    if figures.get("release") != release.name:
        raise ProofError(
            f'"{proof}" is of release {figures.get("release")}, not of {release.name}: run '
            f"`wsrl prove --release {release.name}`"
        )
    card = (release / CARD).read_text("utf-8").rstrip("\n")
    text = f"{card}\n\n{card_section(figures)}"
    return {CARD: text.encode(), FIGURES: raw, _PUSHED_PAGE: page}


def card_section(figures: Mapping[str, Any]) -> str:
    """A proof as a section in Markdown, every word and number from its `proof.json`."""
    return "\n".join(_lines(figures))


def _lines(figures: Mapping[str, Any]) -> Iterator[str]:
    facts, spec = figures["data"], figures["spec"]
    held_out = (
        "the test split of this release"
        if facts["is_test_split"]
        else "documents of this release that the proof held out, since it has no test split"
    )
    yield "## Proof by training"
    yield ""
    yield (
        f"`{_plain(figures['model'])}`, trained in each way on the same documents, and asked "
        f"{facts['questions']} questions on {facts['question_documents']} documents of {held_out}. "
        f"GRPO: {spec['grpo']['steps']} steps of {spec['grpo']['batch']} prompts with "
        f"{spec['generations']} completions. One model and these sizes: nothing is said of others."
    )
    yield ""
    if figures["missing"]:
        yield f"Not finished: {', '.join(map(words, figures['missing']))}."
        yield ""
    yield f"| arm | seeds | {' | '.join(map(words, MEASURES))} |"
    yield f"| --- | --: |{' --: |' * len(MEASURES)}"
    for row in figures["rows"]:
        shots = f" ({words(row['shots'])})" if row["arm"] == Arm.BASE else ""
        cells = [share(row["figures"].get(measure)) for measure in MEASURES]
        yield f"| {words(row['arm'])}{shots} | {len(row['seeds'])} | {' | '.join(cells)} |"
    yield ""
    yield from _findings(figures)
    yield ""
    yield f"All figures, intervals and budgets: `{_PUSHED_PAGE}` and `{FIGURES}`."
    yield ""


def _findings(figures: Mapping[str, Any]) -> Iterator[str]:
    found = figures["comparisons"]
    beyond = [c for c in found if c["finding"] != Finding.WITHIN]
    yield (
        f"{len(beyond)} of {len(found)} differences are beyond their 95 % interval (paired "
        f"bootstrap by document){':' if beyond else '.'}"
    )
    if beyond:
        yield ""
    for c in beyond:
        mean, low, high = (100 * c["difference"][name] for name in ("mean", "low", "high"))
        yield (
            f"- {words(c['arm'])} is {c['finding']} than {words(c['other'])} on "
            f"{words(c['measure'])}: {mean:+.1f} points ({low:+.1f} to {high:+.1f})"
        )
    yield ""
    gains = ", ".join(map(words, figures["control_gains"]))
    if Arm.GRPO_SHUFFLED in figures["missing"]:
        yield "The control with shuffled golds was not finished."
    elif gains:
        yield (
            f"The control with shuffled golds beats the base on {gains}: gains of other arms there "
            "need not be knowledge."
        )
    else:
        yield "The control with shuffled golds beats the base on no figure."


def _plain(name: str) -> str:
    return str(name).replace("`", "").replace("\n", " ")
