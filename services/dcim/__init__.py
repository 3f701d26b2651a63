"""Keeps a site's resources in step with NetBox.

Reads NetBox when its webhook says that something changed, and at an interval for what no webhook told; compares with
the resources there are; shows the difference, or carries it out where that is wanted; writes thing ids and measured
power back. What NetBox's objects mean here is `inventory.netbox`. Next in the flow: the operator, which acts on the
resources.
"""
