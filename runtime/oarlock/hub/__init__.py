"""torch.hub: models of a local hubconf.py, and checkpoints from addresses."""
