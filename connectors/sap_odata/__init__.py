"""S/4HANA's OData V2 rows come in (orders, products, batches, goods movements), ISA-95 facts go out."""

from connectors.sap_odata.config import SapConfig
from connectors.sap_odata.connector import SapOdata

__all__ = ["SapConfig", "SapOdata"]
