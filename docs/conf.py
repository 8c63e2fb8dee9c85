"""Sphinx: ``make docs`` builds the pages offline, runs every example and allows no warning."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "ext"))
os.environ.setdefault("OMP_NUM_THREADS", "1")  # the nets of the pages are small; pools would wait

from sphinx.ext.autodoc.mock import MockFinder  # noqa: E402

import cortexsim  # noqa: E402

# Brain-Score lives in an environment of its own; its classes are only named here.
sys.meta_path.insert(0, MockFinder(["brainscore_core", "brainscore_vision"]))

project = "cortexsim"
author = "the authors of cortexsim"
copyright = author
version = release = cortexsim.__version__
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx-mathjax-offline",
    "figures",  # docs/ext: the gallery of analyses/, from their scripts and JSON
    "commands",  # docs/ext: commands that are run, and their output
    "explorer",  # docs/ext: a page of cortexsim explore, embedded
    "plotted",  # docs/ext: figures drawn by a block of a page
    "public_names",  # docs/ext: one page a public name
    "links",  # docs/ext: every internal link leads somewhere
]

source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = [
    "_build",
    "ext",
    "templates",
    "gallery_intro.md",
    "**/README.md",
    "**/GALLERY_HEADER.rst",
]
nitpicky = False
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

templates_path = ["templates"]
autosummary_generate = True
autodoc_typehints = "none"  # numpydoc says types in words, with shape and unit
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False

warnings.filterwarnings("ignore", category=UserWarning, message=".*non-interactive.*")
warnings.filterwarnings("ignore", message=".*cannot act on the readout.*")  # what the memo shows

sphinx_gallery_conf = {
    "examples_dirs": ["tutorials", "howto"],
    "gallery_dirs": ["auto_tutorials", "auto_howto"],
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "write_computation_times": False,  # those pages would load scripts from elsewhere
    "only_warn_on_example_error": False,
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "matplotlib_animations": False,
    "min_reported_time": 1,
    "capture_repr": ("_repr_html_", "__repr__"),
    "nested_sections": False,
    "plot_gallery": True,
}

html_theme = "pydata_sphinx_theme"
html_title = "cortexsim"
html_static_path = ["static"]
html_css_files = ["cortexsim.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": True,
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "show_toc_level": 2,
}
html_sidebars = {"index": []}
