"""The facts: one row an event or a measure, each counted once, with the keys of the dimensions beside it.

What two systems saw of one fact counts once (`same_as_id`), what its source has taken back does not count.
"""

from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, case, func, null, or_, select

from hub.model.enums import ARCHIVED, CONSUMED, LOST, OTHER, PRODUCED, REFUSED, WITHDRAWN
from hub.store.mart.dimensions import GONE, sites, words
from hub.store.mart.functions import day, seconds, truth
from hub.store.sets import AnySelect
from hub.store.tables import ENTITY_TABLES, FACT_TABLES, kpi_value, lot_genealogy

IN_FULL = 0.95
"""In full means at least this part of the planned size (MODEL §4: a tolerance of 5 %)."""

IDLE = "Idle"
"""State of a batch that is yet to begin (88.02 BatchStatus); one that is on no list may mean so too."""
OVER = ("Complete", "Stopped", "Aborted")
"""States of a batch that has ended (88.02 BatchStatus), whether or not its source says when."""
NOT_BEGUN = ("Waiting", "Ready")
"""States of a run that is yet to begin (95.02 ResponseState)."""
COMPLETED = ("Completed", "Closed")
"""States of a run that was carried through; so was one that ended and of which no state is told."""

_T, _F = ENTITY_TABLES, FACT_TABLES


def once(fact: Any) -> ColumnElement[bool]:
    """Let a fact count once, and only while its source stands by it."""
    return and_(fact.c.same_as_id.is_(None), ~fact.c.is_retracted)


def is_withdrawn(result: Any) -> ColumnElement[bool]:
    """Tell whether a laboratory has taken a result back without deleting it: its status says so."""
    word = func.lower(result.c.status)
    says_so = or_(
        word.in_(sorted(WITHDRAWN)),
        word.like(f"{ARCHIVED}:%"),
        and_(word == REFUSED, result.c.verdict.is_(None)),
    )
    return and_(result.c.status.is_not(None), says_so)


def write_fact_batch() -> AnySelect:
    """Batches that are no campaigns. A measure is null as long as what it follows from is not known."""
    batch, order, lot = (
        _T["batch"].alias("b"),
        _T["operations_request"].alias("o"),
        _T["material_lot"].alias("l"),
    )
    where, events, results, reworks = sites(), _quality_events(), _results(), _reworks()
    due = func.coalesce(order.c.due_at, order.c.planned_end)
    deviations, oos, invalidated = (
        func.coalesce(events.c[name], 0) for name in ("deviations", "oos_events", "oos_invalidated")
    )
    reworked = func.coalesce(reworks.c.reworks, 0)
    is_right = and_(
        lot.c.disposition == "UnRestricted", deviations == 0, reworked == 0, oos - invalidated == 0
    )
    same_unit = func.coalesce(batch.c.planned_size_unit, "") == func.coalesce(batch.c.actual_size_unit, "")
    is_short = batch.c.actual_size < IN_FULL * batch.c.planned_size
    has_ended = or_(batch.c.actual_end.is_not(None), lot.c.released_at.is_not(None), batch.c.status.in_(OVER))
    has_started = or_(
        has_ended,
        batch.c.actual_start.is_not(None),
        func.coalesce(batch.c.status, IDLE).not_in((IDLE, OTHER)),
    )
    return (
        select(
            batch.c.id.label("batch_key"),
            batch.c.product_id.label("material_key"),
            batch.c.recipe_id.label("recipe_key"),
            batch.c.equipment_id.label("equipment_key"),
            batch.c.campaign_id.label("campaign_key"),
            batch.c.operations_request_id.label("order_key"),
            batch.c.output_lot_id.label("lot_key"),
            func.coalesce(where.c.site_key, order.c.site_id).label("site_key"),
            day(batch.c.actual_start).label("start_day"),
            day(batch.c.actual_end).label("end_day"),
            day(batch.c.planned_start).label("planned_start_day"),
            day(lot.c.released_at).label("release_day"),
            day(due).label("due_day"),
            truth(has_started).label("has_started"),
            truth(has_ended).label("has_ended"),
            batch.c.planned_start,
            batch.c.actual_start,
            batch.c.actual_end,
            lot.c.released_at,
            due.label("due_at"),
            seconds(batch.c.actual_start, batch.c.actual_end).label("cycle_s"),
            seconds(batch.c.planned_start, batch.c.planned_end).label("planned_cycle_s"),
            seconds(batch.c.planned_start, batch.c.actual_start).label("start_delay_s"),
            seconds(batch.c.planned_end, batch.c.actual_end).label("end_delay_s"),
            seconds(order.c.created_at, lot.c.released_at).label("order_to_release_s"),
            seconds(batch.c.actual_end, lot.c.released_at).label("end_to_release_s"),
            batch.c.planned_size,
            batch.c.actual_size,
            func.coalesce(batch.c.actual_size_unit, batch.c.planned_size_unit).label("size_unit"),
            case((or_(batch.c.actual_size.is_(None), same_unit), batch.c.planned_size)).label(
                "comparable_planned_size"
            ),
            case(
                (and_(batch.c.planned_size > 0, same_unit), batch.c.actual_size / batch.c.planned_size),
                else_=null(),
            ).label("yield_ratio"),
            deviations.label("deviations"),
            oos.label("oos_events"),
            invalidated.label("oos_invalidated"),
            func.coalesce(results.c.results, 0).label("results"),
            func.coalesce(results.c.oos_results, 0).label("oos_results"),
            reworked.label("reworks"),
            case((lot.c.released_at.is_(None), null()), else_=truth(is_right)).label("right_first_time"),
            case(
                (or_(lot.c.released_at.is_(None), due.is_(None)), null()),
                (lot.c.released_at > due, 0),
                (same_unit, case((batch.c.actual_size >= IN_FULL * batch.c.planned_size, 1), (is_short, 0))),
            ).label("otif"),
            case(
                (lot.c.disposition.is_(None), null()), else_=truth(lot.c.disposition == "UnRestricted")
            ).label("accepted"),
        )
        .select_from(batch)
        .outerjoin(order, order.c.id == batch.c.operations_request_id)
        .outerjoin(lot, lot.c.id == batch.c.output_lot_id)
        .outerjoin(where, where.c.equipment_key == batch.c.equipment_id)
        .outerjoin(events, events.c.batch_id == batch.c.id)
        .outerjoin(results, results.c.batch_id == batch.c.id)
        .outerjoin(reworks, reworks.c.batch_id == batch.c.id)
        .where(func.coalesce(batch.c.kind, "batch") != "campaign", batch.c.lifecycle.not_in(GONE))
    )


