"""Oarlock's build side: records and signature locks become docs, shim, doctests and JSON."""
