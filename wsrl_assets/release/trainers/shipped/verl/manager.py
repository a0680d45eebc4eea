"""verl's reward manager, which also says how generation ended: verl does not tell a reward."""

from typing import Any

from verl.experimental.reward_loop.reward_manager.naive import NaiveRewardManager


class WsrlRewardManager(NaiveRewardManager):
    """Marks a response as cut off when it fills its room and ends in no special token."""

    async def run_single(self, data: Any) -> dict[str, Any]:
        item = data[-1:][0]
        response = item.batch["responses"]
        length = int(item.batch["attention_mask"][-response.shape[-1] :].sum())
        is_full = length == response.shape[-1]
        ended = length > 0 and int(response[length - 1]) in self._special_ids()
        extra_info = item.non_tensor_batch.get("extra_info")
        if extra_info is not None:
            extra_info["finish_reason"] = "length" if is_full and not ended else "stop"
        result: dict[str, Any] = await super().run_single(data)
        return result

    def _special_ids(self) -> set[int]:
        """A model may end with others than its tokenizer's own end token."""
        added = getattr(self.tokenizer, "added_tokens_decoder", {})
        return {*self.tokenizer.all_special_ids, *(i for i, t in added.items() if t.special)}
