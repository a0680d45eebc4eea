"""Fails if code or documentation uses a phrase of `banned_phrases.txt`.

    python tools/check_language.py [FILE...]

Without files, it checks all tracked Python, Markdown, SQL, YAML and template files.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PHRASES = ROOT / "tools" / "banned_phrases.txt"
SUFFIXES = {".py", ".md", ".sql", ".yaml", ".j2", ".html", ".toml"}
# Data, and prompts whose wording is versioned.
LEFT_OUT = (
    "wsrl_assets/samples/corpus",
    "wsrl_assets/llm/prompts",
    "wsrl_assets/generation/demonstrations",
)


def main(arguments: list[str]) -> int:
    """Prints each use with its remedy; 1 if there is one."""
    phrases = list(read_phrases())
    paths = [Path(name) for name in arguments] or list(tracked())
    found = [use for path in paths for use in uses(path, phrases)]
    print("\n".join(found))
    return 1 if found else 0


def read_phrases() -> Iterator[tuple[re.Pattern[str], str]]:
    """The banned phrases, each with what to write instead."""
    for line in PHRASES.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            phrase, _, remedy = line.partition("\t")
            yield re.compile(phrase, re.IGNORECASE), remedy


def tracked() -> Iterator[Path]:
    """The tracked files to check."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in SUFFIXES and path.is_file() and not name.startswith(LEFT_OUT):
            yield path


def uses(path: Path, phrases: list[tuple[re.Pattern[str], str]]) -> Iterator[str]:
    """Each use of a phrase in a file, as `path:line: phrase -> remedy`."""
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        for phrase, remedy in phrases:
            if match := phrase.search(line):
                yield f"{path}:{number}: {match[0]!r} -> {remedy}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
