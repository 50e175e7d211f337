"""Tags, history, security and refusals, against servers in processes of their own."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from connectors.opcua import OpcUa, OpcUaConfig
from hub.model import Tag
from hub.sdk import Health, Misconfigured, Rejected, Unauthorized, Unavailable, Window
from hub.sdk.testing.session import Session
from tests.connectors.opcua.server import BAD, COUNT, NAMES, PASSWORD, START
from tests.connectors.opcua.test_opcua_conformance import make_opcua

WHOLE = Window(START, START + timedelta(seconds=COUNT))
Row = dict[str, Any]


def tags(source: OpcUa) -> dict[str, Tag]:
    """Give the tags by name."""
    with Session(source) as session:
        return {tag.id.value: tag for tag in session.collect(session.connector.tags())}


def check(source: OpcUa) -> Health:
    """Ask for the source's health."""
    with Session(source) as session:
        return session.wait(session.connector.check())


def rows(source: OpcUa, *names: str, window: Window = WHOLE) -> list[Row]:
    """Give the samples of tags."""
    with Session(source) as session:
        return [row for batch in batches_of(session, names, window) for row in batch.to_pylist()]


def batches_of(session: Session[OpcUa], names: Sequence[str], window: Window) -> list[pa.RecordBatch]:
    """Give the samples of tags, all of which can be read."""
    given = session.collect(session.connector.samples(names, window))
    return [item for item in given if not isinstance(item, Rejected)]


def test_variables_with_history_are_found_by_browsing_with_what_the_server_knows(historian: str) -> None:
    found = tags(make_opcua(historian, nodes=None))
    assert set(found) == {f"ns=2;s={name}" for name in (*NAMES, "BR1.NEVER")}
    temperature, state = found["ns=2;s=BR1.TEMP"], found["ns=2;s=BR1.STATE"]
    assert (temperature.unit, temperature.source_unit) == ("Cel", "°C")
    assert (temperature.low, temperature.high, temperature.value_type) == (0.0, 80.0, "float")
    assert (temperature.is_step, state.is_step, state.value_type) == (False, True, "integer")
    assert found["ns=2;s=BR1.BATCH"].value_type == "string"
    assert found["ns=2;s=BR1.PUMP"].value_type == "boolean"


def test_tags_may_be_named_by_their_path(historian: str) -> None:
    source = make_opcua(historian, nodes=None, tag_name="browse_path")
    assert "BR1/BR1.TEMP" in tags(source)
    assert len(rows(make_opcua(historian, nodes=None, tag_name="browse_path"), "BR1/BR1.TEMP")) == COUNT


def test_every_sample_comes_once_over_many_pages(historian: str) -> None:
    found = rows(make_opcua(historian), *(f"ns=2;s={name}" for name in NAMES))
    assert len(found) == COUNT * len(NAMES)
    for name in NAMES:
        times = [row["ts"] for row in found if row["tag"] == f"ns=2;s={name}"]
        assert times == [START + timedelta(seconds=n) for n in range(COUNT)]


def test_values_texts_states_and_qualities_are_as_the_server_keeps_them(historian: str) -> None:
    found = rows(make_opcua(historian), *(f"ns=2;s={name}" for name in NAMES))
    by_name = {name: [row for row in found if row["tag"].endswith(name)] for name in NAMES}
    temperature = by_name["BR1.TEMP"]
    assert {n for n, row in enumerate(temperature) if row["quality"]} == set(BAD)
    assert {row["quality"] for row in temperature} == {0, 0x808C0000}
    assert all(temperature[n]["value"] is None for n in BAD)
    assert temperature[1000]["value"] == pytest.approx(36.6)
    assert [(row["value"], row["text"]) for row in by_name["BR1.STATE"][:1501:500]] == [
        (0.0, "Idle"),
        (1.0, "Running"),
        (2.0, "Held"),
        (0.0, "Idle"),
    ]
    assert [(row["value"], row["text"]) for row in by_name["BR1.BATCH"][::1000]] == [
        (None, "B-0"),
        (None, "B-1"),
        (None, "B-2"),
    ]
    assert [row["value"] for row in by_name["BR1.PUMP"][:3]] == [1.0, 0.0, 1.0]


def test_reading_that_ends_early_leaves_the_session_usable(historian: str) -> None:
    with Session(make_opcua(historian, values_per_node=10)) as session:

        async def first() -> datetime:
            batches = session.connector.samples(["ns=2;s=BR1.TEMP"], WHOLE)
            batch = await anext(batches)
            await batches.aclose()  # type: ignore[attr-defined]
            assert not isinstance(batch, Rejected)
            return batch["ts"][0].as_py()

        assert session.wait(first()) == START
        assert sum(b.num_rows for b in batches_of(session, ["ns=2;s=BR1.TEMP"], WHOLE)) == COUNT


