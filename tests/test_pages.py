"""Repairs to rendered pages: no script twice, and no link of a source listing that leads nowhere."""

from types import SimpleNamespace

from docutils.utils import new_document
from sphinx.addnodes import desc_signature

import cxrlib.datasets  # noqa: F401  (autodoc would have imported it)
from bookchain.pages import anchor_under_both_names, each_script_once


def test_inline_script_is_loaded_once_and_files_stay():
    scripts = [{"body": "const A = 1"}, {"src": "a.js"}, {"body": "const A = 1"}, {"src": "a.js"}, {"body": "b()"}]
    context = {"script_files": [SimpleNamespace(attributes=script) for script in scripts]}
    each_script_once(None, "page", "page.html", context, None)
    assert [script.attributes for script in context["script_files"]] == [*scripts[:2], scripts[3], scripts[4]]


def test_object_is_found_under_its_module_and_its_package():
    document = new_document("page")
    passed_on = desc_signature(ids=["cxrlib.datasets.read_boxes"], module="cxrlib.datasets", fullname="read_boxes")
    at_home = desc_signature(ids=["cxrlib.datasets.boxes.check_boxes"], module="cxrlib.datasets.boxes")
    at_home["fullname"] = "check_boxes"
    plain = desc_signature(ids=["os.path.join"], module="os", fullname="getcwd")
    document.extend([passed_on, at_home, plain])
    anchor_under_both_names(None, document)
    assert "cxrlib.datasets.boxes.read_boxes" in passed_on["ids"]
    assert "cxrlib.datasets.check_boxes" in at_home["ids"]
    assert len(set(passed_on["ids"] + at_home["ids"])) == len(passed_on["ids"] + at_home["ids"])
