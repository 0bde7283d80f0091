"""Where to look for a task: FastCode's scouting, from the map alone and without a model (docs/scout.md)."""

from agentctx.code.scout.scouting import scout

__all__ = ["scout"]
