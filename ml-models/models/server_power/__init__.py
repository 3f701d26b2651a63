"""Power of a server in 5 and 15 minutes."""
