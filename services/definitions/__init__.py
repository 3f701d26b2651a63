"""The Thing Models of ``thing-definitions/``: generated, checked and served.

``python -m definitions.generate`` writes them from the catalogue, ``python -m definitions`` serves them to Ditto, and
:mod:`definitions.validate` checks a thing against its model the way Ditto does.
"""
