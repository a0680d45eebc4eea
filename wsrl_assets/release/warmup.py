"""The warm-up set as chat: one JSON line a conversation, as supervised trainers read it."""

import json
from pathlib import Path

from wsrl_assets.release.dataset import ReleaseError
from wsrl_assets.release.folder import write_whole
from wsrl_assets.reward.instruction import rollout_messages
from wsrl_assets.storage import Store, catalog
from wsrl_assets.storage.transaction import frame


def write_warmup(store: Store, path: Path) -> int:
    """Writes the warm-up sets of all domains to one file; returns the number of conversations.

    A line has `messages` (the prompt that trainers and pass rates use, and the response),
    `pair_id`, `domain` and `answer_type`. The same tables make the same bytes.

    Raises:
        ReleaseError: there is no warm-up set, or the file cannot be written.
    """
    with catalog(store) as connection:
        rows = frame(connection, "warmup_rows").to_dicts()
    if not rows:
        raise ReleaseError(
            "there is no warm-up set: set WSRL_SFT_PAIRS to a number of pairs per domain, such as "
            "50, and use `wsrl run`; `wsrl status` says why responses were rejected"
        )
    lines = [_line(row) for row in rows]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, "".join(lines))
    except OSError as error:
        raise ReleaseError(f"cannot write {path}: {error.strerror}; choose --output") from None
    return len(lines)


def _line(row: dict[str, str]) -> str:
    response = {"role": "assistant", "content": row["response"]}
    line = {
        "messages": [*rollout_messages(row["question"]), response],
        "pair_id": row["pair_id"],
        "domain": row["domain"],
        "answer_type": row["answer_type"],
    }
    return json.dumps(line, ensure_ascii=False) + "\n"
