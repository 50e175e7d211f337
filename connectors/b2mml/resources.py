"""Material, equipment and personnel documents: definitions, lots, hierarchies, persons."""

from typing import Any

from connectors.b2mml.assets import read_mappings
from connectors.b2mml.markup import Element, child, children, name, text
from connectors.b2mml.own import is_own, read_told, told_text
from connectors.b2mml.properties import bare, read_class, read_properties
from connectors.b2mml.reader import Name, Reader, codes, description
from hub.model import Equipment, EquipmentAssetMapping, MaterialDefinition, MaterialLot, Person
from hub.model.enums import MaterialStage

_LOT_PROPERTIES = {
    "expirydate": "expires_at",
    "expirationdate": "expires_at",
    "expirydatetime": "expires_at",
    "shelflifeexpirationdate": "expires_at",
    "manufacturedate": "manufactured_at",
    "manufacturingdate": "manufactured_at",
    "productiondate": "manufactured_at",
    "releasedate": "released_at",
    "supplierlot": "supplier_lot",
    "supplierbatch": "supplier_lot",
    "vendorlot": "supplier_lot",
    "vendorbatch": "supplier_lot",
}
_SCOPES = ("HierarchyScope", "Location")
"""Where something is so: V02 to V0401 say `Location`."""
_BASE_UNITS = ("baseunitofmeasure", "baseunit", "unitofmeasure")
_DEFINED = frozenset({*_BASE_UNITS, "stage", "materialstage"})
_PLACED = frozenset({"timezone"})
_STAGES = frozenset(MaterialStage.__args__)  # type: ignore[attr-defined] - a Literal keeps its values there


# ------------------------------------------------------------------------------------------ material
def read_material(reader: Reader, body: Element) -> None:
    """State what a MaterialInformation, MaterialDefinition, MaterialLot or MaterialSubLot says."""
    kind = name(body)
    if kind == "MaterialDefinition":
        _definition(reader, body)
    elif kind == "MaterialLot":
        _lot(reader, body, None)
    elif kind == "MaterialSubLot":
        _sublot(reader, body, parent=None, material=None)
    else:
        material = reader.name(body, "ID") if reader.config.information_id_is_material else None
        for part in children(body, "MaterialClass"):
            read_class(reader, part)
        for part in children(body, "MaterialDefinition"):
            _definition(reader, part)
        for part in children(body, "MaterialLot"):
            _lot(reader, part, material)
        for part in children(body, "MaterialSubLot"):
            _sublot(reader, part, parent=None, material=material)


def _definition(reader: Reader, element: Element) -> None:
    base_unit = stage = None
    for part in children(element, "MaterialDefinitionProperty"):
        key, value = _property(part)
        if key in _BASE_UNITS and value:
            try:
                base_unit = reader.unit(value)
            except ValueError as error:
                reader.refuse(part, error)
        elif key in {"stage", "materialstage"} and value in _STAGES:
            stage = value
    own = reader.name(element, "ID")
    read_properties(reader, element, "MaterialDefinitionProperty", owner={"material": own}, known=_DEFINED)
    reader.state(
        MaterialDefinition,
        element,
        id=own,
        description=description(element),
        material_class=reader.name(element, "MaterialClassID"),
        base_unit=base_unit,
        stage=stage,
    )


def _lot(reader: Reader, element: Element, material: Name | None) -> None:
    own = reader.name(element, "ID")
    material = reader.name(element, "MaterialDefinitionID") or material
    _state_lot(reader, element, id=own, material=material, kind="lot")
    for part in children(element, "MaterialSubLot"):
        _sublot(reader, part, parent=own, material=material)


def _sublot(reader: Reader, element: Element, *, parent: Name | None, material: Name | None) -> None:
    own = reader.name(element, "ID")
    parent = reader.name(element, "MaterialLotID") or parent
    _state_lot(reader, element, id=own, material=material, kind="sublot", parent_lot=parent)
    for part in children(element, "MaterialSubLotChild", "MaterialSubLot"):
        _sublot(reader, part, parent=own, material=material)


def _state_lot(reader: Reader, element: Element, /, **fields: Any) -> None:
    amount = child(element, "Quantity")
    try:
        fields["quantity"] = reader.quantity(amount)
    except ValueError as error:
        reader.refuse(element if amount is None else amount, error)
    fields |= _lot_properties(reader, element)
    told = read_told(element, "MaterialLotProperty")
    fields["coi_id"] = told_text(told, "coi_id")
    fields["kind"] = told_text(told, "kind") or fields["kind"]
    fields["parent_lot"] = fields.get("parent_lot") or told_text(told, "parent_lot")
    known = frozenset(_known(reader))
    for title in ("MaterialLotProperty", "MaterialSubLotProperty"):
        read_properties(reader, element, title, owner={"lot": fields["id"]}, known=known)
    status = text(element, "Status")
    fields["disposition"] = codes(children(element, "Disposition")) or reader.config.statuses.get(
        status or ""
    )
    reader.state(MaterialLot, element, description=description(element), **fields)


