"""Which partitions a run takes up, and which settings reach it."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from wsrl_assets.orchestration.resources import SettingsResource
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


def test_a_setting_that_is_switched_off_reaches_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the second round of a regeneration, under an environment that asks for one."""
    monkeypatch.setenv("WSRL_REGENERATE", "personas")
    asked = Settings(home=tmp_path, forms=("open", "cloze"))  # type: ignore[arg-type]
    assert asked.regenerate == "personas"
    off = asked.model_copy(update={"regenerate": None, "retry_failed": False})
    seen: list[Settings] = []

    @dg.asset
    def look(settings: SettingsResource) -> None:
        seen.append(settings.load())

    config = {"config": SettingsResource.of(off).model_dump(mode="json")}
    dg.materialize(
        [look],
        resources={"settings": SettingsResource()},
        run_config={"resources": {"settings": config}},
    )
    assert seen == [off]
