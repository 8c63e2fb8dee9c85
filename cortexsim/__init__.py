"""cortexsim: recurrent models of visual cortex, every state at every step, real brains beside them.

The public names stand in ``__init__.pyi``, one a line, and are imported when they are first used:
``import cortexsim.models`` must work where zarr and xarray are old or absent.
"""

import lazy_loader

from cortexsim.version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
