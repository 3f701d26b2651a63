"""A model as it is served: links made absolute, further features added on request. Pure.

Ditto resolves a submodel's ``href`` as it stands, so a relative one cannot be followed; on disk they are relative,
because where a site serves them is the site's own affair. Next: :mod:`definitions.responses`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from definitions.build import submodel_link
from racktwin.thing_models import MODEL_OF_KIND, file_name

Model = dict[str, Any]
MAX_FEATURES = 200
_KIND_OF_FILE = {file_name(model): kind for kind, model in MODEL_OF_KIND.items()}


def compose(name: str, model: Mapping[str, Any], base_url: str, features: Sequence[str] = ()) -> Model:
    """The model served as file ``name`` under ``base_url``, with ``features`` beside its own.

    Raises:
        ValueError: the file is no thing's model, too many features are asked for, or one cannot be carried.
    """
    result: Model = copy.deepcopy(dict(model))
    links: list[dict[str, Any]] = list(result.get("links", []))
    if features:
        kind = _KIND_OF_FILE.get(name)
        if kind is None:
            raise ValueError(f"{name}: features can be added to the model of a thing only")
        if len(features) > MAX_FEATURES:
            raise ValueError(f"{len(features)} features: expected at most {MAX_FEATURES}")
        present = {link["instanceName"] for link in links}
        links += [submodel_link(kind, feature) for feature in sorted(set(features) - present)]
    for link in links:
        if link["href"].startswith("./"):
            link["href"] = f"{base_url.rstrip('/')}/{link['href'][2:]}"
    if links:
        result["links"] = links
    return result
