"""A NetBox with a small site."""

from tests.unit.netbox_site import fake, hall, netbox, settings

__all__ = ["fake", "hall", "netbox", "settings"]
