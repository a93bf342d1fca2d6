"""What scripts ask of the machine: GPUs, backends, threads, compilation."""
