"""What the text of a task says about code: stretches, stack frames, names, paths."""

from __future__ import annotations

import time

import pytest

from agentctx.code.query.analyze import analyze
from agentctx.code.query.frames import Frame, frames
from agentctx.code.query.mentions import imports, own_names, paths
from agentctx.code.query.segments import split

ISSUE = """Cart.total is wrong for empty carts
<!-- thanks for the report -->
### Describe the bug

`total()` answers None, see https://example.org/me/shop/blob/main/shop/cart.py#L12 for the place.

```python
from shop import Cart as C
basket = C()
print(basket.total())
```

Traceback (most recent call last):
  File "run.py", line 3, in <module>
    print(basket.total())
  File "/venv/lib/python3.12/site-packages/shop/cart.py", line 12, in total
    return sum(self.items)
TypeError: unsupported operand

### Versions

shop==1.2.3
numpy: 1.26.0
- [x] I searched for it
"""


class TestSegments:
    def test_the_first_line_is_the_title(self) -> None:
        assert split(ISSUE)[0].kind == "title"
        assert split(ISSUE)[0].text == "Cart.total is wrong for empty carts"

    def test_every_line_of_a_snippet_is_code(self) -> None:
        (code,) = [one.text for one in split(ISSUE) if one.kind == "code"]
        assert code.splitlines() == ["from shop import Cart as C", "basket = C()", "print(basket.total())"]

    def test_a_trace_ends_with_its_error(self) -> None:
        trace = "\n".join(one.text for one in split(ISSUE) if one.kind == "trace")
        assert trace.startswith("Traceback")
        assert trace.rstrip().endswith("TypeError: unsupported operand")

    def test_forms_versions_and_check_lists_are_noise(self) -> None:
        noise = "\n".join(one.text for one in split(ISSUE) if one.kind == "noise")
        for line in ("### Describe the bug", "### Versions", "shop==1.2.3", "numpy: 1.26.0", "- [x] I searched for it"):
            assert line in noise

    def test_comments_of_a_form_are_gone(self) -> None:
        assert "thanks" not in "".join(one.text for one in split(ISSUE))

    def test_line_ends_do_not_matter(self) -> None:
        assert split(ISSUE.replace("\n", "\r\n")) == split(ISSUE)

    @pytest.mark.parametrize("text", ["", "   \n\n", "```", "```\nnever closed", "\0", "🙂" * 50, "`" * 99, "=" * 9999])
    def test_no_text_is_bad(self, text: str) -> None:
        analyze(text)

    @pytest.mark.parametrize("text", ["a/" * 100_000, "x." * 100_000, "`a " * 60_000, "=" * 200_000, "(" * 200_000])
    def test_long_runs_cost_linear_time(self, text: str) -> None:
        began = time.process_time()
        analyze(text)
        assert time.process_time() - began < 20  # quadratic time would be minutes


