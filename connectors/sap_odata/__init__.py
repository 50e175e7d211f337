"""S/4HANA's OData rows come in (orders, products, batches, movements, inspections), ISA-95 facts go out."""

from connectors.sap_odata.config import SapConfig
from connectors.sap_odata.connector import SapOdata

__all__ = ["SapConfig", "SapOdata"]
