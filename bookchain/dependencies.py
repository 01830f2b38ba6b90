"""What a chapter's execution depends on: its code cells, parameters, upstream chapters, modules and data files."""

import ast
import hashlib
import re
from functools import cache
from pathlib import Path

import jupytext

UPSTREAM = re.compile(r"""\.upstream\(\s*["']([\w-]+)["']\s*\)""")


@cache
def read_notebook(path: Path):
    """Read a chapter's MyST source as a notebook node."""
    return jupytext.read(path)


def code_cells(notebook) -> list:
    """Give the cells that run: code cells other than those papermill injected."""
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", [])
    ]


def code(path: Path) -> str:
    """Give all code of a chapter as one Python source, IPython magics left out."""
    lines = "\n".join(cell.source for cell in code_cells(read_notebook(path))).splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!")))


def digest(text: str | bytes) -> str:
    """Shorten content to a fingerprint that a person can still compare by eye."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()[:12]


def code_fingerprint(path: Path) -> str:
    """Fingerprint of the code cells alone: prose may change without a chapter running again."""
    return digest("\0".join(cell.source for cell in code_cells(read_notebook(path))))


def parameters_cell(path: Path) -> str:
    """Give the source of the cell tagged `parameters`.

    Raises:
        ValueError: If the chapter has not exactly one.
    """
    tagged = [cell for cell in code_cells(read_notebook(path)) if "parameters" in cell.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise ValueError(f"{path}: {len(tagged)} cells tagged `parameters`; a chapter has exactly one")
    return tagged[0].source


def parameter_names(path: Path) -> list[str]:
    """Give the names that a chapter's parameters cell assigns, in order."""
    return [node.targets[0].id for node in ast.parse(parameters_cell(path)).body if isinstance(node, ast.Assign)]


def upstream(path: Path) -> list[str]:
    """Give the chapters whose artefacts a chapter reads."""
    return sorted(set(UPSTREAM.findall(code(path))))


def imported_modules(source: str, package: str, folder: Path, own: str = "") -> set[str]:
    """Give the dotted names inside `package` that a source imports.

    Args:
        source: Python source.
        package: Name of the package, for example `cxrlib`.
        folder: The package's folder, to tell modules from names inside them.
        own: Dotted name of the package the source belongs to, for relative imports.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = own.split(".")[: len(own.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == package:
                # Python runs the packages above a module too.
                above = (".".join(parts[:depth]) for depth in range(1, len(parts) + 1))
                found |= {module for module in above if module_file(module, folder)}
    return found


def module_file(name: str, folder: Path) -> Path | None:
    """Find the file of a dotted module name; None for a name that is no module."""
    place = folder.joinpath(*name.split(".")[1:])
    candidates = (place / "__init__.py", place.with_suffix(".py"))
    return next((file for file in candidates if file.is_file()), None)


def module_fingerprints(path: Path, folder: Path) -> dict[str, str]:
    """Fingerprint every module of a package that a chapter uses, imports of imports too.

    Args:
        path: The chapter's MyST source.
        folder: The package's folder.

    Returns:
        Dotted module name to fingerprint.
    """
    package, seen = folder.name, {}
    waiting = imported_modules(code(path), package, folder)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        file = module_file(name, folder)
        seen[name] = digest(file.read_bytes())
        own = name if file.name == "__init__.py" else name.rpartition(".")[0]
        waiting |= imported_modules(file.read_text(), package, folder, own) - seen.keys()
    return dict(sorted(seen.items()))


def data_fingerprint(path: Path) -> str:
    """Fingerprint a data file or folder by names, sizes and times: contents may be tens of gigabytes.

    Raises:
        FileNotFoundError: If the path does not exist.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder; give an existing path, relative to the project root")
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    records = ((str(f.relative_to(path)), f.stat().st_size, f.stat().st_mtime_ns) for f in files)
    return digest("\n".join(map(str, records)))
