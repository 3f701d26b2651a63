"""Policies as data: reading and normalising them, their imports, and where a path leads in one.

Pure. Every entry is kept as Ditto answers it (``importable`` filled in). Next: :mod:`ditto_lite.access`
(enforcement) and
:mod:`ditto_lite.twin` (commands on policies).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ditto_lite.errors import error
from ditto_lite.ids import check_policy_id
from ditto_lite.pointers import Path

Policy = dict[str, Any]
_IMPORTABLE: Final = ("implicit", "explicit", "never")


def read_policy(body: Any, policy_id: str, now_ms: int) -> Policy:
    """A policy as it is kept, from the JSON of a request.

    Raises:
        DittoError: the JSON is not a policy; the first fault found.
    """
    if not isinstance(body, dict):
        raise error("json.invalid", message=f"<{body}> is not a valid JSON object!")
    if body.get("policyId") not in (None, policy_id):
        raise error("policies:id.notsettable")
    return {
        "policyId": policy_id,
        "imports": read_imports(body.get("imports") or {}),
        "entries": read_entries(body.get("entries") or {}, now_ms),
    }


def read_entries(body: Any, now_ms: int) -> dict[str, Any]:
    """All entries by label."""
    return {label: read_entry(entry, now_ms) for label, entry in _object(body).items()}


def read_entry(body: Any, now_ms: int) -> dict[str, Any]:
    """One entry; subjects and resources are required."""
    body = _object(body)
    for required in ("subjects", "resources"):
        if required not in body:
            raise error("json.field.missing", field=required)
    importable = body.get("importable", "implicit")
    if importable not in _IMPORTABLE:
        raise error("json.invalid", message=f"Importable type <{importable}> is invalid!")
    entry = {"subjects": read_subjects(body["subjects"], now_ms), "resources": read_resources(body["resources"])}
    return {**entry, "importable": importable}


def read_subjects(body: Any, now_ms: int) -> dict[str, Any]:
    """Subjects by id."""
    return {subject: read_subject(subject, facts, now_ms) for subject, facts in _object(body).items()}


def read_subject(subject: str, body: Any, now_ms: int) -> dict[str, Any]:
    """One subject: its id must name an issuer, its expiry lie in the future."""
    if not subject.partition(":")[2] and not subject.startswith("{{"):
        raise error("policies:subjectid.invalid", subject=subject)
    facts = dict(_object(body))
    if (expiry := facts.get("expiry")) is not None and expiry_ms(expiry) <= now_ms:
        raise error("policies:subjectexpiry.invalid", expiry=expiry)
    return facts


def expiry_ms(text: Any) -> int:
    """Epoch milliseconds of an expiry.

    Raises:
        DittoError: it is not an ISO 8601 instant.
    """
    try:
        instant = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise error(
            "policies:subjectexpiry.invalid",
            expiry=text,
            description="It must be provided as ISO-8601 formatted char sequence.",
        ) from None
    return int((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp() * 1000)


def read_resources(body: Any) -> dict[str, Any]:
    """Resources by ``<type>:/<path>``."""
    return {resource: read_resource(resource, permissions) for resource, permissions in _object(body).items()}


def read_resource(resource: str, body: Any) -> dict[str, Any]:
    """One resource: grants and revokes, kept as given."""
    if not resource.partition(":")[2].startswith("/"):
        raise error("json.invalid", message=f"The resource key <{resource}> is invalid!")
    permissions = dict(_object(body))
    for what in ("grant", "revoke"):
        listed = permissions.get(what, [])
        if not isinstance(listed, list) or not all(isinstance(permission, str) for permission in listed):
            raise error("json.invalid", message=f"<{what}> is not an array of permissions!")
    return permissions


def read_imports(body: Any) -> dict[str, Any]:
    """Imports by the id of the policy that is imported."""
    return {check_policy_id(imported): read_import(facts) for imported, facts in _object(body).items()}


def read_import(body: Any) -> dict[str, Any]:
    """One import: labels of explicitly imported entries."""
    facts = dict(_object(body))
    labels = facts.get("entries", [])
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise error("json.invalid", message="<entries> is not an array of labels!")
    return facts


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise error("json.invalid", message=f"<{body}> is not a valid JSON object!")
    return body


def resolved_entries(policy: Policy, lookup: Callable[[str], Policy | None]) -> dict[str, Any]:
    """Own entries and imported ones under Ditto's label ``imported-<policy>-<label>``. Imports of imports do not
    count."""
    entries = dict(policy["entries"])
    for imported, facts in policy["imports"].items():
        source = lookup(imported)
        if source is None:
            continue
        explicit = facts.get("entries", ())
        for label, entry in source["entries"].items():
            if entry["importable"] == "implicit" or (entry["importable"] == "explicit" and label in explicit):
                entries[f"imported-{imported}-{label}"] = entry
    return entries


def enforced_entries(entries: dict[str, Any]) -> list[dict[str, Any]]:
    """Entries with expiries as epoch milliseconds, as the enforcement wants them."""
    return [
        {
            "subjects": {
                subject: {"_expiryMs": expiry_ms(facts["expiry"])} if facts.get("expiry") else {}
                for subject, facts in entry["subjects"].items()
            },
            "resources": entry["resources"],
        }
        for entry in entries.values()
    ]


def keeps_a_writer(policy: Policy) -> bool:
    """Whether some permanent subject may still write the policy: Ditto refuses changes that would lock everybody
    out."""
    for entry in policy["entries"].values():
        root = entry["resources"].get("policy:/", {})
        permanent = any(not facts.get("expiry") for facts in entry["subjects"].values())
        if permanent and "WRITE" in root.get("grant", ()) and "WRITE" not in root.get("revoke", ()):
            return True
    return False


def default_policy(policy_id: str, subject: str) -> Policy:
    """The policy that a thing created without one gets: its creator may do everything."""
    everything = {"grant": ["READ", "WRITE"], "revoke": list[str]()}
    return {
        "policyId": policy_id,
        "imports": {},
        "entries": {
            "DEFAULT": {
                "subjects": {subject: {"type": "generated"}},
                "resources": {f"{kind}:/": everything for kind in ("thing", "policy", "message")},
                "importable": "implicit",
            }
        },
    }


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads in a policy: the error family of the resource, its pointer in the document, and its names."""

    family: str
    path: Path
    label: str = ""
    name: str = ""

    def read(self, body: Any, now_ms: int) -> Any:
        """The JSON of a request for this place, checked and normalised."""
        readers: dict[str, Callable[[], Any]] = {
            "imports": lambda: read_imports(body),
            "import": lambda: read_import(body),
            "entries": lambda: read_entries(body, now_ms),
            "entry": lambda: read_entry(body, now_ms),
            "subjects": lambda: read_subjects(body, now_ms),
            "subject": lambda: read_subject(self.name, body, now_ms),
            "resources": lambda: read_resources(body),
            "resource": lambda: read_resource(self.name, body),
        }
        return readers[self.family]()


def place_of(path: Path) -> Place | None:
    """The place that a path below a policy names, or None when Ditto knows no such path."""
    if not path:
        return Place("policy", ())
    if path[0] == "imports" and len(path) <= 2:
        return Place("imports", path) if len(path) == 1 else Place("import", path, name=path[1])
    if path[0] != "entries":
        return None
    if len(path) == 1:
        return Place("entries", path)
    if len(path) == 2:
        return Place("entry", path, label=path[1])
    if path[2] == "subjects" and len(path) <= 4:
        return Place("subjects", path, path[1]) if len(path) == 3 else Place("subject", path, path[1], path[3])
    if path[2] == "resources":
        if len(path) == 3:
            return Place("resources", path, path[1])
        name = "/".join(path[3:])
        return Place(
            "resource", (*path[:3], name if "/" in name else f"{name}/"), path[1], name if "/" in name else f"{name}/"
        )
    return None
