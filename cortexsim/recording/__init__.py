"""Recordings: what every state does at every step, in memory or streamed to Zarr.

The public names stand in ``__init__.pyi``, one a line, and are imported when they are first used: a
recording can be opened without torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
