"""Power of a rack in 15 minutes."""
