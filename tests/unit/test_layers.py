"""The walls of the house: an import goes to a lower layer only, and the core knows nothing of the outside."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "addons" / "resplice"
LAYERS = {"core": 1, "dialects": 2, "session": 3, "records": 4, "proxy": 5, "cli": 6}
OUTSIDE = {"mitmproxy", "asyncio", "time", "datetime", "logging", "os", "io", "pathlib", "socket", "threading", "tempfile"}
# What mitmproxy itself depends on, so that its standalone binary carries it.
CARRIED = {"mitmproxy", "brotli", "zstandard", "compression", "backports"}
MODULES = sorted(path for layer in LAYERS for path in (PACKAGE / layer).rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            found.add(node.module or "")
    return found


def layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_an_import_goes_to_the_same_or_a_lower_layer(path: Path) -> None:
    mine = LAYERS[layer_of(path)]
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "resplice" and len(parts) > 1:
            assert LAYERS[parts[1]] <= mine, f"{path.name} imports {name}"


@pytest.mark.parametrize("path", [p for p in MODULES if LAYERS[layer_of(p)] <= 3], ids=lambda p: str(p.relative_to(PACKAGE)))
def test_the_lower_layers_know_no_clock_no_file_no_log_and_no_proxy(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports_of(path)} & OUTSIDE


@pytest.mark.parametrize("path", [p for p in MODULES if LAYERS[layer_of(p)] <= 5], ids=lambda p: str(p.relative_to(PACKAGE)))
def test_the_addon_needs_nothing_that_a_stock_mitmproxy_lacks(path: Path) -> None:
    for name in imports_of(path):
        root = name.split(".")[0]
        assert root in sys.stdlib_module_names | CARRIED | {"resplice"}, f"{path.name} imports {name}"


@pytest.mark.parametrize(
    "path", [p for p in MODULES if layer_of(p) not in {"proxy", "cli"}], ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_mitmproxy_is_imported_by_the_proxy_layer_and_the_command_line_alone(path: Path) -> None:
    assert "mitmproxy" not in {name.split(".")[0] for name in imports_of(path)}


@pytest.mark.parametrize("path", [p for p in MODULES if "internals" not in p.parts], ids=lambda p: str(p.relative_to(PACKAGE)))
def test_the_internals_of_mitmproxy_are_touched_in_one_place(path: Path) -> None:
    assert not {name for name in imports_of(path) if name.startswith("mitmproxy.proxy")}
