"""The benchmarks of scale: where episodes come from, how queries are made, how recall is counted, the commands."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agentctx_bench import peers, scale
from agentctx_bench.baseline import FlatBM25, require
from agentctx_bench.bm25 import BM25
from agentctx_bench.commits import commits, name_of
from agentctx_bench.fairness import tie_fair_recall
from agentctx_bench.peer_systems import PEERS, fused
from agentctx_bench.scale_data import MADE_UP, Sources, parse_sizes
from agentctx_bench.scale_queries import FAMILIES, HINTED, NEITHER, TOPICAL, Words, family_of, queries
from agentctx_bench.scale_work import NAMESPACE

from agentctx.engine import ContextEngine
from agentctx.errors import InvalidArgument, MissingDependency
from agentctx.types import NewEpisode

DATA = Path(__file__).parent / "test_bench_data" / "longmemeval.json"
DAY = 86_400


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Four commits: two that say the same, one by a clock that was never set."""
    place = tmp_path / "walnut"
    place.mkdir()
    _git(place, "init", "-q", "-b", "main")
    for number, (author, seconds, message) in enumerate(
        [
            ("Ana\tB", 1_600_000_000, "Mend the harbour lamp\n\nIt blinked."),
            ("Ben", 1_600_000_000 + 40 * DAY, "Paint the boat"),
            ("Ben", 1_600_000_000 + 41 * DAY, "Paint the boat"),
            ("Cy", 200_000_000, "From a machine without a clock"),
        ]
    ):
        who = {"NAME": author, "EMAIL": "x@example.org", "DATE": f"@{seconds} +0300"}
        environ = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
        (place / "file").write_text(str(number))
        _git(place, "add", "file")
        _git(place, "commit", "-q", "-m", message, environ=environ)
    return place


def _git(place: Path, *arguments: str, environ: dict[str, str] | None = None) -> None:
    clean = {"PATH": os.environ["PATH"], "HOME": str(place), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *arguments], cwd=place, check=True, env=clean | (environ or {}))


def episodes(count: int) -> Iterator[NewEpisode]:
    for number in range(count):
        words = f"common words that many others share too walnut{chr(97 + number // 26)}{chr(97 + number % 26)}q"
        words = words if number % 9 else words.rpartition(" ")[0]
        when = datetime(2020, 1 + number % 12, 1 + number % 28, tzinfo=UTC)
        yield NewEpisode(content=f"{words} {number}", occurred_at=when)


def test_a_commit_is_an_episode_with_author_date_and_month(repository: Path) -> None:
    first, second, *_ = commits(repository)
    assert first.content == "Mend the harbour lamp\n\nIt blinked."
    assert (first.speaker, first.session) == ("AnaB", "walnut/2020-09")
    assert first.occurred_at == datetime.fromtimestamp(1_600_000_000, UTC)
    assert second.session == "walnut/2020-10"
    assert "clock" not in [one.content.split()[-1] for one in commits(repository)]


def test_a_bare_repository_is_read_as_a_work_tree_is(repository: Path, tmp_path: Path) -> None:
    bare = tmp_path / "chestnut.git"
    _git(tmp_path, "clone", "-q", "--bare", str(repository), str(bare))
    assert name_of(bare) == "chestnut"
    assert [one.content for one in commits(bare)] == [one.content for one in commits(repository)]


def test_what_is_no_repository_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="not a git repository") as caught:
        Sources(git=(tmp_path,)).check()
    assert caught.value.field == "git"


def test_the_stream_is_distinct_counted_and_the_same_again(repository: Path) -> None:
    sources = Sources(DATA, (repository,))
    first = list(sources.episodes(60))
    counts = dict(sources.counts)
    assert [one.id for one in first] == [f"e{number:07}" for number in range(60)]
    assert len({one.content for one in first}) == 60
    assert sum(counts.values()) == 60
    assert counts["commit messages"] == 2
    assert counts[MADE_UP] == 60 - 2 - counts["LongMemEval turns"] > 0
    assert list(Sources(DATA, (repository,)).episodes(60)) == first
    assert list(sources.episodes(10)) == first[:10]


def test_sessions_of_the_stream_say_nothing_of_the_evidence() -> None:
    assert not any("answer" in one.session for one in Sources(DATA).episodes(20))


def test_without_sources_everything_is_made_up_and_counted_as_such() -> None:
    sources = Sources()
    made = list(sources.episodes(300))
    assert len({one.content for one in made}) == 300
    assert dict(sources.counts) == {MADE_UP: 300}


@pytest.mark.parametrize("text", ["", "a,b", "10", "1000,-5"])
def test_sizes_are_whole_numbers_of_some_size(text: str) -> None:
    with pytest.raises(InvalidArgument, match="sizes"):
        parse_sizes(text)
    assert parse_sizes("1000,100,1000") == (100, 1000)


def test_a_question_belongs_to_the_family_that_its_words_say() -> None:
    words = Words(list(episodes(400)))
    assert family_of("What did we paint last week?", words) == HINTED
    assert family_of("Which words came in May?", words) == HINTED
    assert family_of("On 2020-03-04, was it shared?", words) == HINTED
    assert family_of("May I share the zanzibar words?", words) == TOPICAL
    assert family_of("Do many others share words?", words) == NEITHER


