"""The notebooks: where they are, inside the installed package or beside it in a checkout; and one as an HTML page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mcpflow_nb.errors import McpflowError

if TYPE_CHECKING:
    from nbformat import NotebookNode

TOUR: Final = "00_tour.ipynb"
_TEMPLATE: Final = """{% extends 'lab/index.html.j2' %}
{% block html_head_js %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
{% block jupyter_widgets %}{% endblock %}
{% block html_head_css %}{{ super() }}<style>:root { color-scheme: light; }</style>{% endblock %}
"""
"""nbconvert's page without the scripts it would fetch from elsewhere; it is light, and so are the images in it."""
_HEADING_OR_TABLE: Final = re.compile(
    r'<h[1-6][^>]*>(?P<heading>.*?)(?=<a |</h)|<table(?: border="1" class="dataframe")?>(?!\s*<caption>)', re.DOTALL
)


def notebooks_folder() -> Path:
    """Return the folder of the notebooks."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if (folder / TOUR).is_file():
            return folder
    raise McpflowError(f"the notebook {TOUR} is not installed; install mcpflow-nb again")


def page(notebook: NotebookNode, title: str) -> str:
    """Return an executed notebook as one HTML page that fetches nothing and runs no script; each table has a caption."""
    from nbconvert.exporters import HTMLExporter

    body: str
    exporter = HTMLExporter(raw_template=_TEMPLATE, embed_images=True)  # type: ignore[no-untyped-call]
    resources = {"metadata": {"name": title, "path": str(notebooks_folder())}}
    body, _ = exporter.from_notebook_node(notebook, resources)
    return _captioned(body)


def _captioned(body: str) -> str:
    """Return a page whose tables of Markdown and of pandas have a caption: the heading they stand under."""
    last = "Table"

    def captioned(found: re.Match[str]) -> str:
        nonlocal last
        if found["heading"] is not None:
            last = re.sub(r"<[^>]+>", "", found["heading"]).strip() or last
            return found[0]
        return f"{found[0]}<caption>{last}</caption>"

    return _HEADING_OR_TABLE.sub(captioned, body)
