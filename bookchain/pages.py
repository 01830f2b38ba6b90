"""Sphinx extension: two repairs to pages that other extensions leave flawed."""

import sys

from docutils import nodes
from sphinx import addnodes


def anchor_at_home(app, doctree: nodes.document) -> None:
    """Let an object that a package passes on be found by its own module's name too.

    The listings of source code link back to `package.module.name`; the reference shows it as `package.name`.
    """
    for signature in doctree.findall(addnodes.desc_signature):
        module, name = signature.get("module"), signature.get("fullname", "")
        home = getattr(getattr(sys.modules.get(module), name, None), "__module__", None)
        if signature["ids"] and home and home != module:
            signature["ids"].append(f"{home}.{name}")


def each_script_once(app, pagename, templatename, context, doctree) -> None:
    """Load no inline script twice: sphinx-thebe adds its constants twice, and a second `const` is an error."""
    seen, kept = set(), []
    for script in context.get("script_files", []):
        body = getattr(script, "attributes", {}).get("body")
        if body is None or body not in seen:
            kept.append(script)
        seen.add(body)
    context["script_files"] = kept


def setup(app) -> dict:
    """Register with Sphinx."""
    app.connect("doctree-read", anchor_at_home)
    app.connect("html-page-context", each_script_once, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
