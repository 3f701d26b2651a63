"""`racktwin rejects`: reads the dead letters, filters them, and sends mended ones again."""
