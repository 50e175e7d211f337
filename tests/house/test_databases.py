"""A migrated database is copied, never shared."""

import pytest
from sqlalchemy import create_engine, text


@pytest.mark.parametrize("turn", [1, 2])
def test_a_copy_of_the_migrated_database_starts_without_what_another_test_wrote(
    migrated_url: str, turn: int
) -> None:
    engine = create_engine(migrated_url)
    with engine.begin() as connection:
        count = connection.execute(text("SELECT count(*) FROM setting")).scalar_one()
        connection.execute(text("CREATE TABLE mark (turn INTEGER)"))
    engine.dispose()
    assert (count, turn) in {(0, 1), (0, 2)}
