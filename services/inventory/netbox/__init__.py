"""NetBox (4.x, its REST API by pynetbox): read a site, map it onto resources, write thing ids and power back."""
