"""The OData door: OData 4.0 requests come in, rows of the model and of the star for BI tools go out."""
