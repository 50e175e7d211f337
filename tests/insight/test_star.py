"""The star as files: what its views hold, month by month, and never anything else than the store would say."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.api.app import create_app
from hub.ingest.runner import Desk
from hub.model import Batch, Quantity
from hub.odata.door import make_door
from hub.shift.library import Library
from hub.store.keys import create_key
from hub.store.mart import STAR
from hub.store.questions.columns import stream_columns
from hub.store.questions.grouping import parse_apply, read_groups
from hub.store.questions.question import ask
from hub.store.star.arrow import read_plain
from hub.store.star.choosing import choose
from hub.store.star.freshness import tables_of
from hub.store.star.generations import KEPT, Generations, StarBusy
from hub.store.star.reading import Star
from hub.store.star.writing import Refreshed, refresh
from tests.insight.plant import called, fill
from tests.resolve.test_counting import says
from tests.resolve.worlds import World

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
_arrow: Any = pa


@pytest.fixture(scope="module")
def world(module_url: str) -> Iterator[World]:
    one = World(module_url, keeps=True)
    fill(one)
    yield one
    one.database.close()


@pytest.fixture(scope="module")
def folder(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("star")
    refresh(world.database, place)
    return place


@pytest.fixture
def changing(migrated_url: str) -> Iterator[World]:
    one = World(migrated_url, keeps=True)
    fill(one)
    yield one
    one.database.close()


@pytest.fixture
def embedded(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """For what is of the files alone."""
    url = f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path_factory.mktemp('embedded'))}"
    one = World(url, keeps=True)
    fill(one)
    yield one
    one.database.close()


def columns(connection: Any, name: str, **asked: Any) -> Any:
    return _arrow.Table.from_batches(list(stream_columns(connection, ask(name, **asked))))


def from_both(world: World, folder: Path, name: str, **asked: Any) -> tuple[Any, Any]:
    """Give an answer in columns, from the views and from the files."""
    with world.database.read() as store:
        chosen = choose(Star(folder), store, name)
        assert chosen is not None
        with chosen.read(store) as files:
            assert files is not store
            return columns(store, name, **asked), columns(files, name, **asked)


@pytest.mark.parametrize("name", STAR)
def test_files_hold_what_the_view_holds(world: World, folder: Path, name: str) -> None:
    views, files = from_both(world, folder, name)
    assert files.schema == views.schema
    assert files.equals(views)


FILTERS = (
    "yield_ratio ge 0.9 and dim_equipment/code eq 'BR-1'",
    "contains(dim_batch/code,'B') and not endswith(dim_batch/code,'3')",
    "actual_start gt 2026-03-05T00:00:00Z",
    "year(actual_end) eq 2026 and month(actual_end) eq 3 and day(actual_end) lt 20",
    "date(actual_start) eq 2026-03-06",
    "round(cycle_s div 3600) eq 50 or floor(yield_ratio mul 10) eq 9 or ceiling(yield_ratio) eq 1",
    "cycle_s mod 7200 eq 0",
    "released_at eq null",
    "tolower(size_unit) in ('kg','g') and length(dim_batch/code) eq 2",
    "startswith(dim_batch/code,'B') and indexof(dim_batch/code,'2') ge 0",
    "time_of_start/iso_week eq 10",
)


@pytest.mark.parametrize("filter", FILTERS)
def test_a_filter_means_the_same_over_files(world: World, folder: Path, filter: str) -> None:
    views, files = from_both(world, folder, "fact_batch", filter=filter, order="dim_batch/code desc")
    assert files.equals(views)


PATHS = ("dim_batch/code", "property", "is_oos", "done_day", "dim_material/code", "verdict")
FIGURES = ("$count as n", "value_num with sum as s", "value_num with average as a", "value_num with max as x")
FIGURES += ("measured_at with min as first", "property with countdistinct as d")


@given(
    st.lists(st.sampled_from(PATHS), max_size=3, unique=True),
    st.lists(st.sampled_from(FIGURES), min_size=1, max_size=3, unique=True),
    st.sampled_from(("", "filter(value_num gt 25)/", "filter(is_oos eq 0 and done_day gt 20260301)/")),
)
@settings(max_examples=30)
def test_groups_are_the_same_over_files(
    world: World, folder: Path, paths: list[str], figures: list[str], before: str
) -> None:
    made = f"aggregate({','.join(figures)})"
    steps = parse_apply(before + (f"groupby(({','.join(paths)}),{made})" if paths else made))
    question = ask("fact_test_result")
    with world.database.read() as store:
        chosen = choose(Star(folder), store, "fact_test_result")
        assert chosen is not None
        with chosen.read(store) as files:
            over = [read_groups(one, question, steps) for one in (store, files)]
    (views, files_) = ([[_plain(v) for v in row] for row in one.rows] for one in over)
    assert files_ == views


def _plain(value: Any) -> Any:
    return pytest.approx(value, rel=1e-12) if isinstance(value, float) else value


def test_every_write_that_a_view_could_show_is_seen() -> None:
    for name in STAR:
        assert tables_of(name)  # raises for a table whose writes leave no audit rows


def again(world: World, folder: Path) -> Refreshed:
    return refresh(world.database, folder)


def test_nothing_new_is_nothing_to_write(embedded: World, tmp_path: Path) -> None:
    first = again(embedded, tmp_path)
    second = again(embedded, tmp_path)
    assert first.written == sum(len(view.parts) for view in first.manifest.views.values())
    assert (second.views, second.written, second.manifest) == (0, 0, first.manifest)


def test_only_the_files_whose_rows_changed_are_written(changing: World, tmp_path: Path) -> None:
    hear(changing)
    again(changing, tmp_path)
    before = _files(tmp_path)
    hear(changing, size=95)
    done = again(changing, tmp_path)
    after = _files(tmp_path)
    changed = {path for path in after if before.get(path) != after[path]}
    assert "fact_batch/month=2026-05/part.parquet" in changed
    assert not any(path.startswith("fact_batch/month=2026-03") for path in changed)
    assert done.written == len(changed) < done.kept


def test_what_was_written_since_is_answered_by_the_store(changing: World, tmp_path: Path) -> None:
    again(changing, tmp_path)
    star = Star(tmp_path)
    hear(changing)
    with changing.database.read() as store:
        assert choose(star, store, "fact_batch") is None
        held = choose(star, store, "fact_batch", older=timedelta(hours=1))
        assert held is not None
        assert not held.is_current
        assert choose(star, store, "fact_event", older=timedelta()) is None  # a batch is looked up from it
    again(changing, tmp_path)
    with changing.database.read() as store:
        chosen = choose(star, store, "fact_batch")
        assert chosen is not None
        with chosen.read(store) as files:
            assert columns(files, "fact_batch").num_rows == 5


def test_who_reads_a_generation_reads_it_to_its_end(embedded: World, tmp_path: Path) -> None:
    again(embedded, tmp_path)
    star = Star(tmp_path)
    with embedded.database.read() as store:
        chosen = choose(star, store, "fact_batch")
        assert chosen is not None
        with chosen.read(store) as files:
            begun = stream_columns(files, ask("fact_batch"))
            hear(embedded)
            again(embedded, tmp_path)
            assert sum(batch.num_rows for batch in begun) == 4


def test_old_generations_go_when_nobody_can_be_reading_them(embedded: World, tmp_path: Path) -> None:
    place = Generations(tmp_path)
    for number in range(3):
        hear(embedded, size=90 + number)
        refresh(embedded.database, tmp_path, clock=lambda n=number: NOW + n * KEPT)
    assert sorted(p.name for p in (tmp_path / "generations").iterdir()) == ["000002", "000003"]
    assert place.clear(now=NOW + 2 * KEPT) == 0
    assert place.clear(now=NOW + 3 * KEPT) == 1


def test_what_a_crash_left_is_neither_read_nor_in_the_way(embedded: World, tmp_path: Path) -> None:
    again(embedded, tmp_path)
    left = Generations(tmp_path).begin(2)
    (left / "fact_batch").mkdir()
    (left / "fact_batch" / "part.parquet").write_bytes(b"half")
    assert Star(tmp_path).manifest() == again(embedded, tmp_path).manifest
    hear(embedded)
    assert again(embedded, tmp_path).manifest.number == 2
    assert not left.exists()


def test_a_hub_that_serves_writes_what_changed_and_waits_for_nobody(embedded: World, tmp_path: Path) -> None:
    desk = Desk(embedded.database, owner="here", operator="test")
    library = Library(desk, tmp_path, pause_s=3600)
    assert library.tend() > 0
    assert library.tend() == 0
    hear(embedded)
    with Generations(tmp_path).writing():
        assert library.tend() == 0
    assert library.tend() > 0
    library.start()
    library.stop()


def test_two_never_write_at_once(embedded: World, tmp_path: Path) -> None:
    with Generations(tmp_path).writing(), pytest.raises(StarBusy, match="another process"):
        again(embedded, tmp_path)


def hear(world: World, *, size: int = 90) -> None:
    """Let the MES tell of a batch of May, in the version that has this size."""
    start = datetime(2026, 5, 2, tzinfo=UTC)
    batch = Batch(
        id=called("B9"),
        kind="batch",
        actual_start=start,
        actual_end=start + timedelta(hours=10),
        actual_size=Quantity.of(str(size), "kg"),
    )
    world.take([says("mes", batch, key="late", number=size)])
    world.resolve()


def _files(folder: Path) -> dict[str, int]:
    """Give each file of the current star with what tells whether it is the same file."""
    place = (folder / "current").resolve()
    return {p.relative_to(place).as_posix(): p.stat().st_ino for p in place.rglob("*.parquet")}


@pytest.fixture
def client(changing: World, tmp_path: Path) -> Iterator[TestClient]:
    again(changing, tmp_path)
    with changing.database.begin("test") as connection:
        key = create_key(connection, name="bi", scopes=["role:analyst"])
    app = create_app(changing.database, doors=[make_door()], star=Star(tmp_path))
    with TestClient(app, headers={"X-API-Key": key}) as one:
        yield one


def bulk(client: TestClient, **headers: str) -> tuple[int, str]:
    """Give how many batches there are in columns, and as known at which instant."""
    answer = client.get("/v1/collections/fact_batch?format=arrow", headers=headers).raise_for_status()
    table: Any = _arrow.ipc.open_stream(answer.content).read_all()
    return table.num_rows, answer.headers["Known-At"]


def test_older_files_answer_whoever_takes_older_answers_and_say_so(
    client: TestClient, changing: World, tmp_path: Path
) -> None:
    _, then = bulk(client)
    hear(changing)
    rows, now = bulk(client)
    held = bulk(client, **{"Cache-Control": "max-stale=3600"})
    assert (rows, held[0]) == (5, 4)
    assert held[1] <= then < now
    assert bulk(client, **{"Cache-Control": "no-cache, max-stale"}) == held
    assert bulk(client, **{"Cache-Control": "max-stale=0"})[0] == 5
    again(changing, tmp_path)
    assert bulk(client, **{"Cache-Control": "max-stale=3600"})[0] == 5


def test_an_age_that_is_no_number_is_refused(client: TestClient) -> None:
    told = client.get("/v1/collections/fact_batch?format=csv", headers={"Cache-Control": "max-stale=an hour"})
    assert (told.status_code, told.json()["type"].rpartition(":")[2]) == (422, "invalid-parameter")
    assert "max-stale=600" in told.json()["detail"]


def test_the_past_is_never_asked_of_files(client: TestClient, changing: World, tmp_path: Path) -> None:
    _, then = bulk(client)
    hear(changing)
    again(changing, tmp_path)
    answer = client.get(
        f"/v1/collections/fact_batch?format=csv&as_known_at={then}", headers={"Cache-Control": "max-stale"}
    )
    assert len(answer.raise_for_status().text.splitlines()) == 1 + 4


def test_whoever_sees_some_rows_only_is_answered_by_the_store(
    client: TestClient, changing: World, tmp_path: Path
) -> None:
    with changing.database.begin("test") as connection:
        narrow = create_key(connection, name="site", scopes=["read", "site:BSL"])
    assert bulk(client, **{"X-API-Key": narrow, "Cache-Control": "max-stale"})[0] == 2


def test_odata_groups_over_files_as_the_store_would(client: TestClient, changing: World) -> None:
    asked = "/odata/fact_batch?$apply=groupby((dim_equipment/code),aggregate($count as n))&$count=true"
    files = client.get(asked).raise_for_status()
    hear(changing)
    store = client.get(asked).raise_for_status()
    assert [(row["dim_equipment"]["code"], row["n"]) for row in files.json()["value"]] == [
        ("BSL", 2),
        ("CRK", 2),
    ]
    assert store.json()["@odata.count"] == 3
    assert files.headers["ETag"] != store.headers["ETag"]


PAGES = (
    *STAR,
    "fact_test_result?$filter=value_num gt 1&$orderby=measured_at desc,result_key&$top=7",
    "fact_test_result?$select=result_key,value_num,measured_at,is_oos&$skip=2&$count=true",
    "fact_batch?$filter=dim_material/code ne 'x'&$orderby=actual_start desc",
)
"""Rows of the star: each set whole, and some of what may be asked of one."""


@pytest.fixture
def files_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each reading of the files gave; every page counts as a large one."""
    told: list[int] = []

    def read(connection: Any, query: Any) -> Any:
        rows = read_plain(connection, query)
        told.append(len(rows))
        return rows

    monkeypatch.setattr("hub.store.questions.documents.read_plain", read)
    monkeypatch.setattr("hub.odata.answering._LARGE", 1)
    return told


