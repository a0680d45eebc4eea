"""When a run has done enough: so many pairs are accepted, or the budget is spent.

What is open then is left pending, as after an interruption: the next run goes on from there. Calls
under way end, so a run goes over its goal by what the open documents cost at most; and where hosts
share the home, by what the others did since they last said what they have done.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from wsrl_assets.pipeline.job import Job
from wsrl_assets.release.spec import load_spec
from wsrl_assets.settings import Settings
from wsrl_assets.storage import Partition, Store, catalog
from wsrl_assets.storage.accounting import Account, call_totals
from wsrl_assets.storage.home_accounting import home_accounts, home_calls
from wsrl_assets.storage.running_totals import Limits, RunningTotals, Totals
from wsrl_assets.storage.schema import Row
from wsrl_assets.storage.tables import LLMCall
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import QUESTION_STAGES, Stage

T = TypeVar("T")
Record = Callable[..., None]

# Of what is left of a budget, at most this share is spent on the triage of one shard.
_TRIAGE_SHARE = 0.2
# Where less than this share of a budget is left, it counts as spent.
_TOO_LITTLE = 0.01
_OPEN_AT = (Stage.FILTERED_DOCUMENTS, *QUESTION_STAGES)


@dataclass(slots=True)
class Goal:
    """How much a stage of a run is to do in its partition, and what it has done.

    Attributes:
        pairs: accepted pairs that are still wanted; none where no number was asked for.
        tokens, cost: what the run may spend; none where it may spend anything.
        accepted: pairs accepted since.
        spent_tokens, spent_cost: what the run's calls in the partition took.
        of_hosts: what the runs of all hosts come to, where hosts share the home.
    """

    pairs: int | None = None
    tokens: int | None = None
    cost: float | None = None
    accepted: int = 0
    spent_tokens: int = 0
    spent_cost: float = 0.0
    of_hosts: RunningTotals | None = None

    @classmethod
    def of(cls, job: Job, partition: Partition, domain: Domain | None = None) -> "Goal":
        """The goal of a run in a partition; of a domain's questions, if one is given.

        All calls of one run in one partition share the budget, whichever stage made them.
        """
        settings = job.settings
        wanted = settings.until_pairs if domain is not None else None
        goal = cls(tokens=settings.budget_tokens, cost=settings.budget_cost)
        if domain is not None and wanted is not None:
            goal.pairs = _missing(job, domain, wanted)
        if settings.has_budget:
            with catalog(job.store, [partition]) as connection:
                for total in call_totals(connection, job.run_id):
                    goal._spend(total.prompt_tokens + total.completion_tokens, total.cost)
        goal.of_hosts = job.store.shared.totals if job.store.shared is not None else None
        return goal

    @property
    def is_reached(self) -> bool:
        """Whether nothing more is to be begun."""
        return (
            (self.pairs is not None and self.accepted >= self.pairs)
            or (self.tokens is not None and self.spent_tokens >= self.tokens)
            or (self.cost is not None and self.spent_cost >= self.cost)
            or (self.of_hosts is not None and self.of_hosts.are_enough)
        )

    def accept(self) -> None:
        """Counts a pair that passed every check."""
        self.accepted += 1
        if self.of_hosts is not None:
            self.of_hosts.add(Totals(pairs=1))

    def noting(self, record: Record) -> Record:
        """`record`, with the calls among its rows counted against the budget."""

        def note(*rows: Row) -> None:
            for row in rows:
                if isinstance(row, LLMCall):
                    self._spend(row.prompt_tokens + row.completion_tokens, row.cost)
            record(*rows)

        return note

    async def until_reached(self, items: AsyncIterator[T]) -> AsyncIterator[T]:
        """The items, up to where the goal is reached."""
        async for item in items:
            if self.is_reached:
                return
            yield item

    def _spend(self, tokens: int, cost: float) -> None:
        self.spent_tokens += tokens
        self.spent_cost += cost
        if self.of_hosts is not None:
            self.of_hosts.add(Totals(tokens=tokens, cost=cost))


@dataclass(frozen=True, slots=True)
class Budget:
    """The goal of a command, which makes many runs: each gets a part of what is left.

    Attributes:
        settings: name the goal.
        tokens_before, cost_before: what the ledger came to when the command began.
    """

    settings: Settings
    tokens_before: int
    cost_before: float

    @classmethod
    def of(cls, store: Store, settings: Settings) -> "Budget":
        """The budget of a command that begins now."""
        return cls(settings, *_spent(store))

    def is_reached(self, store: Store) -> bool:
        """Whether enough pairs are accepted, or no run could do much with what is left."""
        wanted = self.settings.until_pairs
        if wanted is not None and sum(accepted_pairs(store).values()) >= wanted:
            return True
        tokens, cost = self._left(store)
        budget = self.settings
        return (tokens is not None and tokens < _TOO_LITTLE * (budget.budget_tokens or 0)) or (
            cost is not None and cost < _TOO_LITTLE * (budget.budget_cost or 0)
        )

    def for_triage(self, store: Store) -> Settings:
        """The settings of a shard's run: most of a budget is left for questions."""
        return self._with_share(store, _TRIAGE_SHARE)

    def shared_among(self, store: Store, runs: int) -> Settings:
        """The settings of each of several runs that begin now."""
        return self._with_share(store, 1 / runs)

    @contextmanager
    def over_hosts(self, store: Store) -> Iterator[None]:
        """Within it, what other hosts of a shared home do counts while runs are at work, too."""
        try:
            yield
        finally:
            if store.shared is not None:
                store.shared.totals.limit(None)

    def _with_share(self, store: Store, share: float) -> Settings:
        # What others do from here on is not in the ledgers that are read below.
        so_far = store.shared.totals.look() if store.shared is not None else None
        tokens, cost = self._left(store)
        if store.shared is not None and so_far is not None:
            wanted = self.settings.until_pairs
            missing = None if wanted is None else wanted - sum(accepted_pairs(store).values())
            store.shared.totals.limit(
                Limits(
                    pairs=None if missing is None else so_far.pairs + missing,
                    tokens=None if tokens is None else so_far.tokens + tokens,
                    cost=None if cost is None else so_far.cost + cost,
                )
            )
        parts: dict[str, float] = {}
        if tokens is not None:
            parts["budget_tokens"] = max(1, int(tokens * share))
        if cost is not None:
            parts["budget_cost"] = cost * share
        return self.settings.model_copy(update=parts)

    def _left(self, store: Store) -> tuple[int | None, float | None]:
        tokens, cost = self.settings.budget_tokens, self.settings.budget_cost
        if tokens is None and cost is None:
            return None, None
        tokens_now, cost_now = _spent(store)
        return (
            None if tokens is None else tokens - (tokens_now - self.tokens_before),
            None if cost is None else cost - (cost_now - self.cost_before),
        )