def _quality_events() -> Subquery:
    """Events by batch; an OOS counts as invalidated when its root cause is an error of the laboratory."""
    event = _T["quality_event"].alias("q")
    is_oos = event.c.kind == "OOS"
    is_lab = func.lower(func.coalesce(event.c.root_cause, "")).like("%lab%error%")
    return (
        select(
            event.c.batch_id,
            func.sum(truth(event.c.kind == "deviation")).label("deviations"),
            func.sum(truth(is_oos)).label("oos_events"),
            func.sum(truth(and_(is_oos, is_lab))).label("oos_invalidated"),
        )
        .where(event.c.batch_id.is_not(None), event.c.lifecycle.not_in(GONE))
        .group_by(event.c.batch_id)
        .subquery("events_of_batch")
    )


def _results() -> Subquery:
    result, sample = _F["test_result"].alias("r"), _F["sample"].alias("s")
    return (
        select(
            sample.c.batch_id,
            func.count().label("results"),
            func.sum(truth(result.c.verdict == "fail")).label("oos_results"),
        )
        .select_from(result)
        .join(sample, sample.c.id == result.c.sample_id)
        .where(once(result), once(sample), ~is_withdrawn(result), sample.c.batch_id.is_not(None))
        .group_by(sample.c.batch_id)
        .subquery("results_of_batch")
    )


def _reworks() -> Subquery:
    edge = lot_genealogy.alias("g")
    return (
        select(edge.c.batch_id, func.count().label("reworks"))
        .where(edge.c.kind == "rework", edge.c.batch_id.is_not(None))
        .group_by(edge.c.batch_id)
        .subquery("reworks_of_batch")
    )


def write_fact_phase() -> AnySelect:
    """Executed procedural elements, by their first sighting."""
    run, batch, segment = (
        _F["segment_response"].alias("r"),
        _T["batch"].alias("b"),
        _T["process_segment"].alias("p"),
    )
    own, whole = sites(), sites().alias("site_of_batch")
    has_started = or_(
        run.c.actual_start.is_not(None),
        run.c.actual_end.is_not(None),
        func.coalesce(run.c.state, "").not_in(NOT_BEGUN),
    )
    is_completed = and_(
        run.c.actual_end.is_not(None), func.coalesce(run.c.state, COMPLETED[0]).in_(COMPLETED)
    )
    return (
        select(
            run.c.id.label("phase_key"),
            run.c.batch_id.label("batch_key"),
            run.c.parent_id.label("parent_key"),
            run.c.equipment_id.label("equipment_key"),
            run.c.process_segment_id.label("segment_key"),
            func.coalesce(own.c.site_key, whole.c.site_key).label("site_key"),
            batch.c.product_id.label("material_key"),
            batch.c.campaign_id.label("campaign_key"),
            run.c.level,
            run.c.name,
            run.c.occurrence,
            words(run, "state").label("state"),
            truth(run.c.is_derived).label("is_derived"),
            truth(has_started).label("has_started"),
            truth(is_completed).label("is_completed"),
            run.c.actual_start,
            run.c.actual_end,
            day(run.c.actual_start).label("start_day"),
            run.c.duration_s,
            segment.c.standard_duration_s,
            (run.c.duration_s - segment.c.standard_duration_s).label("overrun_s"),
        )
        .select_from(run)
        .outerjoin(batch, batch.c.id == run.c.batch_id)
        .outerjoin(segment, segment.c.id == run.c.process_segment_id)
        .outerjoin(own, own.c.equipment_key == run.c.equipment_id)
        .outerjoin(whole, whole.c.equipment_key == batch.c.equipment_id)
        .where(once(run))
    )