class TestFrames:
    @pytest.mark.parametrize(
        ("trace", "inner", "outer"),
        [
            (
                'Traceback (most recent call last):\n  File "a.py", line 3, in outer\n  File "b.py", line 9, in inner',
                Frame("b.py", 9, "inner", 0),
                Frame("a.py", 3, "outer", 1),
            ),
            (
                "~/x/pkg/plot.py in draw(self)\n----> 8     self.go()\n~/x/pkg/core.py in go(self)\n---> 21     raise",
                Frame("~/x/pkg/core.py", 21, "go", 0),
                Frame("~/x/pkg/plot.py", 8, "draw", 1),
            ),
            (
                "File ~/x/pkg/plot.py:8, in Plot.draw(self)\nFile ~/x/pkg/core.py:21, in go()",
                Frame("~/x/pkg/core.py", 21, "go", 0),
                Frame("~/x/pkg/plot.py", 8, "Plot.draw", 1),
            ),
            (
                "Error: no\n    at inner (/app/src/b.js:9:5)\n    at async Object.outer (/app/src/a.js:3:1)",
                Frame("/app/src/b.js", 9, "inner", 0),
                Frame("/app/src/a.js", 3, "Object.outer", 1),
            ),
            (
                "java.lang.Error\n\tat shop.Cart.total(Cart.java:9)\n\tat shop.Main.main(Main.java:3)",
                Frame("Cart.java", 9, "shop.Cart.total", 0),
                Frame("Main.java", 3, "shop.Main.main", 1),
            ),
            (
                "goroutine 1 [running]:\nmain.inner(...)\n\t/app/b.go:9 +0x1f\nmain.outer(0x1)\n\t/app/a.go:3 +0x2",
                Frame("/app/b.go", 9, "main.inner", 0),
                Frame("/app/a.go", 3, "main.outer", 1),
            ),
            (
                "app/b.rb:9:in `inner': no (RuntimeError)\n\tfrom app/a.rb:3:in `outer'",
                Frame("app/b.rb", 9, "inner", 0),
                Frame("app/a.rb", 3, "outer", 1),
            ),
            (
                "#0 /app/b.php(9): Cart->inner()\n#1 /app/a.php(3): outer()",
                Frame("/app/b.php", 9, "Cart->inner", 0),
                Frame("/app/a.php", 3, "outer", 1),
            ),
            (
                "  at Shop.Cart.Inner(Int32 x) in C:\\app\\b.cs:line 9\n  at Shop.Main.Outer() in C:\\app\\a.cs:line 3",
                Frame("C:/app/b.cs", 9, "Shop.Cart.Inner", 0),
                Frame("C:/app/a.cs", 3, "Shop.Main.Outer", 1),
            ),
            (
                "#0  inner (x=1) at src/b.c:9\n#1  0x00007f in outer () at src/a.c:3",
                Frame("src/b.c", 9, "inner", 0),
                Frame("src/a.c", 3, "outer", 1),
            ),
        ],
        ids=["python", "ipython", "ipython 8", "javascript", "java", "go", "ruby", "php", "c#", "gdb"],
    )
    def test_the_innermost_frame_has_depth_0(self, trace: str, inner: Frame, outer: Frame) -> None:
        assert frames(trace) == [inner, outer]

    def test_each_trace_counts_on_its_own(self) -> None:
        one = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\nKeyError: 1\n'
        assert [frame.depth for frame in frames(one + "\nDuring handling of the above exception\n" + one)] == [0, 0]

    def test_prose_about_files_is_no_frame(self) -> None:
        assert frames("I changed src/app.py at line 3, and it works.") == []


class TestMentions:
    def test_a_link_to_source_gives_its_path_and_line(self) -> None:
        (found,) = paths("see https://example.org/me/shop/blob/main/src/cart.py#L12-L14 please")
        assert (found.text, found.line) == ("src/cart.py", 12)

    def test_paths_keep_their_folders_and_lines(self) -> None:
        assert [(one.text, one.line) for one in paths("in src/cart.py:12 and setup.cfg, not in e.g. this")] == [
            ("src/cart.py", 12),
            ("setup.cfg", 0),
        ]

    def test_names_of_a_snippet_resolve_through_its_imports(self) -> None:
        assert imports("import numpy as np\nfrom shop.cart import Cart as C, Item\n") == {
            "np": "numpy",
            "C": "shop.cart.Cart",
            "Item": "shop.cart.Item",
        }

    def test_what_a_snippet_defines_is_its_own(self) -> None:
        text = ">>> a, b = 1, 2\ndef helper(x):\n    pass\nfor item in a: pass\nconst c = 3;\nif a == b: pass\n"
        assert set(own_names(text)) == {"a", "b", "helper", "item", "c"}

    def test_own_names_of_a_task_are_told(self) -> None:
        assert analyze(ISSUE).own_names == {"basket"}

    def test_an_issue_gives_frames_names_and_errors(self) -> None:
        query = analyze(ISSUE)
        assert query.frames[0] == Frame("/venv/lib/python3.12/site-packages/shop/cart.py", 12, "total", 0)
        assert query.errors == (("TypeError", "unsupported operand"),)
        assert {"Cart.total", "basket.total"} <= {one.mention.text for one in query.mentions}

    def test_the_title_weighs_most(self) -> None:
        weights = {one.kind: one.weight for one in analyze(ISSUE).mentions}
        assert weights["title"] == max(weights.values())
        assert weights["noise"] == min(weights.values())
