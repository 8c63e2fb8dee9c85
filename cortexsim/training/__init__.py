"""Training: settings and recipes, the loop and its checkpoints, and ``train_network``.

The public names stand in ``__init__.pyi``, one a line, and are imported when they are first used:
the settings can be read without torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
