"""The house: who may import whom, how long a file is, and that `__all__` is what is public."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "facsim"
MODULES = sorted(path for path in SOURCE.rglob("*.py"))

# From the ground up: a module may import from its own floor and those below it.
FLOORS = [
    (
        *("errors", "facs", "coding", "expressions", "prototypes", "variants", "literature"),
        *("measured", "wearables", "captions", "caption_words", "emfacs"),
    ),
    (
        "columns",
        "sample",
        "storage",
        "tables",
        "manifest",
        "provenance",
        "pictures",
        "picture_memory",
        "picture_headers",
        "formats",
        "dataset",
        "records",
        "label_maps",
    ),
    ("metrics",),
    ("stage", "spool", "plan", "recipe", "inputs", "work", "worker", "nursery", "executors", "products", "runner"),
    ("testing",),
    ("models",),
    ("sources", "labels", "curate"),
    ("export", "dataset_card", "crops", "learn", "report", "review", "studio"),
    ("commands", "documentation", "cli", "__main__"),
]


def name_of(path):
    parts = list(path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(["facsim", *(parts[:-1] if parts[-1] == "__init__" else parts)])


def floor_of(module):
    head = module.split(".")[1] if "." in module else ""
    return next((level for level, names in enumerate(FLOORS) if head in names), None)


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("facsim"):
            whole = node.module == "facsim"
            yield from (f"{node.module}.{alias.name}" if whole else node.module for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("facsim"))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_from_its_floor_and_below(path):
    own = floor_of(name_of(path))
    if name_of(path) == "facsim":
        return
    assert own is not None, f"{name_of(path)} is on no floor; give it one in this test and in docs/architecture.md"
    above = [module for module in imports_of(path) if (floor := floor_of(module)) is not None and floor > own]
    assert not above, f"{name_of(path)} imports {above}, from a floor above its own"


@pytest.mark.parametrize("path", [p for p in MODULES if p.parent.name in ("sources", "labels", "curate")], ids=name_of)
def test_stages_do_not_import_each_other(path):
    others = {"sources", "labels", "curate"} - {path.parent.name}
    assert not [module for module in imports_of(path) if module.split(".")[1] in others]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_file_is_at_most_400_lines(path):
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", [p for p in MODULES if p.name not in ("__main__.py",)], ids=name_of)
def test_all_is_exactly_the_public_names(path):
    module = importlib.import_module(name_of(path))
    tree = ast.parse(path.read_text())
    declared = set(module.__all__)
    defined, types = set(), set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {target.id for target in targets if isinstance(target, ast.Name)}
            is_type = isinstance(node.value, ast.Subscript | ast.BinOp) or "TypeAlias" in ast.dump(node)
            (types if is_type else defined).update(names)
    public = {name for name in defined if not name.startswith("_")}
    if path.name == "__init__.py":
        assert public <= declared | {"app"}
    else:
        assert public <= declared <= public | types, "a type alias may be public or not; all else is named in __all__"


def test_importing_facsim_loads_nothing_heavy():
    program = (
        "import sys, facsim; print(sorted({'torch', 'warp', 'ray', 'pyarrow', 'scipy', 'numpy'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
