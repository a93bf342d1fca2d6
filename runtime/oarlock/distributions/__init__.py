"""Probability distributions; the public names are in oarlock.torch.distributions."""
