"""THE COLD RUNS: folded frames come in; sorted Parquet files in Delta tables, and cuts of them, go out."""
