"""The import rules, read from the code itself: the folders are the flow, with no way back."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pulse_cli

ROOT = Path(pulse_cli.__file__).parent
CONTRACTS = {"model", "errors", "ports", "events", "payload"}
STAGES = {"read", "prepare", "embed", "store", "search", "records"}
WORDS = {"numbers", "sanitize"}

#: What each part may import of pulse besides itself.
ALLOWED = {
    **dict.fromkeys(CONTRACTS | STAGES | {"engine"}, CONTRACTS),
    **dict.fromkeys({"read", "embed", "search"}, CONTRACTS | {"net"}),
    "store": CONTRACTS | {"net", "collection_name"},
    "net": {"errors", "model"},
    "atomic_file": {"errors"},
    "numbers": set(),
    "sanitize": set(),
    "collection_name": set(),
    "config": {"errors", "collection_name"},
    "wiring": CONTRACTS | STAGES | {"net", "engine", "config", "collection_name"},
    "app": CONTRACTS | STAGES | WORDS | {"engine", "config", "wiring", "net", "collection_name"},
    "doctor": CONTRACTS | {"net", "embed", "store", "engine", "config", "wiring"},
    "serve": CONTRACTS | STAGES | {"engine", "config", "wiring", "app"},
    "fleet": CONTRACTS | STAGES | {"engine", "config", "wiring", "app"},
    "simulators": CONTRACTS | STAGES | {"config", "net"},
    "bench": CONTRACTS
    | STAGES
    | WORDS
    | {"engine", "config", "wiring", "app", "simulators", "net"},
}
EVERYTHING = {"cli", "__main__", "__init__"}
ANYWHERE = {"__version__", "atomic_file"}

CONCURRENCY = {"create_task", "TaskGroup", "Semaphore", "to_thread"}
MAY_RUN_TASKS = ("engine/", "serve/", "fleet/", "simulators/", "store/edge/")
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
WRITES_PICKLES = Path("store/rank_bm25/export.py")  # for the original service, which reads them

FILES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))
TREES = {path: ast.parse((ROOT / path).read_text(encoding="utf-8")) for path in FILES}


def part_of(path: Path) -> str:
    return path.parts[0].removesuffix(".py")


def without_type_checking(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes outside `if TYPE_CHECKING:` (which imports nothing when pulse runs)."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            continue
        yield node
        yield from without_type_checking(node)


def imports_of(tree: ast.AST) -> Iterator[str]:
    """Dotted names of all modules imported, wherever in the file."""
    for node in without_type_checking(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_there_is_code_to_look_at() -> None:
    assert {part_of(path) for path in FILES} >= CONTRACTS | STAGES | {
        "engine",
        "wiring",
        "app",
        "cli",
    }


def test_imports_follow_the_flow() -> None:
    wrong = [
        f"{path} imports {name}: {part_of(path)} may use {sorted(ALLOWED[part_of(path)])}"
        for path in FILES
        if part_of(path) not in EVERYTHING
        for name in imports_of(TREES[path])
        if name.startswith("pulse_cli.")
        and name.split(".")[1] not in ALLOWED[part_of(path)] | ANYWHERE | {part_of(path)}
    ]
    assert wrong == []


def test_contracts_need_the_standard_library_only() -> None:
    foreign = [
        f"{name} imports {module}"
        for name in sorted(CONTRACTS)
        for module in imports_of(TREES[Path(f"{name}.py")])
        if module.split(".")[0] not in sys.stdlib_module_names | {"pulse_cli"}
    ]
    assert foreign == []


def test_all_concurrency_is_in_the_engine() -> None:
    found = [
        f"{path}:{node.lineno} uses {name}"
        for path in FILES
        if not path.as_posix().startswith(MAY_RUN_TASKS)
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.Attribute | ast.Name)
        and ((name := name_of(node)) in CONCURRENCY or name.endswith("Executor"))
    ]
    assert found == []


def test_nothing_runs_code_out_of_data() -> None:
    imported = [
        f"{path} imports {module}"
        for path in FILES
        for module in imports_of(TREES[path])
        if module.split(".")[0]
        in FORBIDDEN_MODULES - ({"pickle"} if path == WRITES_PICKLES else set())
    ]
    assert imported == []
    used = {
        node.attr
        for node in ast.walk(TREES[WRITES_PICKLES])
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pickle"
    }
    assert used == {"Pickler"}
    called = [
        f"{path}:{node.lineno}"
        for path in FILES
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.Call) and is_forbidden(node.func)
    ]
    assert called == []


def test_names_say_what_a_file_holds() -> None:
    vague = {"utils", "util", "helpers", "helper", "manager", "base", "common"}
    assert [path for path in FILES if path.stem in vague] == []


def test_files_are_small_enough_to_read() -> None:
    lines = {path: (ROOT / path).read_text(encoding="utf-8").count("\n") for path in FILES}
    assert {path: n for path, n in lines.items() if n > 300} == {}


def name_of(node: ast.Attribute | ast.Name) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id


def is_forbidden(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id in {"eval", "exec", "__import__"}
    of_yaml = isinstance(function, ast.Attribute) and getattr(function.value, "id", "") == "yaml"
    return of_yaml and name_of(function) == "load"  # type: ignore[arg-type]
