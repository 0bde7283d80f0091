"""Resolution beside Python: scope, imports, and the types that the syntax gives."""

from __future__ import annotations

import textwrap

import pytest

from agentctx.code.extract import extract
from agentctx.code.resolve.resolver import Resolver

Tree = dict[str, str]
Pairs = set[tuple[str, str]]


def edges(tree: Tree, kind: str = "calls") -> Pairs:
    """Edges of one kind as (source, target), each `path:qualname`; guesses by name are left out."""

    def short(symbol: str) -> str:
        path, _, name = symbol.partition("::")
        return f"{path}:{name.rpartition(':')[0]}" if name else path

    facts = {path: extract(path, textwrap.dedent(text).encode()) for path, text in tree.items()}
    found = (edge for one in Resolver(facts).resolve() for edge in one.edges)
    return {(short(e.source), short(e.target)) for e in found if e.kind == kind and e.confidence > 0.5}


SCRIPTS: Tree = {
    "src/cache.EXT": "export default class Cache { write(x) { return x; } }\n"
    "export function open() { return new Cache(); }\n",
    "src/index.EXT": "export { open as start } from './cache';\nexport * from './cache';\n",
    "src/app.EXT": """
        import Cache, { open } from './cache';
        import * as all from './index';
        import { start } from '.';
        class App extends Cache {
          constructor() { super(); this.cache = new Cache(); }
          run() { this.cache.write(1); this.stop(); super.write(2); }
          stop() {}
        }
        function go() { open(); all.open(); start(); outside(); }
    """,
}


@pytest.mark.parametrize("extension", ["js", "ts"])
def test_javascript_and_typescript(extension: str) -> None:
    tree = {path.replace("EXT", extension): text for path, text in SCRIPTS.items()}
    cache, app = f"src/cache.{extension}", f"src/app.{extension}"
    found = edges(tree)
    assert found >= {
        (f"{cache}:open", f"{cache}:Cache"),
        (f"{app}:App.constructor", f"{cache}:Cache"),
        (f"{app}:App.run", f"{cache}:Cache.write"),
        (f"{app}:App.run", f"{app}:App.stop"),
        (f"{app}:go", f"{cache}:open"),
    }
    assert edges(tree, "inherits") == {(f"{app}:App", f"{cache}:Cache")}
    assert (app, cache) in edges(tree, "imports")


def test_typescript_receivers_by_their_types() -> None:
    tree = {
        "store.ts": "export interface Store { put(x: string): Receipt; }\nexport class Receipt { sign(): void {} }\n",
        "use.ts": """
            import { Store, Receipt } from "./store";
            class User {
              private receipt: Receipt | null = null;
              constructor(private readonly store: Store) {}
              go() { this.store.put("x").sign(); this.receipt?.sign(); }
            }
            function each(all: Receipt[]) { for (const one of all) { one.sign(); } }
        """,
    }
    assert edges(tree) == {
        ("use.ts:User.go", "store.ts:Store.put"),
        ("use.ts:User.go", "store.ts:Receipt.sign"),
        ("use.ts:each", "store.ts:Receipt.sign"),
    }


def test_go() -> None:
    tree = {
        "ledger/ledger.go": """
            package ledger
            type Ledger struct { base Base }
            type Base struct {}
            func (b *Base) Close() {}
            func New() *Ledger { return &Ledger{} }
            func (l *Ledger) Write(x int) { l.base.Close(); helper() }
        """,
        "ledger/helper.go": "package ledger\nfunc helper() {}\n",
        "main.go": """
            package main
            import led "example.com/shop/ledger"
            type App struct { ledger *led.Ledger }
            func main() {
                l := led.New()
                l.Write(1)
            }
            func (a *App) Run() { a.ledger.Write(2); a.stop() }
            func (a App) stop() {}
        """,
    }
    assert edges(tree) == {
        ("ledger/ledger.go:New", "ledger/ledger.go:Ledger"),
        ("ledger/ledger.go:Ledger.Write", "ledger/ledger.go:Base.Close"),
        ("ledger/ledger.go:Ledger.Write", "ledger/helper.go:helper"),
        ("main.go:main", "ledger/ledger.go:New"),
        ("main.go:main", "ledger/ledger.go:Ledger.Write"),
        ("main.go:App.Run", "ledger/ledger.go:Ledger.Write"),
        ("main.go:App.Run", "main.go:App.stop"),
    }


def test_java() -> None:
    tree = {
        "a/Ledger.java": """
            package a;
            public class Ledger {
                protected void write(int x) { log(); }
                private void log() {}
                public static Ledger open() { return new Ledger(); }
            }
        """,
        "b/App.java": """
            package b;
            import a.Ledger;
            class App extends Ledger implements Runnable {
                private final Ledger ledger = Ledger.open();
                public void run() { ledger.write(1); this.ledger.write(2); write(3); new Helper().help(); }
                protected void write(int x) {}
            }
        """,
        "b/Helper.java": "package b;\nclass Helper { void help() { Ledger.open(); } }\n",
    }
    assert edges(tree) == {
        ("a/Ledger.java:Ledger.write", "a/Ledger.java:Ledger.log"),
        ("a/Ledger.java:Ledger.open", "a/Ledger.java:Ledger"),
        ("b/App.java:App.ledger", "a/Ledger.java:Ledger.open"),
        ("b/App.java:App.run", "a/Ledger.java:Ledger.write"),
        ("b/App.java:App.run", "b/App.java:App.write"),
        ("b/App.java:App.run", "b/Helper.java:Helper"),
        ("b/App.java:App.run", "b/Helper.java:Helper.help"),
    }
    assert edges(tree, "overrides") == {("b/App.java:App.write", "a/Ledger.java:Ledger.write")}


