"""Sampling this machine and writing the samples down. Entry: :mod:`servertwin.log.command`."""