def write_fact_material_movement() -> AnySelect:
    """Movements that count, each by the amount that counts of it (of a disputed pair one side counts).

    The product stream is what a batch makes in one step and takes up in another, and its output lot.
    """
    move, lot, batch, where = (
        _F["material_actual"].alias("m"),
        _T["material_lot"].alias("l"),
        _T["batch"].alias("b"),
        sites(),
    )
    is_lost = func.lower(func.coalesce(move.c.use_text, "")).in_(sorted(LOST))
    run = _F["segment_response"].alias("r")
    made, used = _lots_of(PRODUCED, "made"), _lots_of(CONSUMED, "used")
    is_made_here = and_(made.c.batch_id == move.c.batch_id, made.c.lot_id == move.c.lot_id)
    is_used_here = and_(used.c.batch_id == move.c.batch_id, used.c.lot_id == move.c.lot_id)
    goes_on = or_(used.c.lot_id.is_not(None), move.c.lot_id == batch.c.output_lot_id)
    unit = func.coalesce(move.c.count_unit, "?")
    return (
        select(
            move.c.id.label("movement_key"),
            move.c.batch_id.label("batch_key"),
            move.c.response_id.label("phase_key"),
            move.c.lot_id.label("lot_key"),
            func.coalesce(move.c.material_id, lot.c.material_id).label("material_key"),
            move.c.equipment_id.label("equipment_key"),
            batch.c.product_id.label("product_key"),
            batch.c.campaign_id.label("campaign_key"),
            where.c.site_key,
            words(move, "use").label("use"),
            truth(move.c.use.in_(sorted(PRODUCED))).label("is_produced"),
            truth(is_lost).label("is_lost"),
            truth(and_(move.c.use.in_(sorted(PRODUCED)), goes_on)).label("is_passed_on"),
            truth(and_(move.c.use.in_(sorted(CONSUMED)), made.c.lot_id.is_not(None))).label("is_taken_up"),
            case((run.c.id.is_not(None), run.c.name.concat(", ").concat(unit))).label("step_in_unit"),
            move.c.at,
            day(func.coalesce(move.c.at, batch.c.actual_end)).label("day"),
            move.c.count_quantity.label("quantity"),
            move.c.count_unit.label("unit"),
            truth(move.c.count_state == "disputed").label("is_disputed"),
        )
        .select_from(move)
        .outerjoin(lot, lot.c.id == move.c.lot_id)
        .outerjoin(batch, batch.c.id == move.c.batch_id)
        .outerjoin(where, where.c.equipment_key == batch.c.equipment_id)
        .outerjoin(run, run.c.id == move.c.response_id)
        .outerjoin(made, is_made_here)
        .outerjoin(used, is_used_here)
        .where(once(move), move.c.count_quantity.is_not(None))
    )


def _lots_of(uses: frozenset[str], name: str) -> Subquery:
    """Give which lots a batch made, or used, once each."""
    move = _F["material_actual"].alias("x")
    return (
        select(move.c.batch_id, move.c.lot_id)
        .where(once(move), move.c.use.in_(sorted(uses)), move.c.lot_id.is_not(None))
        .where(move.c.batch_id.is_not(None))
        .distinct()
        .subquery(name)
    )


