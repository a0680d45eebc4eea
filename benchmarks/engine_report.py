"""Tables of the benchmark, as markdown that also reads well on a terminal."""

from collections.abc import Sequence


def heading(text: str) -> None:
    """Prints a section's heading."""
    print(f"\n## {text}\n", flush=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints a markdown table; all columns but the first are aligned to the right."""
    cells = [list(columns), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    print(_line(cells[0], widths))
    print("|" + "|".join(_rule(width, i) for i, width in enumerate(widths)) + "|")
    for row in cells[1:]:
        print(_line(row, widths), flush=True)
    print()


def note(text: str) -> None:
    """Prints a line below a table."""
    print(text, flush=True)


def percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def verdict(is_met: bool) -> str:
    """Whether a target is met, in a word."""
    return "met" if is_met else "MISSED"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first = row[0].ljust(widths[0])
    rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
    return "| " + " | ".join([first, *rest]) + " |"


def _rule(width: int, column: int) -> str:
    return "-" * (width + 2) if column == 0 else "-" * (width + 1) + ":"
