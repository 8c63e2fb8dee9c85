"""The public names of this room, one a line: read by editors, type checkers and lazy_loader."""

from .assembly import to_neuroid_assembly as to_neuroid_assembly
from .assembly import write_assembly as write_assembly
from .mne import to_mne_rsa as to_mne_rsa
from .netcdf import from_netcdf as from_netcdf
from .netcdf import to_netcdf as to_netcdf
from .rsatoolbox import from_rsatoolbox as from_rsatoolbox
from .rsatoolbox import to_rsatoolbox as to_rsatoolbox
