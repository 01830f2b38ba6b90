"""Sphinx extension: two repairs to pages that other extensions leave flawed."""

import sys

from docutils import nodes
from sphinx import addnodes


def anchor_under_both_names(app, doctree: nodes.document) -> None:
    """Let each object be found by its own module's name and by its package's.

    A listing of source code links back to all its objects by one of the two, whichever it met first, while the
    reference shows what a package passes on as `package.name` and the rest as `package.module.name`.
    """
    taken = {identifier for node in doctree.findall(addnodes.desc_signature) for identifier in node["ids"]}
    for signature in doctree.findall(addnodes.desc_signature):
        module, name = signature.get("module"), signature.get("fullname", "")
        if not signature["ids"] or module not in sys.modules:
            continue
        home = getattr(getattr(sys.modules[module], name, None), "__module__", None) or module
        package = home.rpartition(".")[0]
        names = [f"{home}.{name}"] + [f"{package}.{name}"] * ("." in package)
        signature["ids"] += (new := [identifier for identifier in names if identifier not in taken])
        taken.update(new)


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
    app.connect("doctree-read", anchor_under_both_names)
    app.connect("html-page-context", each_script_once, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
