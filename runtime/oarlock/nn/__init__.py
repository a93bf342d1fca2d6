"""Modules of torch.nn, written on Oarlock's Tensor; the public names are in oarlock.torch.nn."""
