"""Language models behind OpenAI-compatible endpoints. An option everywhere: nothing of agentctx needs one.

ChatClient       a chat endpoint: OpenAI, vLLM, llama.cpp, Ollama and others
open_chat        the client that settings and environment name
"""

from __future__ import annotations

from agentctx.llm.address import Health
from agentctx.llm.chat import ChatClient, Completion, open_chat

__all__ = ["ChatClient", "Completion", "Health", "open_chat"]
