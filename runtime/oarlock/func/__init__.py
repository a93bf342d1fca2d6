"""torch.func: functions made from functions."""
