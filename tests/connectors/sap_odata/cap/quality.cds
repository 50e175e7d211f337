// Entity shapes of further SAP S/4HANA APIs (public field names, a subset), to be served by SAP's CAP server beside
// the process orders of the peer.
@path: '/API_PRODUCTION_ORDER_2_SRV' service API_PRODUCTION_ORDER_2_SRV {
  entity A_ProductionOrder_2 { key ManufacturingOrder : String(12); ManufacturingOrderType : String(4); OrderIsReleased : String(1); OrderIsTechnicallyCompleted : String(1);
    MfgOrderCreationDate : Date; MfgOrderCreationTime : Time; LastChangeDateTime : String(14); Material : String(40); ProductionPlant : String(4);
    MfgOrderPlannedStartDate : Date; MfgOrderPlannedStartTime : Time; MfgOrderPlannedEndDate : Date; MfgOrderPlannedEndTime : Time; TotalQuantity : Decimal(13,3); ProductionUnit : String(3);
    to_ProductionOrderItem : Association to many A_ProductionOrderItem_2 on to_ProductionOrderItem.ManufacturingOrder = ManufacturingOrder;
    to_ProductionOrderOperation : Association to many A_ProductionOrderOperation_2 on to_ProductionOrderOperation.ManufacturingOrder = ManufacturingOrder;
    to_ProductionOrderComponent : Association to many A_ProductionOrderComponent_2 on to_ProductionOrderComponent.ManufacturingOrder = ManufacturingOrder; }
  entity A_ProductionOrderItem_2 { key ManufacturingOrder : String(12); key ManufacturingOrderItem : String(4); Material : String(40); Batch : String(10); ProductionPlant : String(4); MfgOrderItemPlannedTotalQty : Decimal(13,3); MfgOrderItemGoodsReceiptQty : Decimal(13,3); ProductionUnit : String(3); }
  entity A_ProductionOrderOperation_2 { key OrderInternalBillOfOperations : String(10); key OrderIntBillOfOperationsItem : String(8); ManufacturingOrder : String(12); ManufacturingOrderOperation : String(4); MfgOrderOperationText : String(40); WorkCenter : String(8);
    OpActualExecutionStartDate : Date; OpActualExecutionStartTime : Time; OpActualExecutionEndDate : Date; OpActualExecutionEndTime : Time; }
  entity A_ProductionOrderComponent_2 { key Reservation : String(10); key ReservationItem : String(4); ManufacturingOrder : String(12); ManufacturingOrderOperation : String(4); Material : String(40); Plant : String(4); Batch : String(10); GoodsMovementType : String(3); RequiredQuantity : Decimal(13,3); BaseUnit : String(3); }
}
@path: '/API_MATERIAL_DOCUMENT_SRV' service API_MATERIAL_DOCUMENT_SRV {
  entity A_MaterialDocumentHeader { key MaterialDocumentYear : String(4); key MaterialDocument : String(10); PostingDate : Date; CreationDate : Date; CreationTime : Time;
    to_MaterialDocumentItem : Association to many A_MaterialDocumentItem on to_MaterialDocumentItem.MaterialDocument = MaterialDocument and to_MaterialDocumentItem.MaterialDocumentYear = MaterialDocumentYear; }
  entity A_MaterialDocumentItem { key MaterialDocumentYear : String(4); key MaterialDocument : String(10); key MaterialDocumentItem : String(4); Material : String(40); Plant : String(4); Batch : String(10); GoodsMovementType : String(3); QuantityInEntryUnit : Decimal(13,3); EntryUnit : String(3); ManufacturingOrder : String(12);
    ReversedMaterialDocumentYear : String(4); ReversedMaterialDocument : String(10); ReversedMaterialDocumentItem : String(4); }
}
@path: '/API_BATCH_SRV' service API_BATCH_SRV {
  entity Batch { key Material : String(40); key BatchIdentifyingPlant : String(4); key Batch : String(10); BatchIsMarkedForDeletion : Boolean; MatlBatchIsInRstrcdUseStock : Boolean; BatchBySupplier : String(15); ShelfLifeExpirationDate : Date; ManufactureDate : Date; CreationDateTime : Timestamp; LastChangeDateTime : Timestamp; }
}
@path: '/API_PRODUCT_SRV' service API_PRODUCT_SRV {
  entity A_Product { key Product : String(40); ProductType : String(4); ProductGroup : String(9); BaseUnit : String(3); CreationDate : Date; LastChangeDate : Date;
    to_Description : Association to many A_ProductDescription on to_Description.Product = Product; }
  entity A_ProductDescription { key Product : String(40); key Language : String(2); ProductDescription : String(40); }
}
@path: '/API_INSPECTIONLOT_SRV' service API_INSPECTIONLOT_SRV {
  entity A_InspectionLot { key InspectionLot : String(12); Material : String(40); Batch : String(10); Plant : String(4); InspectionLotOrigin : String(2); ManufacturingOrder : String(12); InspectionLotText : String(40); InspectionLotType : String(8); InspectionLotHasUsageDecision : Boolean;
    InspLotCreatedOnLocalDate : Date; InspLotCreatedOnLocalTime : Time; InspectionLotCreatedOn : Date; InspectionLotCreatedOnTime : Time; ChangedDateTime : DateTime; }
  entity A_InspectionCharacteristic { key InspectionLot : String(12); key InspPlanOperationInternalID : String(8); key InspectionCharacteristic : String(4); InspectionSpecification : String(8); InspectionCharacteristicText : String(40); InspectionMethod : String(8); InspectionSpecificationUnit : String(3);
    InspSpecHasLowerLimit : String(1); InspSpecLowerLimit : Double; InspSpecFrmtdLowerLimit : String(22); InspSpecHasUpperLimit : String(1); InspSpecUpperLimit : Double; InspSpecFrmtdUpperLimit : String(22); ChangedDateTime : DateTime; }
  entity A_InspectionResult { key InspectionLot : String(12); key InspPlanOperationInternalID : String(8); key InspectionCharacteristic : String(4); InspectionValuationResult : String(1); InspectionResultStatus : String(1); InspectionResultHasMeanValue : String(1); InspectionResultMeanValue : Double; InspResultFrmtdMeanValue : String(22);
    CharacteristicAttributeCodeGrp : String(8); CharacteristicAttributeCode : String(4); Inspector : String(12); InspectionEndDate : Date; InspectionEndTime : Time; ChangedDateTime : DateTime; }
  entity A_InspLotUsageDecision { key InspectionLot : String(12); InspectionLotUsageDecisionCode : String(4); InspLotUsageDecisionValuation : String(1); InspectionLotUsageDecidedBy : String(12); InspectionLotUsageDecidedOn : Date; InspLotUsageDecisionTime : Time; ChangedDateTime : DateTime; }
}
