"""Labels as JSON lines, to move them between homes, or to work on them elsewhere."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from wsrl_assets.errors import UserError
from wsrl_assets.storage.tables import ReviewLabel
from wsrl_assets.taxonomy.opinions import Fault, Opinion

MAX_NAME_CHARS = 60
MAX_NOTE_CHARS = 4000


class LabelFileError(UserError, ValueError):
    """A file of labels that cannot be read; the message names the file, the line and the fault."""


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    pair_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    reviewer: str = Field(min_length=1, max_length=MAX_NAME_CHARS)
    verdict: Opinion | None = None
    reason: Fault | None = None
    note: str | None = Field(default=None, max_length=MAX_NOTE_CHARS)
    created_at: AwareDatetime

    @model_validator(mode="after")
    def _only_rejects_have_a_reason(self) -> "_Line":
        if self.reason is not None and self.verdict is not Opinion.REJECT:
            raise ValueError("a reason needs the verdict reject")
        return self

    def label(self) -> ReviewLabel:
        when: datetime = self.created_at.astimezone(UTC)
        return ReviewLabel(**{**dict(self), "created_at": when})


def write_labels(path: Path, labels: Iterable[ReviewLabel]) -> int:
    """Writes labels, one a line; returns how many."""
    lines = [_Line.model_validate(vars(label)).model_dump_json() + "\n" for label in labels]
    path.write_text("".join(lines), "utf-8")
    return len(lines)


def read_labels(path: Path) -> Sequence[ReviewLabel]:
    """The labels of a file, all or none.

    Raises:
        LabelFileError: it cannot be read, or a line is not a label.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise LabelFileError(f'labels "{path}": {error.strerror}') from None
    except UnicodeDecodeError:
        raise LabelFileError(f'labels "{path}": not UTF-8 text; save it as such') from None
    return [
        _label(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()
    ]


def _label(path: Path, number: int, line: str) -> ReviewLabel:
    try:
        return _Line.model_validate_json(line).label()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        said = f"{key}: {first['msg']}" if key else str(first["msg"])
        raise LabelFileError(f'labels "{path}", line {number}: {said}; nothing was taken') from None
