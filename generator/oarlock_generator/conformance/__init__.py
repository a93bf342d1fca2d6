"""torch's own test databases run through torch and through Oarlock, and compared."""
