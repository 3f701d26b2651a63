"""Collectors: readings of real devices, by whatever protocol they speak, out through Hono as a gateway for them."""
