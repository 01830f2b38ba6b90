"""Captions of outputs: tables are numbered as tables, and each says its origin and its code."""

import subprocess
import sys

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bookchain.captions import functions, imported, one_head, origins, with_caption
from bookchain.dependencies import code_cells

CONFIG = """
project, extensions = "probe", ["myst_nb", "sphinx.ext.autodoc", "bookchain.captions"]
nb_execution_mode, numfig = "off", True
book_origins = {"restoration": "real"}
"""
PAGE = """# Probe

See {numref}`tab-one` and {numref}`fig-one`. {origin}`calculated`

```{eval-rst}
.. py:function:: cxrlib.networks.losses.ssim(y_true, y_pred)
```
"""
TABLE = (
    "<table><thead><tr><th></th><th colspan=2>both</th></tr><tr><th>model</th><th>SSIM</th><th>PSNR</th></tr></thead>"
    "<tbody><tr><th rowspan=2>A</th><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr>"
    "<tr><th>B</th><td>5</td><td>6</td></tr></tbody></table>"
)


def cell(name, classes, code, mime):
    figure = {"name": name, "caption": "What it shows.", "classes": classes}
    output = new_output("display_data", data={mime: TABLE} if mime == "text/html" else {mime: "aGVsbG8="})
    return new_code_cell(code, metadata={"mystnb": {"figure": figure}}, outputs=[output], execution_count=1)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sphinx")
    (folder / "conf.py").write_text(CONFIG)
    cells = [
        new_markdown_cell(PAGE),
        new_code_cell("from cxrlib.networks import losses"),
        cell("tab-one", "table restoration published", "losses.ssim(a, b)", "text/html"),
        cell("fig-one", "classification", "draw()", "image/png"),
    ]
    metadata = {"language_info": {"name": "python", "pygments_lexer": "ipython3"}}
    nbformat.write(new_notebook(cells=cells, metadata=metadata), folder / "index.ipynb")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(folder), str(folder / "html")]
    subprocess.run(command, check=True)
    return BeautifulSoup((folder / "html/index.html").read_text(), "html.parser")


def test_table_and_figure_are_counted_apart(page):
    assert "Table 1" in page.find(id="tab-one").table.caption.text
    assert "Fig. 1" in page.find(id="fig-one").figcaption.text
    assert "See Table 1 and Fig. 1." in page.text


def test_tables_caption_is_the_tables_own_and_a_figures_stands_below(page):
    table = page.find(id="tab-one")
    assert table.find("figcaption") is None
    assert table.table.find(True).name == "caption"
    assert "What it shows." in table.caption.text
    assert page.find(id="fig-one").find(True).name != "figcaption"


def test_each_head_of_a_table_says_what_it_is_the_head_of(page):
    heads = [(head.get_text(), head["scope"]) for head in page.find(id="tab-one").select("th")]
    columns = [("both", "colgroup"), ("model", "col"), ("SSIM", "col"), ("PSNR", "col")]
    assert heads == [*columns, ("A", "rowgroup"), ("B", "row")]
    assert page.find(id="tab-one").select("thead td")[0].get_text() == ""


def test_a_table_without_a_row_says_so():
    def rows(frame):
        figure = f"<figure>{frame.style.to_html()}<figcaption><p>What it shows.</p></figcaption></figure>"
        page = BeautifulSoup(with_caption(figure), "html.parser")
        return [row.get_text(strip=True) for row in page.select("tbody tr")]

    frame = pd.DataFrame({"share": [0.5], "low": [0.1]}, index=pd.Index(["A"], name="map"))
    assert rows(frame) == ["A0.5000000.100000"]
    assert rows(frame[:0]) == ["none in this run"]


def test_badges_tell_the_origin(page):
    badges = {name: [b.text for b in page.find(id=name).select(".origin")] for name in ("tab-one", "fig-one")}
    assert badges == {"tab-one": ["real", "published"], "fig-one": ["unknown"]}
    assert [badge.text for badge in page.select("p > .origin-calculated")] == ["calculated"]


def test_caption_links_to_the_cell_and_the_cell_to_its_functions(page):
    assert [link["href"] for link in page.find(id="tab-one").select(".made-by a")] == ["#cell-tab-one"]
    assert page.find(id="tab-one").select(".made-by")[0].get_text() == "code"
    behind = page.find(id="cell-tab-one").select(".cell_input .functions a")
    assert [link["href"] for link in behind] == ["#cxrlib.networks.losses.ssim"]
    assert page.find(id="cell-fig-one").select(".functions") == []


def test_one_origin_is_told_once():
    both = {"restoration": "synthetic", "classification": "synthetic"}
    assert origins(["table", "restoration", "classification", "published"], both) == ["synthetic", "published"]
    assert origins(["calculated"], {}) == ["calculated"]


def test_functions_are_those_of_the_project_in_order():
    sources = ["import numpy as np\nfrom cxrlib.restoration import quality", "%matplotlib inline",
               "from cxrlib.figures import audit as drawn\nfrom phantom.kermany import write_kermany"]  # fmt: skip
    names = imported(sources)
    assert names["drawn"] == "cxrlib.figures.audit"
    code = "quality.score(a, np.mean(b)); [drawn.p_values(c) for c in quality.score(d)]; write_kermany(quality.MEDICAL)"
    expected = ["cxrlib.restoration.quality.score", "cxrlib.figures.audit.p_values", "phantom.kermany.write_kermany"]
    assert functions(code, names) == expected
    assert functions("%matplotlib inline", names) == []
    assert functions("quality.nothing()", names) == [], "a variable that is called like a module"


def headings(table):
    return [[th.get_text(strip=True) for th in row.find_all("th")] for row in table.select("thead tr")]


@pytest.mark.parametrize("write", [pd.DataFrame.to_html, lambda frame: frame.style.to_html()], ids=["plain", "style"])
def test_names_of_index_and_columns_share_a_line(write):
    frame = pd.DataFrame({"SSIM": [1.0]}, index=pd.Index(["A"], name="model"))
    both = frame.set_index("SSIM", append=True).assign(n=1)
    levels = pd.concat({"test": frame}, axis=1)
    unnamed = frame.rename_axis(None)
    heads = [headings(BeautifulSoup(one_head(write(f)), "html.parser")) for f in (frame, both, unnamed)]
    assert heads == [[["model", "SSIM"]], [["model", "SSIM", "n"]], [["", "SSIM"]]]
    assert headings(BeautifulSoup(one_head(write(levels)), "html.parser"))[-1] == ["model", "SSIM"]
    assert "A" in one_head(write(frame))


def test_every_output_of_every_chapter_is_captioned(project):
    for path in sorted((project / "runs/tiny/executed").glob("*.ipynb")):
        for found in code_cells(nbformat.read(path, as_version=4)):
            shown = [output for output in found.outputs if output.output_type in ("display_data", "execute_result")]
            shown = [
                output for output in shown if {"image/png", "image/svg+xml", "text/html"} & set(output.data)
            ]  # prose needs none
            if shown and not set(found.metadata.get("tags", [])) & {"remove-cell", "remove-output"}:
                assert "figure" in found.metadata.get("mystnb", {}), f"{path.stem}: {found.source[-200:]}"
                assert len(shown) == 1, f"{path.stem}: two outputs under one caption: {found.source[-200:]}"
