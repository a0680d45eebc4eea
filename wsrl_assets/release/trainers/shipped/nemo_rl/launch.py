"""NeMo-RL's GRPO script with our environment registered. Run it in a checkout of NeMo-RL."""

import importlib
import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
importlib.import_module("reward").register()
runpy.run_path("examples/run_grpo.py", run_name="__main__")
