"""Helpers of torch.nn.utils; the public names are in oarlock.torch.nn.utils."""