@pytest.mark.parametrize("size", [5000, 3])
def test_odata_pages_of_the_star_are_the_same_bytes_from_files_and_from_the_store(
    client: TestClient, changing: World, files_read: list[int], size: int
) -> None:
    plain = TestClient(create_app(changing.database, doors=[make_door()]), headers=dict(client.headers))
    prefer = {"Prefer": f"odata.maxpagesize={size}"}
    for asked in PAGES:
        following: str | None = f"/odata/{asked}"
        while following is not None:
            ours, theirs = (who.get(following, headers=prefer) for who in (client, plain))
            assert ours.status_code == theirs.status_code == 200, ours.text
            assert ours.content == theirs.content
            assert ours.headers["ETag"] == theirs.headers["ETag"]
            following = ours.json().get("@odata.nextLink")
    # PostgreSQL's own rows come quicker than those of the files
    assert (sum(files_read) > 30) is (changing.database.dialect == "sqlite")


def test_odata_pages_come_from_the_store_when_something_was_written_since(
    client: TestClient, changing: World, files_read: list[int]
) -> None:
    hear(changing)
    assert len(client.get("/odata/fact_batch").raise_for_status().json()["value"]) == 5
    assert files_read == []


def test_rows_of_the_star_that_lie_far_apart_are_read_from_the_store(
    client: TestClient, files_read: list[int]
) -> None:
    days = client.get("/odata/dim_time?$top=100").raise_for_status().json()["value"]
    keys = [row["day_key"] for row in days]
    files_read.clear()
    apart = ",".join(str(key) for key in (keys[0], keys[-1]))
    found = client.get(f"/odata/dim_time?$filter=day_key in ({apart})").raise_for_status().json()["value"]
    assert [row["day_key"] for row in found] == [keys[0], keys[-1]]
    assert files_read == []


def test_small_odata_pages_of_the_star_are_read_from_the_store(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: Any) -> Any:
        raise AssertionError("files were asked for a few rows")

    monkeypatch.setattr("hub.store.questions.documents.read_plain", read)
    assert client.get("/odata/fact_batch?$top=10").raise_for_status().json()["value"]
