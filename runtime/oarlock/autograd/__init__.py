"""torch.autograd on Paddle's."""
