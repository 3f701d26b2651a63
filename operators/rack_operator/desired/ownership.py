"""The mark by which the operator knows what is its own, in Ditto, in Hono and in Kubernetes. Pure.

A thing, device or tenant without the mark of the same resource is left alone, and said so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from rack_operator.api import API_VERSION, GROUP

OPERATOR = "racktwin-operator"
MARK = "managedBy"
# Member of a mark: its owner let go of the object, for another resource that asks for it.
RELEASED = "released"
FINALIZER = f"{GROUP}/twin"

LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
LABEL_OWNER_KIND = f"{GROUP}/owner-kind"
LABEL_OWNER_NAME = f"{GROUP}/owner-name"
LABEL_RETAINED = f"{GROUP}/retained"
ANNOTATION_DEVICE = f"{GROUP}/device-id"
ANNOTATION_SITE = f"{GROUP}/site"
# On a resource: a new value asks for new passwords. On a Secret: the value that its password was made for.
ANNOTATION_ROTATE = f"{GROUP}/rotate-credentials"
# On a Secret, by the operator: until when the previous password is valid, RFC 3339.
ANNOTATION_GRACE = f"{GROUP}/previous-password-until"
# On a Secret, by whoever gave the password to the device: the value of the rotation that the device now uses.
ANNOTATION_IN_USE = f"{GROUP}/credentials-in-use"

# On a TwinModel: a new value asks for a training.
ANNOTATION_TRAIN = f"{GROUP}/train"

OwnerKind = Literal["Site", "Rack", "CoolingUnit", "Scenario", "TwinModel"]
KINDS: tuple[OwnerKind, ...] = get_args(OwnerKind)


@dataclass(frozen=True, slots=True)
class Owner:
    """The resource for which something is made."""

    kind: OwnerKind
    namespace: str
    name: str
    uid: str

    def mark(self) -> dict[str, str]:
        """The mark written onto things, devices and tenants."""
        return {
            "operator": OPERATOR,
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "uid": self.uid,
        }

    def owns(self, mark: Any) -> bool:
        """Whether `mark` is of this resource; a new one of the same name takes over what the old one left."""
        return isinstance(mark, dict) and all(
            mark.get(key) == value for key, value in self.mark().items() if key != "uid"
        )

    def labels(self) -> dict[str, str]:
        """Labels of Kubernetes objects made for this resource."""
        return {LABEL_MANAGED_BY: OPERATOR, LABEL_OWNER_KIND: self.kind, LABEL_OWNER_NAME: self.name}

    def reference(self) -> dict[str, Any]:
        """The owner reference of Kubernetes objects made for this resource."""
        return {
            "apiVersion": API_VERSION,
            "kind": self.kind,
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": False,
        }


def describe(mark: Any) -> str:
    """Whose a mark is, in words."""
    if not isinstance(mark, dict) or mark.get("operator") is None:
        return "something other than this operator"
    return f"{mark.get('kind')} {mark.get('namespace')}/{mark.get('name')} of {mark.get('operator')}"
