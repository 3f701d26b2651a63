"""Devices and servers that speak the real protocols, for the collectors to be tried against."""
