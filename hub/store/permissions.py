"""What may be done, and the roles and scopes that are named sets of it."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

ROLE = "role:"
"""Before the name of a role, where it stands among a key's scopes."""
DELIVER = "deliver:"
"""Before the code of a source: deliver what an edge agent reads of that source, and nothing else."""


class Permission(StrEnum):
    """What somebody may do; each route needs one of them (`hub.api.rights`)."""

    READ = "read"
    ANALYSE = "analyse"
    OPERATE = "operate"
    DECIDE = "decide"
    SIGN = "sign"
    WRITE = "write"
    ADMINISTER = "administer"
    DELIVER = "deliver"


MEANINGS: Mapping[Permission, str] = {
    Permission.READ: "see batches, lots, results, samples, where values come from, and the audit trail",
    Permission.ANALYSE: "ask for what is costly to work out: matrices, grids, statistics, OData",
    Permission.OPERATE: "read quarantined parts again, annotate samples, write over i3X where it is on",
    Permission.DECIDE: "decide about names and conflicts, change rules, undo either; erase samples",
    Permission.SIGN: "review and sign batch records (no route needs it yet)",
    Permission.WRITE: "write formulas and recipes (no route needs it yet)",
    Permission.ADMINISTER: "make, try and remove webhooks (keys are made at the machine)",
    Permission.DELIVER: "deliver what an edge agent has read of any source",
}
"""What each permission is for, in words."""

LOOKING = frozenset({Permission.READ, Permission.ANALYSE})
"""Permissions that change nothing: a key that is narrowed to sites or products has these at most."""

ROLES: Mapping[str, frozenset[Permission]] = {
    "reader": frozenset({Permission.READ}),
    "analyst": LOOKING,
    "steward": LOOKING | {Permission.OPERATE, Permission.DECIDE},
    "reviewer": LOOKING | {Permission.SIGN},
    "author": LOOKING | {Permission.OPERATE, Permission.WRITE},
    # Whoever gives out rights has no part in what is decided and signed (MHRA GXP Data Integrity Guidance
    # 2018, 6.16: administrators without a direct interest in the data).
    "admin": frozenset({Permission.READ, Permission.OPERATE, Permission.ADMINISTER}),
    "agent": frozenset({Permission.DELIVER}),
}
"""Roles, for keys (`--role`) and for people who come with a token."""

SCOPES: Mapping[str, frozenset[Permission]] = {
    "read": LOOKING,
    "operate": LOOKING | {Permission.OPERATE, Permission.DECIDE},
    "admin": frozenset(Permission),
}
"""Scopes, which are older than the roles: a key that has one may do what it always could."""


def permit(scopes: Iterable[str]) -> frozenset[str]:
    """Give what somebody with these scopes may do: permissions, and `deliver:<source>` for single sources."""
    found = set[str]()
    for scope in scopes:
        if scope.startswith(ROLE):
            found.update(ROLES.get(scope.removeprefix(ROLE), ()))
        elif scope.startswith(DELIVER):
            found.add(scope)
        else:
            found.update(SCOPES.get(scope, ()))
    return frozenset(found)


def may(permissions: frozenset[str], wanted: str) -> bool:
    """Tell whether permissions hold one; who may deliver at all may deliver for each source."""
    return wanted in permissions or (wanted.startswith(DELIVER) and Permission.DELIVER in permissions)


def list_holders(wanted: str) -> list[str]:
    """Give the roles and scopes that hold a permission, in words such as `the role steward`."""
    roles = [f"the role {name}" for name, held in ROLES.items() if may(frozenset(held), wanted)]
    scopes = [f"the scope {name}" for name, held in SCOPES.items() if may(frozenset(held), wanted)]
    own = [f"the scope {wanted}"] if wanted.startswith(DELIVER) else []
    return [*roles, *own, *scopes]
