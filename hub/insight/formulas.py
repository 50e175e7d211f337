"""The key figures: MODEL §4 and ISO 22400-2, as data.

ISO 22400-2's own text was not read: its formulas are those of the public ontology of the standard
(hsu-aut/IndustrialStandard-ODP-ISO22400-2, version 2.0.0); the OEE family also stands in OPC UA for Machine
Tools (OPC 40501-1, 1.01, Annex C.2.4). A plant that counts otherwise adds a version.
"""

from typing import Any

from hub.insight.formula import Formula, Missing, Term
from hub.store.mart.figures import Selection, Where

ISO = "ISO 22400-2"
FDA = "FDA draft guidance, Request for Quality Metrics (2016)"
_BATCH_SCOPES = ("all", "site", "equipment", "product", "campaign")
_UNIT_SCOPES = ("all", "site", "equipment")
_STRETCH = ("start_at", "end_at")
ON_TIME_S = 86_400.0
"""A start counts as on schedule within a day: orders of biologics are planned by the day."""


def _batch(
    day: str, column: str | None = None, *where: Where, missing: Missing = "incomplete", must_be: bool = False
) -> Term:
    return Term(Selection("fact_batch", day, column, where), missing, must_be)


def _result(column: str | None, *where: Where, missing: Missing = "incomplete") -> Term:
    stands = Where("is_withdrawn", "=", 0)
    return Term(Selection("fact_test_result", "done_day", column, (*where, stands)), missing)


def _time(*elements: str, basis: str = "actual", must_be: bool = False) -> Term:
    where = (Where("element", "in", elements), Where("basis", "=", basis))
    return Term(Selection("fact_equipment_time", "day", "duration_s", where, _STRETCH), "incomplete", must_be)


def _moved(kind: str, *where: Where, product: str = "material_key", must_be: bool = False) -> Term:
    moves = (Where(kind, "=", 1), *where)
    rows = Selection("fact_material_movement", "day", "quantity", moves, product=product)
    return Term(rows, must_be=must_be)


def _streamed(kind: str) -> Term:
    return _moved(kind, Where("step_in_unit", "known"), product="product_key", must_be=True)


def _pbt() -> dict[str, Term]:
    """PBT = POT - PDOT, the planned operation time without the planned down time."""
    return {"pot": _time("POT", basis="planned", must_be=True), "pdot": _time("PDOT", basis="planned")}


def _effective() -> dict[str, Term]:
    """Batch form: standard durations of the steps that were completed, against the time of production.

    A step that reaches from one period into the next counts in each by its part, as its time does.
    """
    where = (Where("level", "=", "unit_procedure"), Where("is_completed", "=", 1))
    spread = ("actual_start", "actual_end")
    run = Selection("fact_phase", "start_day", "standard_duration_s", where, spread)
    return {"standard": Term(run, "incomplete", must_be=True), "apt": _time("APT", must_be=True)}


def _good() -> dict[str, Term]:
    """GQ and PQ by lots: of those about which was decided, how many may be used."""
    decided = Where("accepted", "known")
    return {
        "good": _batch("end_day", "accepted", decided),
        "produced": _batch("end_day", None, decided, must_be=True),
    }


def _of_batches(  # noqa: PLR0917 - the order in which a row of the table is read
    code: str, title: str, text: str, source: str, *, terms: dict[str, Term], unit: str = "1", **rest: Any
) -> Formula:
    return Formula(code, title, unit, text, source, terms, scopes=rest.pop("scopes", _BATCH_SCOPES), **rest)


