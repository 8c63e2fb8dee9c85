"""A page to look at recordings with: what it shows, the file it is, and the server of large ones.

The page itself is ``page.html``, ``page.css`` and the scripts (``*.js``), which are put into one
file in the order of ``page.SCRIPTS`` and share one scope.
"""