def test_families_are_full_distinct_and_the_same_again() -> None:
    sample = list(episodes(400))
    made = queries(None, sample, 20, seed=3)
    assert made == queries(None, sample, 20, seed=3)
    assert made != queries(None, sample, 20, seed=4)
    words = Words(sample)
    for family in FAMILIES:
        ours = [query for query in made if query.family == family]
        assert len({query.text for query in ours}) == 20
        assert all(family_of(query.text, words) == family for query in ours)


def test_a_row_as_good_as_the_last_counts_though_it_is_another() -> None:
    scores = {"a": 3.0, "b": 2.0, "c": 1.0, "d": 1.0 - 1e-9, "e": 0.5}
    assert tie_fair_recall(["a", "b", "d"], scores, 3) == 1.0
    assert tie_fair_recall(["a", "b", "e"], scores, 3) == pytest.approx(2 / 3)
    assert tie_fair_recall(["a", "a", "b"], scores, 3) == pytest.approx(2 / 3)
    assert tie_fair_recall(["a", "x", "y"], scores, 3) == pytest.approx(1 / 3)
    assert tie_fair_recall([], {}, 3) == 1.0
    assert tie_fair_recall(["a"], {"a": 1.0}, 10) == 1.0


def test_the_flat_bm25_scores_as_the_textbook_one_does() -> None:
    texts = [one.content for one in episodes(200)]
    flat, textbook = FlatBM25(texts), BM25(texts)
    for query in ("walnutcq shared", "common 17", "nothing-of-it"):
        assert np.allclose(flat.scores(query), textbook.scores(query), rtol=1e-4, atol=1e-5)


def test_ranks_are_fused_by_reciprocal_rank() -> None:
    assert fused([5, 3], [3, 9]) == [3, 5, 9]


def test_a_missing_package_says_what_to_install() -> None:
    with pytest.raises(MissingDependency, match=r"pip install 'agentctx\[peers\]'"):
        require("no_such_module_of_ours", "lancedb", "peers")


def test_scale_tells_of_each_size_what_it_took_and_found(tmp_path: Path) -> None:
    options = scale.Options(
        sizes=(150,), data=DATA, queries=2, repeat=1, baseline=False, keep=tmp_path / "kept",
        json_out=tmp_path / "scale.json",
    )  # fmt: skip
    result = scale.scale(options)
    assert json.loads((tmp_path / "scale.json").read_text()) == json.loads(json.dumps(result))
    (row,) = result["sizes"]
    assert sum(row["sources"].values()) == row["episodes"] == 150
    for family in row["families"].values():
        assert family["recall"] == 1.0
        assert 0 < family["scored_share"] <= 1
        assert family["latency_ms"]["p50"] > 0
    assert row["open_s"].keys() == {"snapshot", "rebuilt"}
    kept = scale.prepared(150, tmp_path / "kept", Sources(DATA), Sources(DATA).told(), options)
    assert len(kept[0].queries) == sum(family["n"] for family in row["families"].values())
    with pytest.raises(InvalidArgument, match="other data"):
        scale.scale(scale.Options(sizes=(150,), queries=2, baseline=False, keep=tmp_path / "kept"))


def test_peers_puts_recall_beside_every_latency(tmp_path: Path) -> None:
    options = peers.Options(
        sizes=(150,), data=DATA, queries=2, keep=tmp_path, systems=("sqlite-dense", "sqlite-hybrid")
    )  # fmt: skip
    (row,) = peers.peers(options)["sizes"]
    told = {(one["system"], one["task"]): one for one in row["systems"]}
    assert len(told) == 4
    for one in told.values():
        assert one["latency_ms"]["p50"] > 0
        assert one["recall"] >= 0.9, one


def test_an_unknown_peer_is_refused_before_anything_is_built() -> None:
    with pytest.raises(InvalidArgument, match="unknown system 'oracle'"):
        peers.peers(peers.Options(sizes=(100,), systems=("oracle",)))
    assert "chroma-dense" in PEERS


def test_the_picture_is_the_same_for_the_same_report(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from agentctx_bench import plot  # noqa: PLC0415

    def row(size: int) -> dict[str, Any]:
        one = {"system": "agentctx", "latency_ms": {"p50": size / 1000}, "recall": 1.0}
        return {"episodes": size, "systems": [one | {"task": "dense"}, one | {"task": "hybrid"}]}

    for name in ("a.svg", "b.svg"):
        plot.draw({"sizes": [row(100), row(1000)]}, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_a_filling_that_was_cut_off_goes_on_where_it_stopped(tmp_path: Path) -> None:
    options = scale.Options(sizes=(150,), data=DATA, queries=1)
    sources = Sources(DATA)
    asked = {"about": dict(sources.told()), "queries": 1, "embedder": "static"}
    (tmp_path / "episodes-150.json").write_text(json.dumps({"asked": asked, "filled": {}, "queries": []}))
    with ContextEngine.open(tmp_path / "episodes-150.db", embedder="static") as engine:
        engine.memory.add(NAMESPACE, list(sources.episodes(60)))
    _, filled = scale.prepared(150, tmp_path, sources, sources.told(), options)
    assert filled["added"] == 90
    with ContextEngine.open(tmp_path / "episodes-150.db", embedder="static") as engine:
        held = engine.memory.list(NAMESPACE, page_size=200).episodes
    assert [one.content for one in held] == [one.content for one in sources.episodes(150)]
