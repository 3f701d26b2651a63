"""A node: its configuration (`config`), its namespaces (`launch`), and the first process inside them (`init`)."""
