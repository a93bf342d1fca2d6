"""torch.testing: comparisons of results, and tensors to test with."""
