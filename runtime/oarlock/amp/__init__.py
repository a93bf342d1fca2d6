"""Automatic mixed precision of torch.amp; the public names are in oarlock.torch.amp."""
