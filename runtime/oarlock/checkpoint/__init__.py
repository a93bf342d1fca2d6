"""torch.utils.checkpoint: what backward needs is computed again instead of kept."""
