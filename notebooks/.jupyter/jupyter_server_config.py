"""Settings of the lab's Jupyter server.

File, Save and Export Notebook As, HTML proposes to sanitize the page. nbconvert 7.17 then allows
neither headings nor paragraphs nor the heads of tables, and shows their tags as text. So here the
same filter (bleach, as nbconvert's own) allows what Markdown and the lab's tables are made of; scripts
and whatever else could act stay forbidden.
"""

import bleach
from bleach.css_sanitizer import CSSSanitizer

TAGS = """
a abbr b blockquote br caption code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd li ol p pre s
span strong sub sup table tbody td th thead tr ul
""".split()

ATTRIBUTES = {
    "*": ["class", "id", "style"],
    "a": ["href", "title"],
    "img": ["alt", "src", "title", "width"],
}


def clean_html(element):
    """Cleans what nbconvert has made of a cell."""
    text = element.decode() if isinstance(element, bytes) else str(element)
    css = CSSSanitizer(allowed_css_properties=["text-align"])
    protocols = {*bleach.ALLOWED_PROTOCOLS, "data"}
    return bleach.clean(text, tags=TAGS, attributes=ATTRIBUTES, protocols=protocols, css_sanitizer=css)


# The server defines get_config() where it reads this file.
get_config().HTMLExporter.filters = {"clean_html": clean_html}  # noqa: F821
