"""Figures: axes in, axes out; only ``save`` touches files. Lines differ by dash and marker too.

So they can be read in grey. The public names stand in ``__init__.pyi``, one a line, and are
imported when they are first used.
"""

import lazy_loader

from cortexsim.accessor import registering

_find, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__getattr__ = registering(_find)
