"""Inventories of others as Racktwin's resources, and Racktwin's sites in the forms of others.

A library: `netbox`, `tables` (CSV) and `opendcim` read an inventory into what is *wanted* (`inventory.wanted`), `plan`
compares that with the resources there are and says what would change, `documents` writes YAML; `brick` and `things`
export a site's twins. `cluster` reads and writes the resources; Ditto is its callers' affair. Next in the flow: the
`racktwin` command, and the process `dcim`.
"""
