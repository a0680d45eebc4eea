"""Which calls of a ledger are not made again."""

from pathlib import Path

import pytest

from wsrl_assets.pipeline.paid_replies import paid_calls
from wsrl_assets.storage import Store
from wsrl_assets_tests.factories import IN_SHARD, call_row


@pytest.mark.parametrize(
    ("error", "is_kept"),
    [
        (None, True),
        ("invalid_reply: correct: Field required", True),
        ("truncated: reply cut off at 160 tokens", True),
        ("empty_reply: the model returned nothing", True),
        ("endpoint_fault: 8 attempts, last http_500", False),
        ("rate_limited: refused for 900 s", False),
        ("cancelled", False),
    ],
)
def test_what_a_reply_says_is_not_asked_again_and_what_nobody_answered_is(
    tmp_path: Path, error: str | None, is_kept: bool
) -> None:
    store = Store(tmp_path)
    with store.transaction(IN_SHARD) as transaction:
        transaction.merge([call_row(1, error=error), call_row(2, recipe="another")])
    found = paid_calls(store, IN_SHARD, {"r"})
    assert list(found) == ([("triage", "row-1", "r")] if is_kept else [])


def test_a_home_without_a_ledger_has_paid_nothing(tmp_path: Path) -> None:
    assert paid_calls(Store(tmp_path), IN_SHARD, {"r"}) == {}
