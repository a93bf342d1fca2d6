"""Emitters: what derive.py decided, printed as docs, shim and JSON."""