def test_rust() -> None:
    tree = {
        "src/ledger.rs": """
            pub struct Ledger { n: u8 }
            impl Ledger {
                pub fn new() -> Self { Ledger { n: 0 } }
                pub fn write(&self) { self.check(); }
                fn check(&self) {}
            }
        """,
        "src/main.rs": """
            mod ledger;
            use crate::ledger::Ledger;
            fn main() { let l = Ledger::new(); l.write(); helper(&l); }
            fn helper(l: &Ledger) { l.write(); }
        """,
    }
    assert edges(tree) >= {
        ("src/ledger.rs:Ledger.write", "src/ledger.rs:Ledger.check"),
        ("src/main.rs:main", "src/ledger.rs:Ledger.new"),
        ("src/main.rs:main", "src/ledger.rs:Ledger.write"),
        ("src/main.rs:main", "src/main.rs:helper"),
        ("src/main.rs:helper", "src/ledger.rs:Ledger.write"),
    }


def test_c_binds_to_the_definition_behind_the_header() -> None:
    tree = {
        "ledger.h": "struct ledger;\nint ledger_write(struct ledger *l);\n",
        "ledger.c": '#include "ledger.h"\nstatic int check(void) { return 1; }\n'
        "int ledger_write(struct ledger *l) { return check(); }\n",
        "other.c": "static int check(void) { return 2; }\n",
        "main.c": '#include "ledger.h"\nint main(void) { return ledger_write(0) + check(); }\n',
    }
    assert edges(tree) == {("ledger.c:ledger_write", "ledger.c:check"), ("main.c:main", "ledger.c:ledger_write")}
    assert edges(tree, "imports") == {("ledger.c", "ledger.h"), ("main.c", "ledger.h")}


def test_cpp() -> None:
    tree = {
        "ledger.hpp": "namespace shop {\nclass Ledger {\n public:\n  void write(int x);\n"
        "  int size() const { return count(); }\n  int count() const;\n};\n}\n",
        "ledger.cpp": '#include "ledger.hpp"\nnamespace shop {\nvoid Ledger::write(int x) { size(); }\n'
        "int Ledger::count() const { return 1; }\n}\n",
        "main.cpp": '#include "ledger.hpp"\n'
        "int main() { shop::Ledger ledger; ledger.write(1); return ledger.size(); }\n",
    }
    assert edges(tree) >= {
        ("ledger.cpp:shop.Ledger.write", "ledger.hpp:shop.Ledger.size"),
        ("main.cpp:main", "ledger.cpp:shop.Ledger.write"),
        ("main.cpp:main", "ledger.hpp:shop.Ledger.size"),
    }


def test_csharp() -> None:
    tree = {
        "Ledger.cs": "namespace Shop {\n"
        " public class Ledger { public void Write(int x) { Check(); } void Check() {} }\n}\n",
        "App.cs": "using Shop;\nnamespace Main {\n"
        " class App { Ledger ledger = new Ledger(); void Run() { ledger.Write(1); } }\n}\n",
    }
    assert edges(tree) == {
        ("Ledger.cs:Shop.Ledger.Write", "Ledger.cs:Shop.Ledger.Check"),
        ("App.cs:Main.App.ledger", "Ledger.cs:Shop.Ledger"),
        ("App.cs:Main.App.Run", "Ledger.cs:Shop.Ledger.Write"),
    }


def test_php() -> None:
    tree = {
        "Ledger.php": "<?php\nnamespace Shop;\n"
        "class Ledger { public function write($x) { $this->check(); } private function check() {} }\n",
        "App.php": "<?php\nnamespace Main;\nuse Shop\\Ledger;\n"
        "class App { public function __construct(private Ledger $ledger) {}\n"
        "public function run(Ledger $l) { $l->write(1); helper(); } }\nfunction helper() {}\n",
    }
    assert edges(tree) == {
        ("Ledger.php:Ledger.write", "Ledger.php:Ledger.check"),
        ("App.php:App.run", "Ledger.php:Ledger.write"),
        ("App.php:App.run", "App.php:helper"),
    }


def test_ruby() -> None:
    tree = {
        "ledger.rb": "class Ledger\n  def write(x)\n    check(x)\n  end\n  def check(x)\n  end\nend\n",
        "app.rb": "require_relative 'ledger'\nclass App < Ledger\n  def run\n    write(1)\n  end\nend\n",
    }
    assert edges(tree) == {
        ("ledger.rb:Ledger.write", "ledger.rb:Ledger.check"),
        ("app.rb:App.run", "ledger.rb:Ledger.write"),
    }
    assert edges(tree, "imports") == {("app.rb", "ledger.rb")}


def test_shell_functions_come_from_what_is_sourced() -> None:
    tree = {
        "lib/log.sh": "log() { echo x; }\n",
        "run.sh": 'source "$HERE/lib/log.sh"\nmain() { log hello; }\nmain "$@"\n',
    }
    assert edges(tree) == {("run.sh:main", "lib/log.sh:log"), ("run.sh", "run.sh:main")}
    assert edges(tree, "imports") == {("run.sh", "lib/log.sh")}


def test_languages_do_not_reach_into_each_other() -> None:
    tree = {
        "a.py": "def work_hard(): pass\n",
        "b.js": "work_hard();\n",
        "c.go": "package c\nfunc f() { work_hard() }\n",
    }
    assert edges(tree) == set()
