"""FILES: CSV and Parquet tables come in, their rows go out as records and their columns as samples."""

from connectors.files.connector import Files
from connectors.files.settings import FilesConfig

__all__ = ["Files", "FilesConfig"]