def test_tags_without_history_are_left_out_named_and_the_others_go_on(historian: str) -> None:
    with Session(make_opcua(historian, nodes=None)) as session:
        asked = ["ns=2;s=BR1.TEMP", "ns=2;s=BR1.NEVER", "ns=2;s=GONE"]
        given = session.collect(session.connector.samples(asked, WHOLE))
        assert sum(item.num_rows for item in given if not isinstance(item, Rejected)) == COUNT
        rejected = {item.key: item.reason for item in given if isinstance(item, Rejected)}
        assert set(rejected) == {"ns=2;s=BR1.NEVER", "ns=2;s=GONE"}
        assert "no variable with history" in rejected["ns=2;s=GONE"]
        detail = session.wait(session.connector.check()).detail
    assert "ns=2;s=GONE (no variable with history)" in detail
    assert "ns=2;s=BR1.NEVER (BadHistoryOperationUnsupported)" in detail


def test_a_vanished_tag_alone_is_given_back_with_reason_and_remedy(historian: str) -> None:
    with Session(make_opcua(historian)) as session:
        (gone,) = session.collect(session.connector.samples(["ns=2;s=GONE"], WHOLE))
    assert isinstance(gone, Rejected)
    assert gone.key == "ns=2;s=GONE"
    assert historian in gone.where
    assert gone.remedy


def test_check_names_the_server_and_nodes_that_are_gone(historian: str) -> None:
    health = check(make_opcua(historian, nodes=["ns=2;s=BR1.TEMP", "ns=2;s=GONE"]))
    assert health.system
    assert "not found or without history: ns=2;s=GONE" in health.detail


@pytest.mark.parametrize(
    ("settings", "raised", "said"),
    [
        ({"endpoint": "opc.tcp://127.0.0.1:9/x"}, Unavailable, "refuses the connection"),
        ({"password": "stolen"}, Unauthorized, "check user and password"),
        ({"root": "ns=2;s=NOWHERE", "nodes": None}, Misconfigured, "has no node ns=2;s=NOWHERE"),
        ({"root": "i=2253", "nodes": None, "depth": 1}, Misconfigured, "no variable with readable history"),
        ({"nodes": ["what"]}, Misconfigured, "is no node id"),
        ({"nodes": ["ns=2;s=BR1.NEVER"]}, Misconfigured, "BadHistoryOperationUnsupported"),
    ],
)
def test_refusals_say_what_where_and_what_to_do(
    historian: str, settings: dict[str, Any], raised: type[Exception], said: str
) -> None:
    with pytest.raises(raised, match=said) as error:
        check(make_opcua(historian, **settings))
    assert "stolen" not in str(error.value)


def secured(url: str, folder: Path, **security: Any) -> OpcUa:
    """Give the connector with certificates."""
    written = {
        "certificate": str(folder / "client.der"),
        "private_key": str(folder / "client.pem"),
        "trust": [str(folder / "trusted_servers")],
        **security,
    }
    return OpcUa(
        OpcUaConfig.model_validate(
            {"endpoint": url, "security": written, "user": "hub", "password": PASSWORD}
        )
    )


@pytest.mark.parametrize("mode", ["SignAndEncrypt", "Sign"])
def test_a_protected_channel_is_opened_with_certificates(guarded: str, certificates: Path, mode: str) -> None:
    assert len(rows(secured(guarded, certificates, mode=mode), "ns=2;s=BR1.TEMP")) == COUNT


@pytest.mark.parametrize(
    ("security", "raised", "said"),
    [
        (
            {"certificate": "stranger.der", "private_key": "stranger.pem"},
            (Unauthorized, Unavailable),
            "trust our cert",
        ),
        ({"trust": ["nobody"]}, Unauthorized, "shows a certificate that is not trusted"),
        ({"policy": "Aes256Sha256RsaPss"}, Misconfigured, "offers no such security"),
        ({"private_key": "gone.pem"}, Misconfigured, "gone.pem is no file"),
        ({"private_key": "client.der"}, Misconfigured, "check certificate, key"),
    ],
)
def test_faults_of_certificates_are_told_apart(
    guarded: str, certificates: Path, security: dict[str, Any], raised: Any, said: str
) -> None:
    places = {"certificate", "private_key"}
    given = {k: str(certificates / v) if k in places else v for k, v in security.items()}
    if "trust" in given:
        given["trust"] = [str(certificates / name) for name in given["trust"]]
    with pytest.raises(raised, match=said):
        check(secured(guarded, certificates, **given))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"security": {"policy": "None"}}, "set `insecure: true`"),
        ({}, "needs security.certificate"),
        ({"security": {"certificate": "a", "private_key": "b"}}, "which server is trusted"),
        ({"security": {"policy": "None"}, "insecure": True, "user": "x"}, "come together"),
    ],
)
def test_unsafe_settings_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        OpcUaConfig.model_validate({"endpoint": "opc.tcp://127.0.0.1:9", **settings})
