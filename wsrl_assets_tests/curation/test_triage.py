"""One reading says whether a document qualifies, and of which domain it is."""

from typing import Any

import pytest

from wsrl_assets.curation.triage import Document, triage
from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.roles import Role
from wsrl_assets.storage.tables import Status, TriagedDocument
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.chat_models import FakeChatModel, offered, prompt_of, stage_model

GOOD = {"domain": "Coding", "qualified": True, "fault": "none"}


async def triaged(reply: Any, doc_id: str = "doc-1") -> TriagedDocument:
    model = FakeChatModel(triage=reply)
    return await triage(Document(doc_id, "A text."), stage_model(model, "triaged_documents"))


@pytest.mark.parametrize("domain", Domain)
async def test_a_qualified_document_is_kept_in_its_domain(domain: Domain) -> None:
    row = await triaged({**GOOD, "domain": domain.label})
    assert (row.status, row.qualified, row.reason) == (Status.KEPT, True, None)
    assert row.domain == domain


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("boilerplate", "boilerplate"), ("fragment", "fragment"), ("none", "unqualified")],
)
async def test_an_unqualified_document_is_rejected_by_its_fault(fault: str, reason: str) -> None:
    row = await triaged({**GOOD, "qualified": False, "fault": fault})
    assert (row.status, row.qualified, row.reason) == (Status.REJECTED, False, reason)
    assert row.domain == Domain.CODING, "its domain is kept for the record"


async def test_a_fault_makes_a_failed_row_without_a_verdict() -> None:
    row = await triaged(RowError("truncated", "cut off"))
    assert (row.status, row.reason, row.detail) == (Status.FAILED, "truncated", "cut off")
    assert row.qualified is None
    assert row.domain is None


@pytest.mark.parametrize(
    "changes",
    [
        {"domain": "Maths"},
        {"domain": "coding"},
        {"fault": "boring"},
        {"qualified": "surely"},
        {"title": "The Suez Canal"},
        {"extra": 1},
    ],
)
async def test_a_server_that_ignores_the_schema_fails_the_row(changes: dict[str, Any]) -> None:
    row = await triaged({**GOOD, **changes})
    assert (row.status, row.reason) == (Status.FAILED, "invalid_reply")


async def test_all_domains_are_offered_in_prompt_and_schema_alike() -> None:
    model = FakeChatModel(triage=GOOD)
    await triage(Document("doc-1", "A text."), stage_model(model, "triaged_documents"))
    (ask,) = model.asked
    assert (ask.role, ask.row_id) == (Role.TRIAGE, "doc-1")
    assert sorted(offered(ask, "domain")) == sorted(domain.label for domain in Domain)
    lines = [f"- {domain.label}: {domain.definition}" for domain in Domain]
    asked = [line for line in prompt_of(ask).splitlines() if line in lines]
    assert [line[2:].split(":")[0] for line in asked] == offered(ask, "domain")


async def test_the_order_of_domains_is_the_documents_own_and_the_same_each_time() -> None:
    model = FakeChatModel(triage=GOOD)
    for doc_id in ("a", "b", "c", "d", "a"):
        await triage(Document(doc_id, "A text."), stage_model(model, "triaged_documents"))
    orders = [tuple(offered(ask, "domain")) for ask in model.asked]
    assert orders[0] == orders[-1]
    assert len(set(orders)) == 4