def _spent(store: Store) -> tuple[int, float]:
    totals = home_calls(store)
    tokens = sum(total.prompt_tokens + total.completion_tokens for total in totals)
    return tokens, sum(total.cost for total in totals)


def accepted_pairs(store: Store) -> dict[Domain, int]:
    """The pairs that passed every check, by domain in use."""
    return _accepted(home_accounts(store))


def shared_out(
    wanted: int,
    accepted: Mapping[Domain, int],
    unfinished: Collection[Domain],
    weights: Mapping[Domain, float],
) -> dict[Domain, int]:
    """How many pairs each domain is to have, so that all together have `wanted`.

    Unfinished domains are filled up to one level, in proportion to their weights; what others have
    counts, and what a domain has beyond its level is taken off the others.
    """
    level = {domain for domain in unfinished if weights.get(domain, 0.0) > 0}
    shares = dict(accepted)
    while level:
        room = wanted - sum(n for domain, n in accepted.items() if domain not in level)
        total = sum(weights[domain] for domain in level)
        over = {d for d in level if accepted.get(d, 0) > max(0, room) * weights[d] / total}
        if not over:
            return shares | _dealt(max(0, room), sorted(level), weights)
        level -= over
    return shares


def _dealt(
    room: int, domains: Collection[Domain], weights: Mapping[Domain, float]
) -> dict[Domain, int]:
    """Whole numbers in proportion to weights that sum to `room`."""
    total = sum(weights[domain] for domain in domains)
    shares: dict[Domain, int] = {}
    weight = given = 0.0
    for domain in domains:
        weight += weights[domain]
        upto = round(room * weight / total)
        shares[domain] = int(upto - given)
        given = upto
    return shares


def _accepted(found: Sequence[Account]) -> dict[Domain, int]:
    return {
        Domain(a.partition): a.kept
        for a in found
        if a.stage == Stage.VERIFIED_PAIRS and a.partition in Domain
    }


def _missing(job: Job, domain: Domain, wanted: int) -> int:
    """The pairs that a domain lacks of its share."""
    found = home_accounts(job.store, job.settings.wanted)
    accepted = _accepted(found)
    unfinished = {Domain(a.partition) for a in found if a.stage in _OPEN_AT and a.pending}
    weights = load_spec(job.settings.release_spec).weights
    shares = shared_out(wanted, accepted, unfinished | {domain}, weights)
    return max(0, shares.get(domain, 0) - accepted.get(domain, 0))
