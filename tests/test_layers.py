"""The import rules, read from the code itself: the folders are the flow, with no way back."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pulse_cli

ROOT = Path(pulse_cli.__file__).parent
CONTRACTS = {"model", "errors", "ports", "events"}
STAGES = {"read", "prepare", "embed", "store", "search"}

#: What each part may import of pulse besides itself.
ALLOWED = {
    **dict.fromkeys(CONTRACTS | STAGES | {"engine"}, CONTRACTS),
    "config": {"errors"},
    "services": CONTRACTS | STAGES | {"engine", "config"},
    "searching": CONTRACTS | {"prepare", "search", "services", "config"},
    "doctor": CONTRACTS | {"embed", "store", "engine", "config", "services"},
    "upkeep": CONTRACTS | {"prepare", "store", "engine", "config", "services"},
    "indexing": CONTRACTS | {"engine", "config", "services"},
}
EVERYTHING = {"bench", "cli", "__main__", "__init__"}

CONCURRENCY = {"create_task", "TaskGroup", "Semaphore", "to_thread"}
MAY_RUN_TASKS = ("engine/", "bench/simulators/", "store/edge_process.py")
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}

FILES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))


def tree_of(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


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
    assert {part_of(path) for path in FILES} >= CONTRACTS | STAGES | {"engine", "services", "cli"}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_follow_the_flow(path: Path) -> None:
    part = part_of(path)
    if part in EVERYTHING:
        return
    for name in imports_of(tree_of(path)):
        if name == "pulse_cli" or not name.startswith("pulse_cli."):
            continue
        imported = name.split(".")[1]
        if imported not in ALLOWED[part] | {part, "__version__"}:
            pytest.fail(f"{path} imports {name}: {part} may use {sorted(ALLOWED[part])}")


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_contracts_need_the_standard_library_only(name: str) -> None:
    for module in imports_of(tree_of(Path(f"{name}.py"))):
        top = module.split(".")[0]
        assert top in sys.stdlib_module_names | {"pulse_cli"}, f"{name} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_all_concurrency_is_in_the_engine(path: Path) -> None:
    if path.as_posix().startswith(MAY_RUN_TASKS):
        return
    for node in ast.walk(tree_of(path)):
        name = getattr(node, "attr", None) or getattr(node, "id", None) or ""
        assert name not in CONCURRENCY, f"{path} uses {name}"
        assert not name.endswith("Executor"), f"{path} uses {name}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_nothing_runs_code_out_of_data(path: Path) -> None:
    tree = tree_of(path)
    for module in imports_of(tree):
        assert module.split(".")[0] not in FORBIDDEN_MODULES, f"{path} imports {module}"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Name):
            assert function.id not in {"eval", "exec", "__import__"}, f"{path}:{node.lineno}"
        if isinstance(function, ast.Attribute) and getattr(function.value, "id", "") == "yaml":
            assert function.attr != "load", f"{path}:{node.lineno} uses yaml.load"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_names_say_what_a_file_holds(path: Path) -> None:
    assert path.stem not in {"utils", "util", "helpers", "helper", "manager", "base", "common"}
