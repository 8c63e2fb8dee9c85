"""To and from other people's software: rsatoolbox, Brain-Score's assemblies, MNE-RSA, netCDF.

None of these packages is needed to import this one; each is imported where one of its objects is made.
"""

from cortexsim.interop.assembly import to_neuroid_assembly, write_assembly
from cortexsim.interop.mne import to_mne_rsa
from cortexsim.interop.netcdf import to_netcdf
from cortexsim.interop.rsatoolbox import from_rsatoolbox, to_rsatoolbox

__all__ = [
    "from_rsatoolbox",
    "to_mne_rsa",
    "to_netcdf",
    "to_neuroid_assembly",
    "to_rsatoolbox",
    "write_assembly",
]
