"""Optimizers and schedulers of torch.optim; the public names are in oarlock.torch.optim."""
