"""The graph of states, one-step operators, the time loop and the named networks.

The public names stand in ``__init__.pyi``, one a line, and are imported when they are first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
