"""The public names of this room, one a line: read by editors, type checkers and lazy_loader."""

from .network import record_network as record_network
from .opening import open_recording as open_recording
from .settings import Settings as Settings
