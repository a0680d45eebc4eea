"""Hosts of a shared home as tasks of a Ray cluster: `python wsrl_on_ray.py --hosts 8`.

Each task is a whole `wsrl run`, in the environment of its node: WSRL_HOME=s3://bucket/prefix,
WSRL_LLM_BASE_URL, AWS_... (`env_vars` of a runtime environment would put them into Ray's logs).
Tasks share the work out among themselves by claims in the object store. One whose node dies is
begun on another; with what it had paid for, but for what was in flight.

Needs `pip install ray` on this side, and `wsrl` on the nodes, named by WSRL_BIN if not on the PATH.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import ray

# As those of `wsrl`: 1 says that rows failed, which to run again at once does not mend.
_WORTH_TRYING_AGAIN = (-9, 137)


@ray.remote(num_cpus=1, max_retries=-1, scheduling_strategy="SPREAD")
def host(number: int) -> int:
    """One `wsrl run`; returns its exit code.

    Raises:
        RuntimeError: it was killed, for lack of memory for example.
    """
    command = Path(os.environ.get("WSRL_BIN", "")) / "wsrl"
    with tempfile.TemporaryDirectory(prefix=f"wsrl-{number}-") as cache:
        environment = {**os.environ, "XDG_CACHE_HOME": cache}
        code = subprocess.run([command, "run"], env=environment, check=False).returncode
    if code in _WORTH_TRYING_AGAIN:
        raise RuntimeError("wsrl was killed")
    return code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--hosts", type=int, required=True, help="how many tasks")
    parser.add_argument("--address", default="auto", help="of the cluster (default: this one's)")
    options = parser.parse_args()
    ray.init(address=options.address)
    tasks = [host.options(retry_exceptions=[RuntimeError]).remote(n) for n in range(options.hosts)]
    return max(ray.get(tasks))


if __name__ == "__main__":
    sys.exit(main())
