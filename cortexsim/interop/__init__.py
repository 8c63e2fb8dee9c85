"""To and from other people's software: rsatoolbox, Brain-Score's assemblies, MNE-RSA, netCDF.

None of these packages is needed to import this one; each is imported where one of its objects is
made. The public names stand in ``__init__.pyi``, one a line, and are imported when first used.
"""

import lazy_loader

from cortexsim.accessor import registering

_find, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__getattr__ = registering(_find)
