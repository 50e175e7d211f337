"""The i3X door: i3X 1.0 requests come in, the unified model as typed objects with values goes out."""
