"""Who may import whom: app → tabs → playground, and inside it shared files ← modality folders ← engine."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"torch", "transformers", "diffusers", "accelerate", "tokenizers", "safetensors"}
MODALITIES = {path.parent.name for path in (ROOT / "playground").glob("*/__init__.py")}
PURE = ("recipes", "events", "errors", "links")  # neither torch nor a modality
FILES = [path for top in ("playground", "tabs", "bench") for path in sorted((ROOT / top).rglob("*.py"))]


def imports(path: Path) -> set[str]:
    """Dotted names of all that a file imports, wherever in the file; `from a import b` counts as a and a.b."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def tops(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def parts_of_playground(names: set[str]) -> set[str]:
    return {name.split(".")[1] for name in names if name.startswith("playground.")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_keep_to_their_layer(path):
    layer, names = path.relative_to(ROOT).parts, imports(path)
    if layer[0] == "playground":
        assert not tops(names) & {"gradio", "app", "tabs", "tests", "bench"}, "the library knows no page"
    if layer[0] == "tabs":
        assert not tops(names) & (HEAVY | {"app", "tests", "bench"}), "a tab holds no model code"
        assert not parts_of_playground(names) & MODALITIES, "a tab reaches models through the engine alone"
    if layer[0] == "playground" and len(layer) == 3:
        others = MODALITIES - {layer[1]}
        assert not parts_of_playground(names) & (others | {"engine"}), "a modality stands on the shared files alone"
    if layer[0] == "playground" and len(layer) == 2:
        assert not parts_of_playground(names) & MODALITIES, "shared files find modalities by name, at run time"
    if layer[0] == "playground" and path.stem in PURE and len(layer) == 2:
        assert not tops(names) & HEAVY
        assert parts_of_playground(names) <= set(PURE)


def test_only_the_command_line_imports_itself():
    inner = {"__main__", "console"}
    for path in FILES:
        if path.stem not in inner:
            assert not parts_of_playground(imports(path)) & inner, path


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        ("playground.recipes, playground.events, playground.errors, playground.links", ("torch", "gradio", "numpy")),
        ("playground.registry, playground.engine, playground.documents, playground.__main__", ("torch", "gradio")),
        ("app", ("torch", "transformers", "diffusers")),
    ],
)
def test_importing_leaves_what_is_heavy_alone(modules, absent):
    program = f"import sys, {modules}; print([name for name in {absent!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]", f"{modules} loads {loaded.stdout}"


def test_the_environment_of_a_result_is_told_without_loading_torch():
    program = "import sys; from playground.documents import environment; environment(); print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
