"""`python -m agentctx_bench`: the commands of `agentctx bench` without the rest of the CLI."""

from __future__ import annotations

import sys

from agentctx.errors import AgentctxError, InvalidArgument
from agentctx_bench.app import app


def main() -> None:
    """Run a benchmark command. Exits 2 for wrong input, 1 for any other error that agentctx raises on purpose."""
    try:
        app()
    except AgentctxError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, InvalidArgument) else 1)


if __name__ == "__main__":
    main()
