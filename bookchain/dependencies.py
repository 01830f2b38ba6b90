"""What a chapter's execution depends on: what it declares, its code cells, parameters, modules and data files."""

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import grimp
import jupytext
from grimp.application.config import settings

# Those of the packages have reference pages.
PROSE = ("_config.yml", "_toc.yml", "book", "notebooks", "bookchain", "cxrlib", "phantom")


def sources(root: Path) -> list[Path]:
    """Give the MyST sources of a project's chapters, in order."""
    return sorted((root / "notebooks").glob("[0-9][0-9]-*.md"))


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


def parameter_values(path: Path) -> dict[str, Any]:
    """Give what the cell tagged `parameters` assigns, in order: each name with the chapter's own value.

    Raises:
        ValueError: If the chapter has not exactly one such cell.
    """
    tagged = [cell for cell in code_cells(read_notebook(path)) if "parameters" in cell.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise ValueError(f"{path}: {len(tagged)} cells tagged `parameters`; a chapter has exactly one")
    assigned = [node for node in ast.parse(tagged[0].source).body if isinstance(node, ast.Assign)]
    return {node.targets[0].id: ast.literal_eval(node.value) for node in assigned}


def with_values(cell: str, values: Mapping) -> str:
    """Put the values that a run really used into the source of a parameters cell, comments kept.

    Values of names that the cell does not assign are left out.
    """
    lines = cell.splitlines()
    for node in reversed(ast.parse(cell).body):
        if isinstance(node, ast.Assign) and (name := node.targets[0].id) in values:
            value, used = node.value, values[name]
            if ast.literal_eval(value) == used:
                continue
            first, last = lines[value.lineno - 1], lines[value.end_lineno - 1]
            replaced = first[: value.col_offset] + repr(used) + last[value.end_col_offset :]
            lines[value.lineno - 1 : value.end_lineno] = [replaced]
    return "\n".join(lines)


def prose_fingerprint(root: Path) -> str:
    """Fingerprint of everything that a project's rendered pages show and no chapter computes."""
    files = []
    for name in PROSE:
        path = root / name
        files += [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    passed_over = {".ipynb_checkpoints", "__pycache__"}
    kept = (file for file in files if file.suffix != ".ipynb" and not passed_over & set(file.parts))
    return digest(b"".join(str(file.relative_to(root)).encode() + file.read_bytes() for file in kept))


class Declared(NamedTuple):
    """What a chapter's front matter says under `chapter`.

    That is which chapters' results it reads, whether it trains a network, for which it wants all cores of a machine,
    and what a cluster is asked for: memory (in GB), time (in minutes), threads, and GPUs if the preset is for them.
    """

    needs: list[str]
    trains: bool
    memory_gb: int
    minutes: int
    threads: int
    gpus: int


def declared(path: Path) -> Declared:
    """Read what a chapter declares in its front matter.

    Raises:
        ValueError: If a field is missing or unknown.
    """
    try:
        return Declared(**read_notebook(path).metadata.get("chapter", {}))
    except TypeError as error:
        fields = ", ".join(Declared._fields)
        raise ValueError(f"{path}: its front matter needs, under `chapter`, {fields}, and nothing else") from error


def import_graph(root: Path, packages: Iterable[str]) -> grimp.ImportGraph:
    """Give the imports between the modules of the packages in a folder; those that are not there are passed over."""
    # Grimp's own finder would take what is installed, which may be another copy of the project.
    here = SimpleNamespace(determine_package_directories=lambda package_name, file_system: {str(root / package_name)})
    settings.configure(PACKAGE_FINDER=here)
    return grimp.build_graph(*(name for name in packages if (root / name).is_dir()), cache_dir=None)


def module_fingerprints(path: Path, root: Path, graph: grimp.ImportGraph) -> dict[str, str]:
    """Fingerprint every module in `graph` that a chapter uses, imports of imports too, by dotted name."""
    used, waiting = set(), _imported(code(path)) & graph.modules
    while waiting:
        used |= waiting
        above = {name.rpartition(".")[0] for name in waiting} - {""}  # Python runs the packages above a module too
        waiting = above.union(*map(graph.find_modules_directly_imported_by, waiting)) - used
    return {name: digest(_module_file(name, root).read_bytes()) for name in sorted(used)}


def _imported(source: str) -> set[str]:
    """Give every dotted name that a source imports, or takes from what it imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _module_file(name: str, root: Path) -> Path:
    place = root.joinpath(*name.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def data_fingerprint(path: Path) -> str:
    """Fingerprint a data file or folder by names, sizes and times: contents may be tens of gigabytes.

    Linked folders are followed, each once on a way down, so that a link to a folder above ends.

    Raises:
        FileNotFoundError: If the path does not exist.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder; give an existing path, relative to the project root")
    files = [path] if path.is_file() else sorted(_files(path, ()))
    records = ((str(f.relative_to(path)), f.stat().st_size, f.stat().st_mtime_ns) for f in files)
    return digest("\n".join(map(str, records)))


def given_fingerprint(name: str, path: Path) -> str:
    """Fingerprint what a parameter names: data, a table of the reader's own with its files, or weights to download."""
    if path.name == "imagenet":
        return "downloaded"
    if name != "cohort_table":
        return data_fingerprint(path)
    from cxrlib.data.table import files  # here, since it takes time and few runs have a table

    return digest("".join(f"{file} {data_fingerprint(file)}\n" for file in files(path)))


def _files(folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    if (real := folder.resolve()) in above:
        return
    for path in folder.iterdir():
        if path.is_dir():
            yield from _files(path, (*above, real))
        elif path.is_file():
            yield path
