"""The connectors that come with Plantwide, one folder each; they enter by the same door as anybody's."""
