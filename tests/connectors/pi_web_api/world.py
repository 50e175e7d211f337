"""A small plant in the simulated PI System: a bioreactor with four points, two of them with odd values, and frames."""

from datetime import timedelta
from typing import Any

from connectors.pi_web_api import PiWebApi, PiWebApiConfig
from tests.connectors.pi_web_api.simulator import PASSWORD, START, USER, Event, PiSystem, state

RECORDS: list[dict[str, Any]] = [
    {
        "record": "batch",
        "when": {"path": "TemplateName", "equals": "Batch"},
        "fields": {
            "id": "Attributes.BatchID.Value",
            "actual_start": "StartTime",
            "actual_end": "EndTime",
            "equipment": {"path": "Element.Place", "match": "Element.Name"},
        },
    },
    {
        "record": "segment_response",
        "when": {"path": "TemplateName", "equals": "Phase"},
        "fields": {
            "key": "Id",
            "batch": "Attributes.BatchID.Value",
            "level": {"const": "phase"},
            "name": "Name",
            "parent": "Parent.Id",
            "equipment": {"path": "Element.Place", "match": "Element.Name"},
            "state": "Attributes.State.Value.Name",
            "actual_start": "StartTime",
            "actual_end": "EndTime",
        },
    },
]


def second(number: float) -> Any:
    return START + timedelta(seconds=number)


def make_system() -> PiSystem:
    """Give the world."""
    system = PiSystem()
    temperature: list[Event] = [(second(n), 36.5 + n / 1000, {}) for n in range(40)]
    temperature[7] = (second(7), state("I/O Timeout", 246, is_system=True), {})
    temperature[9] = (second(9), 36.9, {"Questionable": True})
    temperature[11] = (second(11), 36.8, {"Substituted": True})
    # Five values of one instant, across the end of a page; and one between two microseconds.
    temperature += [(second(20.5), 37.0 + n / 10, {}) for n in range(5)]
    temperature.append((second(30.000001), 37.7, {"ticks": 9}))  # type: ignore[typeddict-item, arg-type]
    system.add_point(
        "BR-2001.TEMP", temperature, EngineeringUnits="°C", Zero=0.0, Span=80.0, descriptor="Jacket"
    )
    agitating: list[Event] = [
        (second(n * 4), state("RUN" if n % 2 else "STOP", n % 2), {}) for n in range(10)
    ]
    system.add_point("BR-2001.AGIT", agitating, PointType="Digital", Step=True)
    system.add_point(
        "BR-2001.BATCH",
        [(second(3), "B26-0117", {}), (second(33), "B26-0118", {})],
        PointType="String",
        Step=True,
    )
    system.add_point(
        "BR-2001.PH",
        [
            (second(0), state("Pt Created", 253, is_system=True), {}),
            *((second(n + 0.25), 7.0, {}) for n in range(12)),
        ],
    )
    site = system.add_element("Cork", "Site")
    reactor = system.add_element(r"Cork\BR-2001", "Bioreactor")
    assert site != reactor
    system.add_attribute(r"Cork\BR-2001|Temperature", "BR-2001.TEMP", DefaultUnitsNameAbbreviation="°C")
    system.add_attribute(
        r"Cork\BR-2001|Acidity",
        None,
        Links={"Point": f"http://x/points/{system.points['BR-2001.PH']['WebId']}"},
        DataReferencePlugIn="PI Point",
        DefaultUnitsNameAbbreviation="[pH]",
        _point="BR-2001.PH",
    )
    system.add_attribute(r"Cork\BR-2001|Serial number", None, Type="String")
    batch = system.add_frame(
        1,
        "Batch",
        second(0),
        second(3600),
        element=reactor,
        values={"BatchID": {"Value": "B26-0117", "Good": True}},
    )
    for n in range(2, 8):
        system.add_frame(
            n,
            "Phase",
            second(60 * (n // 2)),  # two begin at the same time
            second(60 * n + 30) if n < 7 else None,
            element=reactor,
            parent=batch["WebId"],
            name=f"Phase {n}",
            values={
                "BatchID": {"Value": "B26-0117"},
                "State": {"Value": state("Completed" if n < 7 else "Running", n)},
            },
        )
    return system


def make_pi(base: str, *, password: str = PASSWORD, **settings: Any) -> PiWebApi:
    """Give the connector."""
    given = {
        "base_url": base,
        "auth": {"user": USER, "password": password},
        "asset_framework": {"database": "Plant", "levels": {"Site": "Site", "Bioreactor": "Unit"}},
        "event_frames": {"start": "2026-03-01T00:00:00Z", "records": RECORDS},
        "max_count": 4,
        "streams_per_request": 3,
        **settings,
    }
    return PiWebApi(PiWebApiConfig.model_validate({k: v for k, v in given.items() if v is not None}))
