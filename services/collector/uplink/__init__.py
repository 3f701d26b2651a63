"""The way out: one connection to a Hono adapter, over which a gateway speaks for its devices."""
