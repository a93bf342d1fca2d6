"""Schedules of learning rates; the public names are in oarlock.torch.optim.lr_scheduler."""
