"""The tools: eight questions that people ask about batches, each a few calls of the API."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from hub.agents.asking import Asker, Refused
from hub.agents.bounding import bound

Answer = dict[str, Any]
Name = Annotated[str, Field(max_length=200)]
BatchName = Annotated[Name, Field(description="The batch: its uid or any of its names in any system.")]
Time = Annotated[datetime, Field(description="RFC 3339 with a zone, such as 2026-03-10T08:00:00Z.")]
_DEEPEST = 10
"""Levels of phases above one that are named; a source may state a circle."""
_SHOWN = (
    "uid",
    "code",
    "description",
    "status",
    "kind",
    "planned_start",
    "actual_start",
    "actual_end",
    "has_conflict",
)


class Tools:
    """The tools, over whoever asks at the moment."""

    def __init__(self, asker: Callable[[], Asker]) -> None:
        self._asker = asker

    def list_all(self) -> Sequence[Callable[..., Awaitable[Answer]]]:
        """Give all tools; name, arguments and text of each are those of its function."""
        return (
            self.find_batch,
            self.summarise_batch,
            self.compare_batches,
            self.trend,
            self.genealogy,
            self.lineage,
            self.open_conflicts,
            self.run_filter,
        )

    async def find_batch(  # noqa: PLR0917 - arguments come by name
        self,
        name: Annotated[Name | None, Field(description="Any name of it in any system.")] = None,
        product: Annotated[Name | None, Field(description="Code of the material it makes.")] = None,
        status: Annotated[Name | None, Field(description="Complete, Running, Aborted, …")] = None,
        since: Annotated[Time | None, Field(description="It began at this time or later.")] = None,
        until: Annotated[Time | None, Field(description="It began before this time.")] = None,
        limit: Annotated[int, Field(ge=1, le=50)] = 10,
    ) -> Answer:
        """Find batches by name, product, status or time; the newest come first."""
        conditions = [
            *([f"product eq {_quote(product)}"] if product else []),
            *([f"status eq {_quote(status)}"] if status else []),
            *([f"actual_start ge {_stamp(since)}"] if since else []),
            *([f"actual_start lt {_stamp(until)}"] if until else []),
        ]
        page = await self._asker().get(
            "batches",
            name=name,
            filter=" and ".join(conditions) or None,
            order="actual_start desc",
            limit=limit,
        )
        return bound({"batches": [_brief(one) for one in page["items"]], "more": page["next"] is not None})

    async def summarise_batch(self, batch: BatchName) -> Answer:
        """Summarise a batch: what it made and when, phases, results, events, what lacks or is disputed."""
        ask = self._asker()
        whole = await ask.get("batches", batch)
        uid = whole["uid"]
        phases = (await ask.get("batches", uid, "phases"))["items"]
        results = (await ask.get("batches", uid, "results"))["items"]
        events = (await ask.get("batches", uid, "events"))["items"]
        complete = await ask.get("batches", uid, "completeness")
        conflicts = (await ask.get("batches", uid, "conflicts"))["items"]
        return bound(
            {
                "batch": _brief(whole),
                "names": sorted({one["label"] for one in whole.get("names", ()) if one.get("label")}),
                "phases": [_phase(one) for one in phases if one["same_as"] is None],
                "results": [_result(one) for one in results],
                "results_outside_limits": sum(1 for one in results if one["is_outside"]),
                "events": [_event(one) for one in events],
                "completeness": complete.get("verdict"),
                "conflicts": [{"attribute": one["attribute"], "state": one["state"]} for one in conflicts],
            }
        )

    async def compare_batches(
        self, batches: Annotated[list[BatchName], Field(min_length=2, max_length=6)]
    ) -> Answer:
        """Compare batches: size, time, how long each phase took, each result; side by side.

        Phases stand behind what they are part of, results by test, stage and replicate. Where a batch has
        several of one (samples, retests) all are listed.
        """
        ask = self._asker()
        seen: dict[str, str] = {}
        rows: dict[str, dict[str, list[Any]]] = {}
        for name in batches:
            whole = await ask.get("batches", name)
            uid = whole["uid"]
            if uid in seen:
                continue
            seen[uid] = uid if whole["code"] in seen.values() else whole["code"]
            phases = (await ask.get("batches", uid, "phases"))["items"]
            results = (await ask.get("batches", uid, "results"))["items"]
            for what, value in (*_sides(whole), *_durations(phases), *_findings(results)):
                rows.setdefault(what, {}).setdefault(seen[uid], []).append(value)
        shown = [
            {"what": what, **{code: some[0] if len(some) == 1 else some for code, some in values.items()}}
            for what, values in rows.items()
        ]
        return bound({"batches": list(seen.values()), "rows": shown})

    async def trend(  # noqa: PLR0917 - arguments come by name
        self,
        tag: Annotated[Name, Field(description="A signal by code or any of its names.")],
        batch: Annotated[BatchName | None, Field(description="Take the time of this batch.")] = None,
        start: Time | None = None,
        end: Time | None = None,
        points: Annotated[int, Field(ge=10, le=300)] = 100,
    ) -> Answer:
        """Give the course of a signal as few points that keep its shape; say a batch, or start and end."""
        span = {"start": _stamp(start), "end": _stamp(end)}
        if batch is not None:
            read = await self._asker().get("batches", batch, "samples", tag=tag, points=points, **span)
        elif start is None or end is None:
            raise Refused("Say a batch, or start and end.")
        else:
            read = await self._asker().get("samples", tag=tag, points=points, **span)
        items = read["items"]
        numbers = [one["value"] for one in items if one["value"] is not None]
        return bound(
            {
                "tag": read["tags"],
                "start": read["start"],
                "end": read["end"],
                "min": min(numbers, default=None),
                "max": max(numbers, default=None),
                "not_good": sum(1 for one in items if one["quality"] >> 30),
                "points": {
                    "ts": [one["ts"] for one in items],
                    "value": [one["text"] if one["value"] is None else one["value"] for one in items],
                },
            },
            lists=points,
        )

    async def genealogy(
        self,
        lot: Annotated[Name, Field(description="The lot: its uid or any of its names.")],
        direction: Annotated[
            Literal["backward", "forward"], Field(description="What went into it, or where it went.")
        ] = "backward",
        depth: Annotated[int, Field(ge=1, le=20)] = 3,
    ) -> Answer:
        """Trace a lot: the lots that went into it, or that it went into, and the batches between."""
        read = await self._asker().get("lots", lot, "genealogy", direction=direction, depth=depth, limit=100)
        codes = {one["uid"]: one["code"] for one in read["lots"]}
        shown = [
            {name: one[name] for name in ("code", "depth", "kind", "disposition")} for one in read["lots"]
        ]
        edges = [
            {
                "input": codes[one["input"]],
                "output": codes[one["output"]],
                "batch": _code(one["batch"]),
                "kind": one["kind"],
                "quantity": one["quantity"],
                "unit": one["unit"],
            }
            for one in read["edges"]
        ]
        return bound({"is_complete": read["is_complete"], "lots": shown, "edges": edges})

    async def lineage(
        self,
        kind: Annotated[Name, Field(description="batch, material_lot, equipment, test_result, …")],
        name: Annotated[Name, Field(description="The thing's uid or name; a fact's id.")],
        attribute: Annotated[Name, Field(description="Such as actual_size or value.")],
    ) -> Answer:
        """Say where a value comes from: who stated what, in which record, which rule or person decided."""
        return bound(await self._asker().get("lineage", kind, name, attribute))

    async def open_conflicts(
        self,
        batch: BatchName | None = None,
        product: Annotated[Name | None, Field(description="Code of a material.")] = None,
        limit: Annotated[int, Field(ge=1, le=50)] = 10,
    ) -> Answer:
        """List where sources disagree and nobody has decided: what each says and what counts meanwhile."""
        page = await self._asker().get("conflicts", state="open", batch=batch, product=product, limit=limit)
        return bound({"conflicts": page["items"], "more": page["next"] is not None})

    async def run_filter(  # noqa: PLR0917 - arguments come by name
        self,
        collection: Literal["batches", "lots", "tags"],
        filter: Annotated[
            str | None,
            Field(
                max_length=1000,
                description="OData $filter over the members of an item: eq ne gt ge lt le in and or not "
                "contains startswith endswith, such as status eq 'Running' and actual_start ge "
                "2026-03-01T00:00:00Z.",
            ),
        ] = None,
        order: Annotated[Name | None, Field(description="A column, alone or with asc or desc.")] = None,
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
    ) -> Answer:
        """Run a filter over batches, lots or tags; a wrong one is answered with what is wrong and where."""
        page = await self._asker().get(collection, filter=filter, order=order, limit=limit)
        return bound({collection: page["items"], "more": page["next"] is not None})


# ------------------------------------------------------------------------------------------ shapes
def _quote(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _stamp(at: datetime | None) -> str | None:
    if at is None:
        return None
    if at.tzinfo is None:
        raise Refused("Times have a zone, such as 2026-03-10T08:00:00Z.")
    return at.isoformat().replace("+00:00", "Z")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _code(reference: Answer | None) -> str | None:
    return None if reference is None else reference.get("code")


def _amount(value: Answer | None) -> str | None:
    if value is None:
        return None
    said = value.get("text") if value.get("value") is None else f"{value['value']:g}"
    return (
        None if said is None else " ".join(filter(None, [value.get("comparator"), said, value.get("unit")]))
    )


def _brief(batch: Answer) -> Answer:
    told = {name: batch[name] for name in _SHOWN}
    for name in ("product", "output_lot", "equipment", "operations_request", "recipe", "campaign"):
        told[name] = _code(batch[name])
    return {**told, "size": _amount(batch["actual_size"])}


def _phase(phase: Answer) -> Answer:
    return {
        "level": phase["level"],
        "name": phase["name"],
        "equipment": _code(phase["equipment"]),
        "start": phase["actual_start"],
        "end": phase["actual_end"],
    }


def _result(result: Answer) -> Answer:
    return {
        "test": result["test_code"],
        "value": _amount(result["value"]),
        "verdict": result["verdict"],
        "is_outside": result["is_outside"],
    }


def _sides(batch: Answer) -> Iterator[tuple[str, Any]]:
    yield "size", _amount(batch["actual_size"])
    yield "start", batch["actual_start"]
    yield "end", batch["actual_end"]


def _durations(phases: Sequence[Answer]) -> Iterator[tuple[str, float]]:
    """Give the hours of each phase that has ended, with its name behind those of what it is part of."""
    known = {one["id"]: one for one in phases}
    for one in phases:
        if one["same_as"] is None and one["actual_start"] and one["actual_end"]:
            steps, here = list[str](), one
            while here is not None and len(steps) < _DEEPEST:
                steps.insert(0, f"{here['name']} ({here['occurrence']})")
                whole: Answer | None = here["parent"]
                here = None if whole is None else known.get(whole["id"])
            lasted = _time(one["actual_end"]) - _time(one["actual_start"])
            yield f"hours of {one['level']} {' / '.join(steps)}", round(lasted.total_seconds() / 3600, 2)


def _place_of_result(result: Answer) -> str:
    """Say which result it is, so that it stands beside the same of another batch."""
    stage, kind, number = result["sample"].get("stage"), result["kind"], result["replicate"]
    return " ".join(
        [
            f"result {result['test_code']}",
            *([f"({kind})"] if kind not in (None, "measured") else []),
            *([f"at {stage}"] if stage else []),
            *([f"replicate {number}"] if number not in (None, 1) else []),
        ]
    )


def _findings(results: Sequence[Answer]) -> Iterator[tuple[str, str | None]]:
    """Give the value of each result; where several stand in one place, with the sample that each is of."""
    several = Counter(map(_place_of_result, results))
    for one in results:
        what, said = _place_of_result(one), _amount(one["value"])
        if several[what] > 1:
            retest = ", retest" if one["retest_of"] else ""
            said = f"{said} (sample {one['sample'].get('code')}{retest})"
        yield what, said


def _event(event: Answer) -> Answer:
    return {
        "at": event["at"],
        "type": event["event_type"],
        "priority": event["priority"],
        "comment": event["comment"],
    }