def write_fact_test_result() -> AnySelect:
    """Reported results, with the limits that they are held against.

    `is_oos` and `is_pass` are null where nobody judged the result, and where the laboratory withdrew it.
    """
    result, sample, batch = _F["test_result"].alias("r"), _F["sample"].alias("s"), _T["batch"].alias("b")
    criterion, where = _F["test_criterion"].alias("c"), sites()
    done = func.coalesce(result.c.approved_at, result.c.measured_at)
    is_judged = and_(result.c.verdict.is_not(None), ~is_withdrawn(result))
    return (
        select(
            result.c.id.label("result_key"),
            sample.c.id.label("sample_key"),
            sample.c.code.label("sample"),
            sample.c.batch_id.label("batch_key"),
            func.coalesce(sample.c.lot_id, batch.c.output_lot_id).label("lot_key"),
            batch.c.product_id.label("material_key"),
            batch.c.campaign_id.label("campaign_key"),
            batch.c.equipment_id.label("equipment_key"),
            where.c.site_key,
            sample.c.sample_type,
            sample.c.stage,
            result.c.test_code,
            result.c.property,
            result.c.kind,
            result.c.replicate,
            result.c.value_num,
            result.c.value_text,
            result.c.comparator,
            result.c.unit,
            result.c.verdict,
            result.c.status,
            criterion.c.lower,
            criterion.c.upper,
            truth(criterion.c.is_cqa).label("is_cqa"),
            truth(is_withdrawn(result)).label("is_withdrawn"),
            case((is_judged, truth(result.c.verdict == "fail"))).label("is_oos"),
            case((is_judged, truth(result.c.verdict == "pass"))).label("is_pass"),
            truth(result.c.retest_of_key.is_not(None)).label("is_retest"),
            truth(func.coalesce(result.c.comparator, "=") != "=").label("is_censored"),
            sample.c.taken_at,
            result.c.measured_at,
            result.c.approved_at,
            day(done).label("done_day"),
            seconds(sample.c.taken_at, done).label("sample_to_result_s"),
        )
        .select_from(result)
        .join(sample, sample.c.id == result.c.sample_id)
        .outerjoin(batch, batch.c.id == sample.c.batch_id)
        .outerjoin(where, where.c.equipment_key == batch.c.equipment_id)
        .outerjoin(criterion, criterion.c.id == result.c.criterion_id)
        .where(once(result), once(sample))
    )


def write_fact_event() -> AnySelect:
    """Alarms, messages and other events."""
    event, batch = _F["operations_event"].alias("v"), _T["batch"].alias("b")
    own, whole = sites(), sites().alias("site_of_batch")
    return (
        select(
            event.c.id.label("event_key"),
            event.c.batch_id.label("batch_key"),
            event.c.response_id.label("phase_key"),
            event.c.equipment_id.label("equipment_key"),
            func.coalesce(own.c.site_key, whole.c.site_key).label("site_key"),
            batch.c.product_id.label("material_key"),
            batch.c.campaign_id.label("campaign_key"),
            words(event, "event_type").label("event_type"),
            words(event, "subtype").label("subtype"),
            event.c.priority,
            event.c.at,
            day(event.c.at).label("day"),
            seconds(event.c.at, event.c.cleared_at).label("active_s"),
            seconds(event.c.at, event.c.acknowledged_at).label("acknowledge_s"),
            event.c.value_num,
            event.c.value_text,
            event.c.unit,
            event.c.comment,
        )
        .select_from(event)
        .outerjoin(batch, batch.c.id == event.c.batch_id)
        .outerjoin(own, own.c.equipment_key == event.c.equipment_id)
        .outerjoin(whole, whole.c.equipment_key == batch.c.equipment_id)
        .where(once(event))
    )


def write_fact_equipment_time() -> AnySelect:
    """Stretches of equipment time by ISO 22400-2 element and PackML state."""
    time, batch, where = _F["equipment_time"].alias("t"), _T["batch"].alias("b"), sites()
    return (
        select(
            time.c.id.label("equipment_time_key"),
            time.c.equipment_id.label("equipment_key"),
            time.c.batch_id.label("batch_key"),
            where.c.site_key,
            batch.c.product_id.label("material_key"),
            batch.c.campaign_id.label("campaign_key"),
            time.c.basis,
            words(time, "element").label("element"),
            words(time, "state").label("state"),
            time.c.start_at,
            time.c.end_at,
            day(time.c.start_at).label("day"),
            seconds(time.c.start_at, time.c.end_at).label("duration_s"),
        )
        .select_from(time)
        .outerjoin(batch, batch.c.id == time.c.batch_id)
        .outerjoin(where, where.c.equipment_key == time.c.equipment_id)
        .where(once(time))
    )


def write_fact_kpi() -> AnySelect:
    """Key figures that were computed, with numerator, denominator and version of the formula.

    `word` keeps apart what is one figure a property, step or unit; `incomplete` says why there is no value.
    """
    figure, where = kpi_value.alias("k"), sites()
    of_equipment = and_(figure.c.scope_type == "equipment", where.c.equipment_key == figure.c.scope_id)
    return (
        select(
            figure.c.id.label("kpi_key"),
            figure.c.kpi,
            figure.c.formula_version,
            figure.c.scope_type,
            figure.c.scope_id.label("scope_key"),
            figure.c.word,
            where.c.site_key,
            figure.c.period_start,
            figure.c.period_end,
            day(figure.c.period_start).label("period_day"),
            figure.c.value,
            figure.c.unit,
            figure.c.numerator,
            figure.c.denominator,
            figure.c.rows,
            figure.c.incomplete,
            figure.c.recorded_at,
        )
        .select_from(figure)
        .outerjoin(where, of_equipment)
    )
