"""Sphinx configuration of the documentation site: `make docs`. tests/tools/docs_site.py collects the pages."""

import re

from docutils import nodes

project = "stackwright.swarm"
author = "The stackwright.swarm maintainers"
copyright = author
title = html_title = "stackwright.swarm"
html_short_title = "stackwright.swarm"

extensions = ["myst_parser", "sphinx_antsibull_ext"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = []
highlight_language = "YAML+Jinja"
html_theme = "furo"
html_show_sphinx = False
html_copy_source = False
# Links to a heading of a Markdown page, as on GitHub.
myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]
# Compose files and the output of Ansible are not always what a lexer takes for YAML or a console.
suppress_warnings = ["misc.highlighting_failure"]

# What antsibull-docs refers to in Ansible's own documentation.
# Intersphinx would have to fetch an inventory, and a build must not depend on another site.
ANSIBLE = "https://docs.ansible.com/ansible/latest/"
LABELS = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "callback_plugins": "plugins/callback.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}
PLUGIN = re.compile(r"ansible_collections\.(ansible)\.(builtin)\.(\w+)$")


def in_the_documentation_of_ansible(app, env, node, content):
    """A link for a label of Ansible's documentation; None, which Sphinx warns of, for any other."""
    found = PLUGIN.match(node.get("reftarget", ""))
    page = "collections/{}/{}/{}.html".format(*found.groups()) if found else LABELS.get(node.get("reftarget"))
    if page is None:
        return None
    link = nodes.reference("", "", internal=False, refuri=ANSIBLE + page)
    link += content
    return link


def setup(app):
    app.connect("missing-reference", in_the_documentation_of_ansible)
