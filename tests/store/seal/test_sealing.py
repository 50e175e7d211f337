"""What is audited gets a place in the tree, in order and once, and heads are signed over it."""

from datetime import datetime
from threading import Thread

import hypothesis
import pytest
from hypothesis import strategies as st
from sqlalchemy import func, select

from hub.store.database import Database
from hub.store.seal.heads import list_heads, newest_head
from hub.store.seal.log import StoredTree, count_leaves
from hub.store.seal.sealing import seal
from hub.store.seal.signing import Signer
from hub.store.seal.tree import (
    check_consistency,
    check_inclusion,
    hash_leaf,
    prove_consistency,
    prove_inclusion,
    root_at,
    root_of,
)
from hub.store.tables import audit_event, audit_leaf, tree_node
from tests.store.seal.writing import Clock, add_documents, write_documents
from tests.swift import swift


def leaves_of(database: Database) -> list[bytes]:
    """Leaf hashes made from the audit rows themselves, in the order of their places."""
    query = select(audit_event.c.hash).join(audit_leaf, audit_leaf.c.audit_event_id == audit_event.c.id)
    with database.read() as connection:
        return [hash_leaf(h.encode()) for h in connection.scalars(query.order_by(audit_leaf.c.id))]


def test_without_audit_rows_there_is_no_head(database: Database, signer: Signer, clock: Clock) -> None:
    done = seal(database, signer, clock=clock)
    assert (done.head, done.added) == (None, 0)


def test_a_head_covers_every_audit_row_and_is_signed(
    database: Database, signer: Signer, clock: Clock
) -> None:
    add_documents(database, 40)
    done = seal(database, signer, clock=clock)
    assert done.head is not None
    assert (done.added, done.head.size) == (41, 41)
    assert done.head.root == root_of(leaves_of(database)).hex()
    assert signer.public.verifies(done.head.message, done.head.signature)
    changed = done.head.message.replace(b"size 41", b"size 40")
    assert not signer.public.verifies(changed, done.head.signature)


def test_sealing_again_without_new_rows_signs_nothing(
    database: Database, signer: Signer, clock: Clock
) -> None:
    add_documents(database, 3)
    first = seal(database, signer, clock=clock)
    second = seal(database, signer, clock=clock)
    assert (second.head, second.added) == (first.head, 0)
    with database.read() as connection:
        assert len(list(list_heads(connection))) == 1


@hypothesis.settings(max_examples=12, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@hypothesis.given(st.lists(st.tuples(st.integers(1, 90), st.integers(1, 70)), min_size=1, max_size=5))
def test_however_it_grew_the_stored_tree_proves_what_is_in_it_and_what_it_was(
    database: Database, signer: Signer, clock: Clock, growths: list[tuple[int, int]]
) -> None:
    for count, limit in growths:
        add_documents(database, count, tag=str(clock()))
        seal(database, signer, clock=clock, limit=limit)
    leaves = leaves_of(database)
    with database.read() as connection:
        tree, heads = StoredTree(connection), list(list_heads(connection))
        size, root = len(leaves), root_of(leaves)
        assert (heads[-1].size, heads[-1].root) == (size, root.hex())
        for index in range(0, size, 7):
            check_inclusion(leaves[index], index, size, root, prove_inclusion(index, size, tree.node))
        for head in heads:
            assert head.root == root_of(leaves[: head.size]).hex() == root_at(head.size, tree.node).hex()
            proof = prove_consistency(head.size, size, tree.node)
            check_consistency(head.size, bytes.fromhex(head.root), size, root, proof)


def test_places_have_no_gaps_and_no_row_has_two(database: Database, signer: Signer, clock: Clock) -> None:
    for turn in range(5):
        add_documents(database, 13, tag=str(turn))
        seal(database, signer, clock=clock, limit=8)
    with database.read() as connection:
        places = list(connection.scalars(select(audit_leaf.c.id).order_by(audit_leaf.c.id)))
        rows = set(connection.scalars(select(audit_leaf.c.audit_event_id)))
        assert places == list(range(66))
        assert rows == set(connection.scalars(select(audit_event.c.id)))
        assert connection.scalar(select(func.count()).select_from(tree_node)) == 66 // 16


def test_a_head_is_never_older_than_the_one_before(database: Database, signer: Signer) -> None:
    for turn in range(3):
        add_documents(database, 1, tag=str(turn))
        seal(database, signer, clock=Clock())
    with database.read() as connection:
        times = [head.at for head in list_heads(connection)]
    assert times == sorted(set(times))


def test_a_row_that_commits_late_gets_a_later_place(
    migrated_postgres_url: str, signer_of_postgres: tuple[Database, Signer], clock: Clock
) -> None:
    database, signer = signer_of_postgres
    add_documents(database, 2, tag="before")
    slow = database.engine.connect().execution_options(writes=True)
    slow.begin()
    for name, value in (("actor", "slow"), ("at", "2026-04-20T07:00:00Z"), ("reason", "")):
        slow.exec_driver_sql(f"SELECT set_config('plantwide.{name}', '{value}', true)")
    write_documents(slow, 3, tag="slow")
    add_documents(database, 2, tag="quick")
    assert seal(database, signer, clock=clock).added == 5
    for turn in range(3):
        add_documents(database, 1, tag=f"meanwhile {turn}")
        assert seal(database, signer, clock=clock).added == 1
    slow.commit()
    slow.close()
    assert seal(database, signer, clock=clock).added == 3
    leaves = leaves_of(database)
    with database.read() as connection:
        query = select(audit_leaf.c.id).join(audit_event, audit_event.c.id == audit_leaf.c.audit_event_id)
        late = set(connection.scalars(query.where(audit_event.c.actor == "slow")))
        head = newest_head(connection)
        assert late == {8, 9, 10}
        assert head is not None
        assert head.root == root_of(leaves).hex()
        assert len(leaves) == count_leaves(connection) == 11


def test_two_nodes_that_seal_at_once_make_one_log(
    migrated_postgres_url: str, signer_of_postgres: tuple[Database, Signer]
) -> None:
    first, signer = signer_of_postgres
    second = swift(migrated_postgres_url)
    add_documents(first, 400)

    def work(node: Database) -> None:
        for _ in range(10):
            seal(node, signer, clock=Clock(), limit=30)

    threads = [Thread(target=work, args=(node,)) for node in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    second.close()
    leaves = leaves_of(first)
    with first.read() as connection:
        sizes = [head.size for head in list_heads(connection)]
        head = newest_head(connection)
    assert sizes == sorted(set(sizes))
    assert head is not None
    assert (head.size, head.root) == (len(leaves), root_of(leaves).hex())
    assert len(leaves) == 401


def test_an_interrupted_sealing_leaves_nothing_behind(
    database: Database, signer: Signer, clock: Clock
) -> None:
    def interrupt() -> datetime:
        raise KeyboardInterrupt

    add_documents(database, 20)
    with pytest.raises(KeyboardInterrupt):
        seal(database, signer, clock=interrupt)
    assert leaves_of(database) == []
    assert seal(database, signer, clock=clock).added == 21
