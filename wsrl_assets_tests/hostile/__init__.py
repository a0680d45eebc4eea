"""Inputs of strangers, each with what it must not do.

A `.jsonl` file holds the inputs of one kind; `bombs` and `replies`, which are made and not
written down, stand in their tests. What is held for each is the test's name.
"""
