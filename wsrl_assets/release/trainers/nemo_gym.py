"""NeMo-Gym: a resources server with its data as JSON lines of Responses-API requests.

Read in nemo-gym 0.4.0: `base_resources_server.py` (a server's `verify` gets the row's own keys
beside the response and returns them with a reward), `resources_servers/equivalence_rule`,
`cli/env.py` (servers are looked for under the working folder first), `config_types.py`, and
`rollout_collection.py` (each row names its agent in `agent_ref`).
"""

import polars as pl

from wsrl_assets.release.trainers.format import TrainerFormat
from wsrl_assets.release.trainers.record import messages, records

AGENT = "wsrl_simple_agent"


def to_rows(pairs: pl.DataFrame) -> pl.DataFrame:
    """Columns: responses_create_params (input: list of role and content), gold (JSON), pair_id,
    domain, agent_ref (type and name)."""
    return records(pairs).select(
        pl.struct(input=messages()).alias("responses_create_params"),
        "gold",
        "pair_id",
        "domain",
        pl.struct(type=pl.lit("responses_api_agents"), name=pl.lit(AGENT)).alias("agent_ref"),
    )


FORMAT = TrainerFormat(
    "nemo_gym",
    "NeMo-Gym 0.4.0",
    to_rows,
    "resources_servers/wsrl/data/{split}.jsonl",
    in_order="In NeMo-RL set `data.shuffle=false`.",
    judge="resources_servers/wsrl/judge.py",
)
