"""Benchling's entities, results and runs come in, materials, lots, samples and test results go out."""

from connectors.benchling.config import BenchlingConfig
from connectors.benchling.connector import Benchling

__all__ = ["Benchling", "BenchlingConfig"]
