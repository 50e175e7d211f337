"""The entity types of the simulated SAP services: public field names of SAP's API documentation, a subset.

Sources: SAP Business Accelerator Hub pages of API_PROCESS_ORDER_2_SRV, API_PRODUCT_SRV, API_BATCH_SRV and
API_MATERIAL_DOCUMENT_SRV.
"""

from dataclasses import dataclass, field

_EDM = {
    "D": 'Edm.DateTime" Precision="0',
    "T": 'Edm.Time" Precision="0',
    "N": 'Edm.Decimal" Precision="13" Scale="3',
    "O": 'Edm.DateTimeOffset" Precision="0',
    "B": "Edm.Boolean",
}


@dataclass(frozen=True)
class EntityType:
    """An entity set with its keys, fields (name -> type letter or string length) and navigations."""

    service: str
    name: str
    keys: tuple[str, ...]
    fields: dict[str, str]
    links: dict[str, str] = field(default_factory=dict[str, str])
    """Navigation property -> entity set it leads to; rows carry the linked rows under its name."""

    def edm(self, name: str) -> str:
        """Give the EDM type attribute of a field, for `$metadata`."""
        kind = self.fields[name]
        return _EDM.get(kind) or f'Edm.String" MaxLength="{kind}'


def _fields(text: str) -> dict[str, str]:
    return dict(word.split(":") for word in text.split())


_ORDER, _PRODUCT, _BATCH, _DOCUMENT = (
    "API_PROCESS_ORDER_2_SRV",
    "API_PRODUCT_SRV",
    "API_BATCH_SRV",
    "API_MATERIAL_DOCUMENT_SRV",
)

ENTITY_TYPES = {
    kind.name: kind
    for kind in (
        EntityType(
            _ORDER,
            "A_ProcessOrder_2",
            ("ManufacturingOrder",),
            _fields("""
            ManufacturingOrder:12 ManufacturingOrderCategory:2 ManufacturingOrderType:4 OrderIsCreated:1
            OrderIsReleased:1 OrderIsPartiallyConfirmed:1 OrderIsConfirmed:1 OrderIsPartiallyDelivered:1
            OrderIsDelivered:1 OrderIsTechnicallyCompleted:1 OrderIsClosed:1 OrderIsMarkedForDeletion:1
            MfgOrderCreationDate:D MfgOrderCreationTime:T LastChangeDateTime:14 Material:40
            StorageLocation:4 MRPController:3 ProductionSupervisor:3 ProductionVersion:4 ProductionPlant:4
            MfgOrderPlannedStartDate:D MfgOrderPlannedStartTime:T MfgOrderPlannedEndDate:D
            MfgOrderPlannedEndTime:T MfgOrderScheduledStartDate:D MfgOrderScheduledStartTime:T
            MfgOrderScheduledEndDate:D MfgOrderScheduledEndTime:T MfgOrderActualReleaseDate:D
            ProductionUnit:3 ProductionUnitISOCode:3 TotalQuantity:N MfgOrderPlannedScrapQty:N
            MfgOrderConfirmedYieldQty:N
            """),
            {
                "to_ProcessOrderItem": "A_ProcessOrderItem_2",
                "to_ProcessOrderOperation": "A_ProcessOrderOperation_2",
                "to_ProcessOrderComponent": "A_ProcessOrderComponent_2",
            },
        ),
        EntityType(
            _ORDER,
            "A_ProcessOrderItem_2",
            ("ManufacturingOrder", "ManufacturingOrderItem"),
            _fields("""
            ManufacturingOrder:12 ManufacturingOrderItem:4 ManufacturingOrderCategory:2
            ManufacturingOrderType:4 Material:40 ProductionPlant:4 StorageLocation:4 Batch:10
            InventoryUsabilityCode:1 MfgOrderItemPlannedTotalQty:N MfgOrderItemPlannedScrapQty:N
            MfgOrderItemGoodsReceiptQty:N ProductionUnit:3 ProductionUnitISOCode:3 ProductionVersion:4
            MfgOrderItemPlndDeliveryDate:D MfgOrderItemActualDeliveryDate:D
            """),
        ),
        EntityType(
            _ORDER,
            "A_ProcessOrderOperation_2",
            ("OrderInternalBillOfOperations", "OrderIntBillOfOperationsItem"),
            _fields("""
            OrderInternalBillOfOperations:10 OrderIntBillOfOperationsItem:8 ManufacturingOrder:12
            ManufacturingOrderOperation:4 ManufacturingOrderCategory:2 ManufacturingOrderType:4
            MfgOrderOperationText:40 OperationControlProfile:4 OperationIsConfirmed:1
            OperationIsPartiallyConfirmed:1 ProductionPlant:4 WorkCenter:8
            OpActualExecutionStartDate:D OpActualExecutionStartTime:T OpActualExecutionEndDate:D
            OpActualExecutionEndTime:T
            """),
        ),
        EntityType(
            _ORDER,
            "A_ProcessOrderComponent_2",
            ("Reservation", "ReservationItem", "ReservationRecordType"),
            _fields("""
            Reservation:10 ReservationItem:4 ReservationRecordType:1 ManufacturingOrder:12 Material:40
            Plant:4 StorageLocation:4 Batch:10 GoodsMovementType:3 MatlCompRequirementDate:D
            MatlCompRequirementTime:T BillOfMaterialItemNumber:4 BaseUnit:3 BaseUnitISOCode:3
            RequiredQuantity:N WithdrawnQuantity:N
            """),
        ),
        EntityType(
            _PRODUCT,
            "A_Product",
            ("Product",),
            _fields("""
            Product:40 ProductType:4 CrossPlantStatus:2 CreationDate:D CreatedByUser:12 LastChangeDate:D
            LastChangedByUser:12 LastChangeDateTime:O IsMarkedForDeletion:B ProductOldID:40 ProductGroup:9
            BaseUnit:3 ItemCategoryGroup:4 IsBatchManagementRequired:B
            """),
            {"to_Description": "A_ProductDescription"},
        ),
        EntityType(
            _PRODUCT,
            "A_ProductDescription",
            ("Product", "Language"),
            _fields("Product:40 Language:2 ProductDescription:40"),
        ),
        EntityType(
            _BATCH,
            "Batch",
            ("Material", "BatchIdentifyingPlant", "Batch"),
            _fields("""
            Material:40 BatchIdentifyingPlant:4 Batch:10 BatchIsMarkedForDeletion:B
            MatlBatchIsInRstrcdUseStock:B Supplier:10 BatchBySupplier:15 CountryOfOrigin:3
            MatlBatchAvailabilityDate:D ShelfLifeExpirationDate:D ManufactureDate:D CreationDateTime:O
            LastChangeDateTime:O
            """),
        ),
        EntityType(
            _DOCUMENT,
            "A_MaterialDocumentHeader",
            ("MaterialDocumentYear", "MaterialDocument"),
            _fields("""
            MaterialDocumentYear:4 MaterialDocument:10 InventoryTransactionType:2 DocumentDate:D
            PostingDate:D CreationDate:D CreationTime:T CreatedByUser:12 MaterialDocumentHeaderText:25
            ReferenceDocument:16 GoodsMovementCode:2
            """),
            {"to_MaterialDocumentItem": "A_MaterialDocumentItem"},
        ),
        EntityType(
            _DOCUMENT,
            "A_MaterialDocumentItem",
            ("MaterialDocumentYear", "MaterialDocument", "MaterialDocumentItem"),
            _fields("""
            MaterialDocumentYear:4 MaterialDocument:10 MaterialDocumentItem:4 Material:40 Plant:4
            StorageLocation:4 Batch:10 ShelfLifeExpirationDate:D ManufactureDate:D GoodsMovementType:3
            GoodsMovementRefDocType:1 InventoryStockType:2 InventoryUsabilityCode:1 QuantityInBaseUnit:N
            MaterialBaseUnit:3 MaterialBaseUnitISOCode:3 QuantityInEntryUnit:N EntryUnit:3
            EntryUnitISOCode:3 ManufacturingOrder:12 ManufacturingOrderItem:4 Reservation:10
            ReservationItem:4 DebitCreditCode:1 GoodsMovementReasonCode:4 MaterialDocumentItemText:50
            ReversedMaterialDocumentYear:4 ReversedMaterialDocument:10 ReversedMaterialDocumentItem:4
            GoodsMovementIsCancelled:B
            """),
            {"to_MaterialDocumentHeader": "A_MaterialDocumentHeader"},
        ),
    )
}
SERVICES = (_ORDER, _PRODUCT, _BATCH, _DOCUMENT)


