"""torch.profiler and torch.autograd.profiler: blocks and schedules, without measurements."""
