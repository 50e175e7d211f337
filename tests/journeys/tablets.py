"""The tablet plant's tables, read by pandas alone: what the hub must have made of them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from tests.journeys.press_aggregates import Column, Rows

EXCIPIENTS = ("smcc", "lactose", "starch")
FIRST_RESULT = 10
"""Laboratory.csv: ten columns of batch and lots, then results."""

_SHIFT = 10_000
_FIVE_YEARS = pd.Timedelta(days=1826)


@dataclass(frozen=True)
class Tables:
    """The folder of the data set."""

    folder: Path

    @cached_property
    def laboratory(self) -> Rows:
        """All cells as text, blank cells empty."""
        table = pd.read_csv(self.folder / "Laboratory.csv", sep=";", dtype=str, keep_default_na=False)
        return table.apply(lambda column: column.str.strip())

    @cached_property
    def series(self) -> Rows:
        """The press series with its times in UTC (column `at`) and batches as text."""
        files = sorted((self.folder / "Process").glob("*.csv"))
        table = pd.concat([pd.read_csv(f, sep=";", dtype={"batch": str, "campaign": str}) for f in files])
        local = pd.to_datetime(table["timestamp"]).dt.tz_localize("Europe/Ljubljana")
        return table.assign(at=local.dt.tz_convert("UTC"))

    @cached_property
    def steps(self) -> Rows:
        """Stretches of the press's series in one state of one batch: `state`, `code`, `year` of start, `seconds`.

        One ends where the next row begins, or ten seconds after its last row when silence follows.
        """
        rows = self.series.sort_values("at", kind="stable").reset_index(drop=True)
        runs, begun = rows["tbl_speed"] > 0, rows["produced"] > 0
        rows["state"] = "Stop"
        rows.loc[runs & ~begun, "state"] = "Start-up"
        rows.loc[runs & begun, "state"] = "Production"
        before = rows.shift()
        silence = rows["at"] - before["at"] > pd.Timedelta(seconds=60)
        turns = silence | (rows["state"] != before["state"]) | (rows["batch"] != before["batch"])
        steps = rows.groupby(turns.cumsum()).agg(
            state=("state", "first"), code=("code", "first"), start=("at", "first"), last=("at", "last")
        )
        following = steps["start"].shift(-1)
        goes_on = following - steps["last"] <= pd.Timedelta(seconds=60)
        end = following.where(goes_on, steps["last"] + pd.Timedelta(seconds=10))
        seconds = (end - steps["start"]).dt.total_seconds()
        return steps.assign(seconds=seconds, year=steps["start"].dt.year)

    @cached_property
    def planned_years(self) -> Column:
        """The UTC year of each batch's planned start: the first of a month in the time of the plant."""
        months = ["jan", "feb", "mar", "apr", "maj", "jun", "jul", "avg", "sep", "okt", "nov", "dec"]
        parts = self.laboratory["start"].str.split(".", expand=True)
        first = pd.to_datetime("20" + parts[1] + "-" + (parts[0].map(months.index) + 1).astype(str) + "-1")
        return first.dt.tz_localize("Europe/Ljubljana").dt.tz_convert("UTC").dt.year

    @cached_property
    def aggregates(self) -> Rows:
        """The authors' aggregates by batch."""
        table = pd.read_csv(self.folder / "Process.csv", sep=";", dtype={"batch": str})
        return table.set_index("batch")

    @cached_property
    def factors(self) -> Column:
        """The normalisation factor of each product code."""
        table = pd.read_csv(self.folder / "Normalization.csv", sep=";")
        return table.set_index("Product code")["Normalisation factor"]

    @cached_property
    def consumption(self) -> Rows:
        """One row a batch and lot consumed: `batch`, `lot`, `made` (the lot that the batch gave)."""
        table = self.laboratory
        made = "TBL-" + table["code"] + "/L" + table["batch"]
        lots = {"api": "API-" + table["api_code"] + "/L" + table["api_batch"]}
        lots |= {name: name.upper() + "/L" + table[f"{name}_batch"] for name in EXCIPIENTS}
        parts = [
            pd.DataFrame({"batch": table["batch"], "lot": lot, "made": made})[table[f"{name}_batch"] != ""]
            for name, lot in lots.items()
        ]
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def cells(self) -> dict[str, str]:
        """Every filled result cell by `batch/column`."""
        long = self.laboratory.melt("batch", self.laboratory.columns[FIRST_RESULT:])
        filled = long[long["value"] != ""]
        return dict(zip(filled["batch"] + "/" + filled["variable"], filled["value"], strict=True))


def write_doubled(tables: Tables, folder: Path) -> Tables:
    """Write the data set once more beside itself: other batches, lots and campaigns, five years later."""
    (folder / "Process").mkdir(parents=True)
    (folder / "Normalization.csv").write_bytes((tables.folder / "Normalization.csv").read_bytes())
    table = _read(tables.folder / "Laboratory.csv")
    numbers = ["batch", "api_batch", *(f"{name}_batch" for name in EXCIPIENTS)]
    later = table.assign(**{name: _move(table[name]) for name in numbers})
    later["start"] = table["start"].map(lambda text: f"{text[:-2]}{int(text[-2:]) + 5}")
    _write(folder / "Laboratory.csv", table, later)
    for file in sorted((tables.folder / "Process").glob("*.csv")):
        series = _read(file)
        moved = series.assign(batch=_move(series["batch"]), campaign=_move(series["campaign"]))
        moved["timestamp"] = (pd.to_datetime(series["timestamp"]) + _FIVE_YEARS).dt.strftime(
            "%Y-%m-%d %H:%M:%S"
        )
        _write(folder / "Process" / file.name, series, moved)
    return Tables(folder)


def _read(file: Path) -> Rows:
    return pd.read_csv(file, sep=";", dtype=str, keep_default_na=False)


def _write(file: Path, *tables: Rows) -> None:
    pd.concat(tables).to_csv(file, sep=";", index=False)


def _move(column: Column) -> Column:
    """Add to the numbers of a text column; blanks stay."""
    return column.map(lambda text: str(int(text) + _SHIFT) if text.strip() else text)
