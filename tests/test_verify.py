"""``cortexsim verify``: what it prints, and its exit status."""

import numpy as np
import xarray

from cortexsim.files import write
from cortexsim.verify import main


def test_sound_damaged_and_unchecked_files_in_words_and_as_a_status(tmp_path, capsys):
    dataset = xarray.Dataset({"a": ("x", np.arange(1000.0))})
    sound, damaged, theirs = (tmp_path / f"{k}.nc" for k in ("sound", "damaged", "theirs"))
    write(dataset, sound)
    dataset.to_netcdf(theirs, engine="netcdf4")
    assert main([str(sound), str(theirs)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{sound}: sound (netCDF, 1 file)"
    assert lines[1].startswith(f"{theirs}: can be read (netCDF); it carries no checksums")
    data = bytearray(sound.read_bytes())
    data[-3000] ^= 1
    damaged.write_bytes(data)
    assert main([str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert f"{sound}: sound" in out
    assert err.startswith(f"{damaged}: DAMAGED (netCDF)\n  {damaged} is damaged")
