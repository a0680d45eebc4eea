"""The prefix cache: which blocks of prompt text the server need not read again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence


class PrefixCache:
    """Hashed blocks, the least recently used out first.

    Of one prompt the tail leaves before the head (as in vLLM), because a head is of use to more
    prompts and a tail without its head to none. Unlike vLLM, running sequences do not pin their
    blocks: reading or writing a block only makes it the most recent.
    """

    def __init__(self, capacity_blocks: int) -> None:
        self.capacity_blocks = capacity_blocks
        self._blocks: OrderedDict[int, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._blocks)

    def match(self, hashes: Sequence[int]) -> int:
        """How many blocks from the start are cached; those become the most recent."""
        found = 0
        for block in hashes:
            if block not in self._blocks:
                break
            found += 1
        for block in reversed(hashes[:found]):
            self._blocks.move_to_end(block)
        return found

    def insert(self, hashes: Sequence[int]) -> None:
        """Caches a prompt's blocks, and evicts what no longer fits."""
        for block in reversed(hashes):
            self._blocks[block] = None
            self._blocks.move_to_end(block)
        while len(self._blocks) > self.capacity_blocks:
            self._blocks.popitem(last=False)
