"""Real data in the coordinates of a recording: benchmarks, your own data, spikes, matched stimuli.

``neural.list()`` names the benchmarks, ``neural.load(name)`` gives one as an xarray.Dataset. The
public names stand in ``__init__.pyi``, one a line, and are imported when they are first used.
"""

import lazy_loader

from cortexsim.accessor import registering

_find, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__getattr__ = registering(_find, apart={"list", "info", "fetch", "About", "BenchmarkError"})
