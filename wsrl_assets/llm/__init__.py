"""Asking models: the engine, its faults, roles, prompts and recipes."""