_DUE, _PLANNED = Where("due_at", "past"), Where("planned_start", "past")
_ENDED = _batch("end_day", must_be=True)
_RELEASED = _batch("release_day", must_be=True)
_QUALITY = (
    _of_batches(
        "right_first_time",
        "Right first time",
        "batches released without deviation, rework or confirmed OOS / batches released",
        "MODEL §4",
        terms={"right": _batch("release_day", "right_first_time"), "released": _RELEASED},
        numerator="right",
        denominator="released",
        better="higher",
    ),
    _of_batches(
        "deviation_rate",
        "Deviations per batch",
        "deviations of batches that ended / batches that ended",
        "MODEL §4",
        terms={"deviations": _batch("end_day", "deviations"), "ended": _ENDED},
        numerator="deviations",
        denominator="ended",
        better="lower",
    ),
    _of_batches(
        "oos_event_rate",
        "OOS events per batch",
        "OOS events of batches that ended / batches that ended",
        "MODEL §4",
        terms={"events": _batch("end_day", "oos_events"), "ended": _ENDED},
        numerator="events",
        denominator="ended",
        better="lower",
    ),
    _of_batches(
        "lot_acceptance_rate",
        "Lot acceptance rate",
        "lots accepted of batches that started / batches that started",
        FDA,
        terms={
            "accepted": _batch("start_day", "accepted", missing="zero"),
            "started": _batch("start_day", must_be=True),
        },
        numerator="accepted",
        denominator="started",
        better="higher",
    ),
    _of_batches(
        "invalidated_oos_rate",
        "Invalidated OOS rate",
        "OOS events whose cause was an error of measurement / results of batches that ended",
        FDA,
        terms={"invalidated": _batch("end_day", "oos_invalidated"), "results": _batch("end_day", "results")},
        numerator="invalidated",
        denominator="results",
        version=2,
        better="lower",
    ),
    _of_batches(
        "rework_ratio",
        "Rework ratio",
        "RQ / PQ: batches that ended and took in rework / batches that ended",
        f"{ISO}, by batches",
        terms={"reworked": _batch("end_day", None, Where("reworks", ">", 0)), "ended": _ENDED},
        numerator="reworked",
        denominator="ended",
        better="lower",
    ),
    _of_batches(
        "quality_ratio",
        "Quality ratio",
        "GQ / PQ: lots accepted / lots about which was decided, of batches that ended",
        f"{ISO} and MODEL §4, by lots",
        terms=_good(),
        numerator="good",
        denominator="produced",
        better="higher",
    ),
)
_TIMES = (
    _of_batches(
        "cycle_time",
        "Cycle time",
        "median time from actual start to actual end",
        "MODEL §4",
        unit="s",
        terms={"x": _batch("end_day", "cycle_s")},
        statistic="median",
        better="lower",
    ),
    _of_batches(
        "cycle_time_mean",
        "Mean cycle time",
        "mean time from actual start to actual end",
        "MODEL §4",
        unit="s",
        terms={"x": _batch("end_day", "cycle_s")},
        statistic="mean",
        better="lower",
    ),
    _of_batches(
        "cycle_time_deviation",
        "Spread of cycle times",
        "standard deviation (n - 1) of the times from actual start to actual end",
        "MODEL §4",
        unit="s",
        terms={"x": _batch("end_day", "cycle_s")},
        statistic="deviation",
        better="lower",
    ),
    _of_batches(
        "lead_time",
        "Lead time, order to release",
        "median time from the order's creation to the release of the lot",
        "MODEL §4",
        unit="s",
        terms={"x": _batch("release_day", "order_to_release_s")},
        statistic="median",
        better="lower",
    ),
    _of_batches(
        "release_time",
        "Release time",
        "median time from the batch's end to the release of its lot",
        "MODEL §4",
        unit="s",
        terms={"x": _batch("release_day", "end_to_release_s")},
        statistic="median",
        better="lower",
    ),
    _of_batches(
        "on_time_in_full",
        "On time in full",
        "batches released by their due time with at least 95 % of the planned size / batches due by now",
        "MODEL §4",
        terms={
            "in_full": _batch("due_day", "otif", Where("release_day", "known"), _DUE),
            "due": _batch("due_day", None, _DUE, must_be=True),
        },
        numerator="in_full",
        denominator="due",
        version=2,
        better="higher",
    ),
    _of_batches(
        "schedule_adherence",
        "Schedule adherence",
        "batches that started within a day of their planned start / batches planned to start by now",
        "MODEL §4",
        terms={
            "kept": _batch("planned_start_day", None, Where("start_delay_s", "within", ON_TIME_S), _PLANNED),
            "planned": _batch("planned_start_day", None, _PLANNED, must_be=True),
        },
        numerator="kept",
        denominator="planned",
        version=2,
        better="higher",
    ),
    _of_batches(
        "planned_run_time_ratio",
        "Planned to actual run time",
        "planned durations / actual durations of batches that ended",
        f"{ISO} (busy times of orders, batch form)",
        terms={
            "planned": _batch("end_day", "planned_cycle_s"),
            "actual": _batch("end_day", "cycle_s", must_be=True),
        },
        numerator="planned",
        denominator="actual",
        better="higher",
    ),
)
_AMOUNTS = (
    _of_batches(
        "batches_ended",
        "Batches ended",
        "number of batches that ended",
        "MODEL §4",
        terms={"x": _batch("end_day")},
        better="higher",
    ),
    _of_batches(
        "batches_released",
        "Batches released",
        "number of batches whose lot was released",
        "MODEL §4",
        terms={"x": _batch("release_day")},
        better="higher",
    ),
    _of_batches(
        "overall_yield",
        "Overall yield",
        "actual sizes / planned sizes, in the same unit, of batches that ended",
        "MODEL §4",
        terms={
            "actual": _batch("end_day", "actual_size"),
            "planned": _batch("end_day", "comparable_planned_size", must_be=True),
        },
        numerator="actual",
        denominator="planned",
        word="size_unit",
        version=2,
        better="higher",
    ),
    _of_batches(
        "yield_per_batch",
        "Mean yield of a batch",
        "mean of actual size / planned size",
        "MODEL §4",
        terms={"x": _batch("end_day", "yield_ratio")},
        statistic="mean",
        better="higher",
    ),
    _of_batches(
        "yield_spread",
        "Spread of yields",
        "standard deviation (n - 1) of actual size / planned size",
        "MODEL §4",
        terms={"x": _batch("end_day", "yield_ratio")},
        statistic="deviation",
        better="lower",
    ),
    _of_batches(
        "step_yield",
        "Yield of a step, by amounts",
        "product stream that a step passes on / product stream that it takes up, amounts in the same unit",
        "MODEL §4, without concentrations: state amounts of product where they change",
        terms={"passed_on": _streamed("is_passed_on"), "taken_up": _streamed("is_taken_up")},
        numerator="passed_on",
        denominator="taken_up",
        word="step_in_unit",
        scopes=("all", "site", "product", "campaign"),
        better="higher",
    ),
    _of_batches(
        "scrap_ratio",
        "Scrap ratio",
        "SQ / PQ: amount that was lost / amount produced, in the same unit",
        ISO,
        terms={"lost": _moved("is_lost"), "produced": _moved("is_produced", must_be=True)},
        numerator="lost",
        denominator="produced",
        word="unit",
        scopes=("all", "site", "product", "campaign"),
        better="lower",
    ),
    _of_batches(
        "throughput",
        "Throughput",
        "PQ / AOET: amount produced / execution time of the batches that made it",
        ISO,
        unit="1/s",
        terms={
            "produced": _batch("end_day", "actual_size"),
            "aoet": _batch("end_day", "cycle_s", must_be=True),
        },
        numerator="produced",
        denominator="aoet",
        word="size_unit",
        better="higher",
    ),
)
_TESTS = (
    _of_batches(
        "oos_rate",
        "OOS rate of results",
        "results that failed / results, withdrawn ones left out",
        "MODEL §4",
        terms={"failed": _result("is_oos"), "results": _result(None)},
        numerator="failed",
        denominator="results",
        version=2,
        better="lower",
    ),
    _of_batches(
        "oos_rate_of_property",
        "OOS rate of a property",
        "results of a property that failed / its results, withdrawn ones left out",
        "MODEL §4",
        terms={"failed": _result("is_oos"), "results": _result(None)},
        numerator="failed",
        denominator="results",
        word="property",
        version=2,
        better="lower",
    ),
    _of_batches(
        "retest_rate",
        "Retest rate",
        "results that are retests / results",
        "MODEL §4",
        terms={"retests": _result("is_retest"), "results": _result(None)},
        numerator="retests",
        denominator="results",
        version=2,
        better="lower",
    ),
    _of_batches(
        "first_pass_yield",
        "First pass yield",
        "GP / IP: tests that pass the first time / tests begun, retests left out",
        ISO,
        terms={
            "passed": _result("is_pass", Where("is_retest", "=", 0)),
            "begun": _result(None, Where("is_retest", "=", 0)),
        },
        numerator="passed",
        denominator="begun",
        version=2,
        better="higher",
    ),
    _of_batches(
        "laboratory_time",
        "Sample to result",
        "median time from the taking of a sample to its approved result",
        "MODEL §4",
        unit="s",
        terms={"x": _result("sample_to_result_s", missing="skip")},
        statistic="median",
        version=2,
        better="lower",
    ),
    *(
        _of_batches(
            code,
            title,
            text,
            "MODEL §4; Montgomery, Introduction to Statistical Quality Control",
            terms={
                "x": _result(
                    "value_num", Where("is_cqa", "=", 1), Where("is_censored", "=", 0), missing="skip"
                )
            },
            version=2,
            statistic=statistic,
            word="property",
            scopes=("product", "campaign"),
            better="higher",
        )
        for code, title, text, statistic in (
            ("cp", "Cp of a quality attribute", "(USL - LSL) / 6 s of uncensored results", "cp"),
            (
                "cpk",
                "Cpk of a quality attribute",
                "min(USL - mean, mean - LSL) / 3 s of uncensored results",
                "cpk",
            ),
        )
    ),
)
_STEPS = (
    _of_batches(
        "step_time",
        "Time of a step",
        "median duration of a step of that name",
        "MODEL §4",
        unit="s",
        terms={"x": Term(Selection("fact_phase", "start_day", "duration_s"), "skip")},
        statistic="median",
        word="name",
        better="lower",
    ),
    _of_batches(
        "step_spread",
        "Spread of a step's times",
        "standard deviation (n - 1) of the durations of a step of that name",
        "MODEL §4",
        unit="s",
        terms={"x": Term(Selection("fact_phase", "start_day", "duration_s"), "skip")},
        statistic="deviation",
        word="name",
        better="lower",
    ),
    _of_batches(
        "alarm_acknowledge_time",
        "Alarm to acknowledgement",
        "median time from an alarm to its acknowledgement",
        "ISA-18.2 (alarm response), MODEL §4",
        unit="s",
        terms={
            "x": Term(
                Selection("fact_event", "day", "acknowledge_s", (Where("event_type", "=", "Alarm"),)), "skip"
            )
        },
        statistic="median",
        better="lower",
    ),
)