def _lot_properties(reader: Reader, element: Element) -> dict[str, Any]:
    known = _known(reader)
    found: dict[str, Any] = {}
    for part in children(element, "MaterialLotProperty", "MaterialSubLotProperty"):
        key, value = _property(part)
        field = known.get(key)
        if field and value:
            holder = child(part, "Value")
            found[field] = value if field == "supplier_lot" else reader.time(holder, "ValueString")
    return found


def _known(reader: Reader) -> dict[str, str]:
    """Give the fields of a lot by the properties that tell them."""
    return _LOT_PROPERTIES | {bare(key): field for key, field in reader.config.lot_properties.items()}


def _property(element: Element) -> tuple[str, str | None]:
    return bare(text(element, "ID") or ""), text(child(element, "Value"), "ValueString")


# ----------------------------------------------------------------------------------------- equipment
def read_equipment(reader: Reader, body: Element) -> None:
    """State what an EquipmentInformation or Equipment says."""
    if name(body) == "Equipment":
        _equipment(reader, body, None)
        return
    above = read_scope(reader, body)
    for part in children(body, "EquipmentClass"):
        read_class(reader, part)
    for part in children(body, "Equipment"):
        _equipment(reader, part, above)


def read_scope(reader: Reader, element: Element) -> Name | None:
    """State the equipment of a HierarchyScope; give the innermost."""
    scope, parent = child(element, *_SCOPES), None
    while scope is not None:
        own = reader.name(scope, "EquipmentID")
        if own:
            told = [e for e in children(scope, "EquipmentLevel", "EquipmentElementLevel") if not is_own(e)]
            level = codes(told)
            reader.state_once(Equipment, scope, id=own, level=level, parent=parent)
            parent = own
        scope = child(scope, "HierarchyScopeChild", *_SCOPES)
    return parent


def site_of(reader: Reader, element: Element) -> Name | None:
    """Give the site in a HierarchyScope, else the innermost equipment."""
    scope, site, last = child(element, *_SCOPES), None, None
    while scope is not None:
        last = reader.name(scope, "EquipmentID") or last
        if text(scope, "EquipmentLevel", "EquipmentElementLevel") == "Site":
            site = reader.name(scope, "EquipmentID")
        scope = child(scope, "HierarchyScopeChild", *_SCOPES)
    return site or last


def _equipment(reader: Reader, element: Element, parent: Name | None) -> None:
    own = reader.name(element, "ID")
    zone = None
    for part in children(element, "EquipmentProperty"):
        key, value = _property(part)
        zone = value if key == "timezone" else zone
    above = read_scope(reader, element) if parent is None else parent
    reader.state(
        Equipment,
        element,
        id=own,
        level=codes(children(element, "EquipmentLevel", "EquipmentElementLevel")),
        parent=above if above != own else None,
        description=description(element),
        equipment_class=reader.name(element, "EquipmentClassID"),
        timezone=zone,
    )
    read_properties(reader, element, "EquipmentProperty", owner={"equipment": own}, known=_PLACED)
    read_mappings(reader, element)
    asset = reader.name(element, "PhysicalAssetID")
    if own and asset:
        key = f"{own['value']}/{asset['value']}"
        reader.state(EquipmentAssetMapping, element, key=key, equipment=own, physical_asset=asset)
    for part in children(element, "EquipmentChild", "Equipment"):
        _equipment(reader, part, own)


def read_equipment_element(reader: Reader, element: Element, parent: Name | None = None) -> None:
    """State a BatchML EquipmentElement and what is inside it."""
    own = reader.name(element, "ID")
    level = codes(children(element, "EquipmentElementLevel", "EquipmentLevel"))
    reader.state(Equipment, element, id=own, level=level, parent=parent, description=description(element))
    for part in children(element, "EquipmentElement"):
        read_equipment_element(reader, part, own)


# ----------------------------------------------------------------------------------------- personnel
def read_personnel(reader: Reader, body: Element) -> None:
    """State what a PersonnelInformation or Person says."""
    for part in children(body, "PersonnelClass"):
        read_class(reader, part)
    for part in [body] if name(body) == "Person" else children(body, "Person"):
        reader.state(
            Person,
            part,
            id=reader.name(part, "ID"),
            printed_name=text(part, "PersonName"),
            role=text(part, "PersonnelClassID"),
            personnel_class=reader.name(part, "PersonnelClassID"),
            description=description(part),
        )
        read_properties(reader, part, "PersonProperty", owner={"person": reader.name(part, "ID")})
