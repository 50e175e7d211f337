"""A store on which the plant's systems speak and people decide, and of which nothing stays."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from hub.resolve.conflicts import reopen_conflict
from hub.resolve.judged import Contradicted, NotDecidable, judge, undo
from hub.resolve.resolution import prepare
from hub.store.decisions import standing_decisions
from hub.store.identifiers import Name, all_names, find_names, names_by_id
from hub.store.schemes import save_scheme_groups
from hub.store.statements import store_documents
from hub.store.systems import ensure_system
from tests.resolve.demo_documents import Paper, Plant
from tests.resolve.people import Judged
from tests.resolve.worlds import NOW, Decided, World


@dataclass
class Stage(World):
    """A store on which the plant's systems and people act; nothing stays of it."""

    def learn(self) -> None:
        """Learn nothing yet: see `open`."""

    def open(self, plant: Plant) -> None:
        """Make systems, whitelist and rules known, once for all examples."""
        with self.database.begin("test") as connection:
            self.systems = {
                code: ensure_system(connection, code, kind, now=NOW).id
                for code, kind in plant.systems.items()
            }
            save_scheme_groups(connection, plant.project.identity.normalised, now=NOW)
        prepare(self.database, now=NOW)

    def hear(self, papers: Sequence[Paper]) -> None:
        """Store what systems say."""
        for code in sorted({p.system for p in papers}):
            with self.database.begin("test") as connection:
                store_documents(
                    connection,
                    system_id=self.systems[code],
                    stream="s",
                    connector="test/1",
                    documents=[p.told for p in papers if p.system == code],
                    now=NOW,
                )

    def judge(self, said: Judged) -> int | None:
        """Let a person decide about names; None when the hub refuses."""
        about = (self.database, said.entity_type, said.names)
        try:
            return judge(*about, decision=said.decision, reason="so it is", by="QA", clock=lambda: NOW)
        except (Contradicted, NotDecidable):
            return None

    def unjudge(self, link_id: int) -> None:
        """Let a person take such a decision back."""
        undo(self.database, link_id, reason="it is not so", by="QA", clock=lambda: NOW)

    def reopen(self, decided: Decided) -> None:
        """Let a person take back which value counts."""
        key = (decided.entity_type, decided.scheme, decided.value)
        with self.database.begin("test", at=NOW, alone=True) as connection:
            name = find_names(connection, [key])[key]
            standing = standing_decisions(connection, [name.id])
            reopen_conflict(
                connection,
                name.entity_type,
                name.entity_id,
                attribute=decided.attribute,
                by="test",
                reason="it was not so",
                now=NOW,
                decision_id=next(d.id for d in standing if d.decided_at == decided.decided_at),
            )

    def close(self) -> None:
        """Take everything back and close."""
        self.database.close()

    def known(self) -> dict[str, list[Name]]:
        """Give the names that can be decided about, by type and in order."""
        found: dict[str, list[Name]] = defaultdict(list)
        with self.database.read() as connection:
            ids = set().union(*all_names(connection).values())
            for name in sorted(names_by_id(connection, ids).values(), key=lambda n: (n.scheme, n.value)):
                found[name.entity_type].append(name)
        found.pop("tag", None)
        return {kind: names for kind, names in sorted(found.items()) if len(names) > 1}
