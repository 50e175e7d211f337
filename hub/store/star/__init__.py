"""The star as Parquet: the same rows as its views hold, in files by month, read by DuckDB.

The views are right at any moment; the files are quick. Only files that say what the views say now are read,
unless whoever asks takes older ones.
"""
