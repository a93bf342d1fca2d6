"""torch.save and torch.load: files that cross between Oarlock and PyTorch."""
