"""Random numbers: torch's streams on the CPU, the generators, and every draw."""
