"""The calendar: a row a day, from the first day on which anything was planned or happened to the last."""

from sqlalchemy import Dialect

_ENDS = """SELECT actual_start AS at FROM batch UNION ALL SELECT planned_start FROM batch
  UNION ALL SELECT coalesce(actual_end, planned_end) FROM batch
  UNION ALL SELECT max(coalesce(released_at, manufactured_at)) FROM material_lot
  UNION ALL SELECT min(measured_at) FROM test_result UNION ALL SELECT max(measured_at) FROM test_result
  UNION ALL SELECT min(created_at) FROM operations_request
  UNION ALL SELECT max(coalesce(due_at, planned_end)) FROM operations_request"""
_ON_SQLITE = f"""
WITH RECURSIVE bounds(first, last) AS (
  SELECT substr(min(at), 1, 10), substr(max(at), 1, 10) FROM ({_ENDS}) x
),
day(date) AS (
  SELECT first FROM bounds WHERE first IS NOT NULL
  UNION ALL SELECT date(day.date, '+1 day') FROM day, bounds WHERE day.date < bounds.last
)
SELECT CAST(replace(date, '-', '') AS INTEGER) AS day_key, date,
  CAST(substr(date, 1, 4) AS INTEGER) AS year,
  (CAST(substr(date, 6, 2) AS INTEGER) + 2) / 3 AS quarter,
  CAST(substr(date, 6, 2) AS INTEGER) AS month,
  substr(date, 1, 7) AS year_month,
  CAST(strftime('%Y', date(date, '-3 days', 'weekday 4')) AS INTEGER) AS iso_year,
  (CAST(strftime('%j', date(date, '-3 days', 'weekday 4')) AS INTEGER) - 1) / 7 + 1 AS iso_week,
  (CAST(strftime('%w', date) AS INTEGER) + 6) % 7 + 1 AS iso_weekday
FROM day"""  # noqa: S608 - our own text
_ON_POSTGRESQL = f"""
WITH bounds AS (
  SELECT CAST(min(at) AT TIME ZONE 'UTC' AS date) AS first, CAST(max(at) AT TIME ZONE 'UTC' AS date) AS last
  FROM ({_ENDS}) x
)
SELECT CAST(to_char(d, 'YYYYMMDD') AS integer) AS day_key, to_char(d, 'YYYY-MM-DD') AS date,
  CAST(extract(year FROM d) AS integer) AS year, CAST(extract(quarter FROM d) AS integer) AS quarter,
  CAST(extract(month FROM d) AS integer) AS month, to_char(d, 'YYYY-MM') AS year_month,
  CAST(extract(isoyear FROM d) AS integer) AS iso_year, CAST(extract(week FROM d) AS integer) AS iso_week,
  CAST(extract(isodow FROM d) AS integer) AS iso_weekday
FROM bounds, generate_series(bounds.first::timestamp, bounds.last::timestamp, interval '1 day') AS d"""  # noqa: S608 - our own text


def write_dim_time(dialect: Dialect) -> str:
    """Give the statement: day, month, quarter, year, and the ISO 8601 week."""
    return _ON_SQLITE if dialect.name == "sqlite" else _ON_POSTGRESQL
