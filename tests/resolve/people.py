"""What people decide about names, and a store in which it stands from the start."""

from collections.abc import Sequence
from dataclasses import dataclass

from hub.model import Identifier
from hub.resolve.resolution import settle_again
from hub.store.identifiers import add_names, find_names
from hub.store.links import Decision, Judgment, add_judgment, pair_of
from tests.resolve.worlds import NOW, World


@dataclass(frozen=True)
class Judged:
    """What somebody decides about two names of a type."""

    entity_type: str
    names: tuple[str, str]
    decision: Decision


def impose(world: World, standing: Sequence[Judged]) -> None:
    """Write decisions as they stand, also about names that nobody has used, and let them have their effect."""
    with world.database.begin("QA") as connection:
        for said in standing:
            wanted = [(said.entity_type, n.partition("|")[0], n.partition("|")[2]) for n in said.names]
            found = find_names(connection, wanted)
            new = {k: Identifier(scheme=k[1], value=k[2]) for k in wanted if k not in found}
            add_names(connection, new, now=NOW)
            found = find_names(connection, wanted)
            pair = pair_of(found[wanted[0]].id, found[wanted[1]].id)
            add_judgment(
                connection, Judgment(said.entity_type, pair, said.decision, "as it stands", "QA"), now=NOW
            )
            settle_again(connection, said.entity_type, set(pair), now=NOW)
