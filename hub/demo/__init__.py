"""A small biologics plant that never was: four source systems on loopback that speak the real protocols.

In: a seed and a plant clock. Out: B2MML documents, an SAP-shaped OData service, a laboratory's JSON API and
an OPC UA server with history, with a real plant's mess planted in them (`mess.py` lists it).
"""
