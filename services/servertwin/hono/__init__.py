"""How samples and experiments reach the twin: Hono's adapters, with the server's own credentials."""
