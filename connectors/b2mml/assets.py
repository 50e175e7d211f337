"""Physical assets and the roles they play: which serial number was which equipment, and when (95.02)."""

from connectors.b2mml.markup import Element, children, name, text
from connectors.b2mml.properties import bare, read_class, read_properties
from connectors.b2mml.reader import Name, Reader, description
from hub.model import EquipmentAssetMapping, PhysicalAsset

_SERIALS = frozenset({"serialnumber", "serialno", "serial"})
_SINGLE_USE = frozenset({"singleuse", "issingleuse", "disposable"})
_DUE = frozenset({"calibrationdue", "calibrationduedate", "nextcalibration", "calibrationdueat"})
_YES = frozenset({"true", "yes", "1", "y"})


def read_assets(reader: Reader, body: Element) -> None:
    """State what a PhysicalAssetInformation or PhysicalAsset says."""
    if name(body) == "PhysicalAsset":
        _asset(reader, body, None)
        return
    for part in children(body, "PhysicalAssetClass"):
        read_class(reader, part)
    for part in children(body, "PhysicalAsset"):
        _asset(reader, part, None)


def _asset(reader: Reader, element: Element, parent: Name | None) -> None:
    own = reader.name(element, "ID")
    told = {
        bare(text(p, "ID") or ""): v
        for p in children(element, "PhysicalAssetProperty")
        for v in children(p, "Value")
    }
    fixed = text(element, "FixedAssetID")
    single = next((text(told[k], "ValueString") for k in told if k in _SINGLE_USE), None)
    due = next((told[k] for k in told if k in _DUE), None)
    reader.state(
        PhysicalAsset,
        element,
        id=own,
        also=[{"scheme": "fixed_asset", "value": fixed}] if fixed else [],
        parent=parent,
        asset_class=reader.name(element, "PhysicalAssetClassID"),
        description=description(element),
        vendor=text(element, "VendorID"),
        serial_number=next((text(told[k], "ValueString") for k in told if k in _SERIALS), None),
        is_single_use=None if single is None else single.casefold() in _YES,
        calibration_due_at=reader.time(due, "ValueString"),
    )
    known = _SERIALS | _SINGLE_USE | _DUE
    read_properties(reader, element, "PhysicalAssetProperty", owner={"physical_asset": own}, known=known)
    read_mappings(reader, element)
    for part in children(element, "PhysicalAssetChild", "PhysicalAsset"):
        _asset(reader, part, own)


def read_mappings(reader: Reader, element: Element) -> None:
    """State which asset played which role: the mappings of an equipment or of an asset."""
    for part in children(element, "EquipmentAssetMapping"):
        equipment = reader.name(part, "EquipmentID")
        asset = reader.name(part, "PhysicalAssetID")
        start = reader.time(part, "StartTime")
        if equipment and asset:
            since = f"/{start:%Y%m%dT%H%M%SZ}" if start else ""
            reader.state(
                EquipmentAssetMapping,
                part,
                key=f"{equipment['value']}/{asset['value']}{since}",
                equipment=equipment,
                physical_asset=asset,
                start_at=start,
                end_at=reader.time(part, "EndTime"),
            )
