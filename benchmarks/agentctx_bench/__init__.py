"""Measures agentctx on public benchmarks, through the same doors that its users have.

Run it as `agentctx bench locomo --data FILE`, or `python -m agentctx_bench` where the CLI is not installed. From
Python, call the functions of `agentctx_bench.commands`; they return the report that `--json` writes.
"""
