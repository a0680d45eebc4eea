"""The reward where all there is of a gold is its text."""

from wsrl_assets.reward import infer_type, parse_gold, score


def gold_reward(response: str, answer: str) -> float:
    """1.0 when the final answer of the response is `answer`, else 0.0.

    The type is inferred from the answer's form, so a name that looks like a number is taken for
    one. An answer that no type can hold scores 0.0.
    """
    try:
        gold = parse_gold(answer, infer_type(answer))
    except ValueError:
        return 0.0
    return float(score(response, gold).value)
