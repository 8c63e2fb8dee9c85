"""From states, RDMs and responses to numbers: similarity, encoding, decoding, latency, behaviour.

Pure functions on arrays; xarray where results have more than one axis. The public names stand in
``__init__.pyi``, one a line, and are imported when they are first used.
"""

import lazy_loader

from cortexsim.accessor import registering

_find, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__getattr__ = registering(_find)