def metadata_of(service: str) -> str:
    """Give the OData V2 `$metadata` document of a service."""
    kinds = [kind for kind in ENTITY_TYPES.values() if kind.service == service]
    types = "".join(_type_xml(service, kind) for kind in kinds)
    sets = "".join(f'<EntitySet Name="{k.name}" EntityType="{service}.{k.name}Type"/>' for k in kinds)
    links = [(kind.name, name, target) for kind in kinds for name, target in kind.links.items()]
    associations = "".join(
        f'<Association Name="{source}_{name}">'
        f'<End Type="{service}.{source}Type" Multiplicity="1" Role="From"/>'
        f'<End Type="{service}.{target}Type" Multiplicity="*" Role="To"/></Association>'
        for source, name, target in links
    )
    association_sets = "".join(
        f'<AssociationSet Name="{source}_{name}Set" Association="{service}.{source}_{name}">'
        f'<End EntitySet="{source}" Role="From"/><End EntitySet="{target}" Role="To"/></AssociationSet>'
        for source, name, target in links
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" '
        'xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">'
        '<edmx:DataServices m:DataServiceVersion="2.0">'
        f'<Schema Namespace="{service}" xmlns="http://schemas.microsoft.com/ado/2008/09/edm">'
        f'{types}{associations}<EntityContainer Name="{service}_Entities" m:IsDefaultEntityContainer="true">'
        f"{sets}{association_sets}</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"
    )


def _type_xml(service: str, kind: EntityType) -> str:
    keys = "".join(f'<PropertyRef Name="{key}"/>' for key in kind.keys)
    required = dict.fromkeys(kind.keys, ' Nullable="false"')
    fields = "".join(
        f'<Property Name="{name}" Type="{kind.edm(name)}"{required.get(name, "")}/>' for name in kind.fields
    )
    links = "".join(
        f'<NavigationProperty Name="{name}" Relationship="{service}.{kind.name}_{name}" FromRole="From" '
        'ToRole="To"/>'
        for name in kind.links
    )
    return f'<EntityType Name="{kind.name}Type"><Key>{keys}</Key>{fields}{links}</EntityType>'
