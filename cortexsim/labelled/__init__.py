"""THE way in for arrays: named dimensions, ids, units, types; behind it all is plain."""
