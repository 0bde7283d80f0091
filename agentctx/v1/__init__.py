"""Generated from protos/agentctx/v1 by scripts/gen_protos.py; do not edit."""
