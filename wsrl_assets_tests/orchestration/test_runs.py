"""Which partitions a run takes up."""

from typing import Any

import pytest

from wsrl_assets.pipeline.pending import has_work
from wsrl_assets.settings import Settings
from wsrl_assets.storage.accounting import Account


def account(stage: str = "qa_drafts", **rows: int) -> Account:
    kept, failed, pending = (rows.get(name, 0) for name in ("kept", "failed", "pending"))
    rejected = rows.get("rejected", 0)
    total = kept + rejected + failed + pending
    return Account(stage, "math", total, kept, rejected, failed, pending)


@pytest.mark.parametrize(
    ("found", "settings", "expected"),
    [
        (account(), {}, False),
        (account(kept=3, rejected=2, failed=1), {}, False),
        (account(kept=3, pending=1), {}, True),
        (account(kept=3, failed=1), {"retry_failed": True}, True),
        (account(kept=3), {"retry_failed": True}, False),
        (account("pass_rates", kept=3), {"regenerate": "pass_rates"}, True),
        (account("pass_rates"), {"regenerate": "pass_rates"}, False),
        (account(kept=3), {"regenerate": "pass_rates"}, False),
    ],
)
def test_a_partition_is_taken_up_if_rows_wait_or_are_to_be_done_again(
    found: Account, settings: dict[str, Any], expected: bool
) -> None:
    assert has_work(found, Settings(**settings)) is expected
