"""Real load on this machine, never more than was asked for. Entry: :mod:`servertwin.stress.command`."""
