"""A llama.cpp server in this process: `python -m agentctx.llm.local.serve FILE PORT NAME THREADS`; ends with stdin."""

from __future__ import annotations

import sys


def main() -> None:
    """Serve until the parent closes our standard input, as it does by dying."""
    import xllamacpp  # noqa: PLC0415

    path, port, name, threads = sys.argv[1:5]
    params = xllamacpp.CommonParams()
    params.model.path, params.model_alias, params.hostnames = path, {name}, ["127.0.0.1"]
    params.port, params.n_ctx, params.n_parallel = int(port), 4096, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = int(threads)
    server = xllamacpp.Server(params)
    sys.stdin.read()
    del server


if __name__ == "__main__":
    main()