def _of_units(code: str, title: str, text: str, *, terms: dict[str, Term], **rest: Any) -> Formula:
    return Formula(code, title, "1", text, ISO, terms, scopes=_UNIT_SCOPES, **rest)


_BUSY = {"apt": _time("APT", must_be=True), "asut": _time("ASUT"), "adet": _time("ADET")}
_LOGGED = Term(
    Selection("fact_equipment_time", "day", None, (Where("basis", "=", "actual"),), _STRETCH), must_be=True
)
"""Any stretch of a unit's log: without one nobody knows that it was never down."""
_EQUIPMENT = (
    _of_units(
        "availability",
        "Availability",
        "APT / PBT, PBT = POT - PDOT",
        terms={"apt": _time("APT", must_be=True), **_pbt()},
        numerator="apt",
        denominator="pot - pdot",
        version=2,
        better="higher",
    ),
    _of_units(
        "effectiveness",
        "Effectiveness",
        "PRU × PQ / APT; batch form: standard durations of completed unit procedures / APT",
        terms=_effective(),
        numerator="standard",
        denominator="apt",
        version=2,
        better="higher",
    ),
    _of_units(
        "oee",
        "Overall equipment effectiveness",
        "availability × effectiveness × quality ratio",
        terms={**_effective(), **_pbt(), **_good()},
        numerator="standard * good",
        denominator="(pot - pdot) * produced",
        version=2,
        better="higher",
    ),
    _of_units(
        "nee",
        "Net equipment effectiveness",
        "AUPT / PBT × effectiveness × quality ratio, AUPT = APT + ASUT",
        terms={**_effective(), "asut": _time("ASUT"), **_pbt(), **_good()},
        numerator="(apt + asut) * standard * good",
        denominator="(pot - pdot) * apt * produced",
        version=2,
        better="higher",
    ),
    _of_units(
        "allocation_efficiency",
        "Allocation efficiency",
        "AUBT / PBT, AUBT = APT + ASUT + ADET",
        terms={**_BUSY, **_pbt()},
        numerator="apt + asut + adet",
        denominator="pot - pdot",
        version=2,
        better="higher",
    ),
    _of_units(
        "utilization_efficiency",
        "Utilization efficiency",
        "APT / AUBT, AUBT = APT + ASUT + ADET",
        terms=_BUSY,
        numerator="apt",
        denominator="apt + asut + adet",
        version=2,
        better="higher",
    ),
    _of_units(
        "technical_efficiency",
        "Technical efficiency",
        "APT / (APT + ADET)",
        terms={"apt": _BUSY["apt"], "adet": _BUSY["adet"]},
        numerator="apt",
        denominator="apt + adet",
        version=2,
        better="higher",
    ),
    _of_units(
        "setup_ratio",
        "Setup ratio",
        "ASUT / (APT + ASUT)",
        terms={"apt": _BUSY["apt"], "asut": _BUSY["asut"]},
        numerator="asut",
        denominator="apt + asut",
        version=2,
        better="lower",
    ),
    _of_units(
        "production_process_ratio",
        "Production process ratio",
        "APT / AOET, AOET = execution time of the batches that ran on the unit",
        terms={"apt": _BUSY["apt"], "aoet": _batch("end_day", "cycle_s", must_be=True)},
        numerator="apt",
        denominator="aoet",
        version=2,
        better="higher",
    ),
    _of_units(
        "downtime_ratio",
        "Unplanned down time",
        "ADOT / PBT",
        terms={"adot": _time("ADOT"), "logged": _LOGGED, **_pbt()},
        numerator="adot",
        denominator="pot - pdot",
        version=2,
        better="lower",
    ),
)
FORMULAS: dict[str, Formula] = {
    formula.code: formula for formula in (*_QUALITY, *_TIMES, *_AMOUNTS, *_TESTS, *_STEPS, *_EQUIPMENT)
}
"""Every key figure by its code."""
