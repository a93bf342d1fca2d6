"""torch.utils.data: datasets, samplers, and the loader that batches them."""
