"""What the demo plant did: equipment, materials, orders, batches and lots of one mAb campaign, from a seed.

Every other module tells this one story in the words of its system. Times are UTC; the site lives by
`Europe/Dublin`, so the change to summer time on 29 March 2026 lies inside the story.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal
from zoneinfo import ZoneInfo

SEED = 20260117
ZONE = ZoneInfo("Europe/Dublin")
WINDOW_START = datetime(2026, 1, 5, tzinfo=UTC)
"""The historian's first sample."""
FIRST = datetime(2026, 4, 19, 5, 0, tzinfo=UTC)
"""The laboratory knows B26-0122; MES and ERP do not yet name it; nothing has been corrected."""
NOW = datetime(2026, 4, 20, 6, 0, tzinfo=UTC)
"""A day later: B26-0122 has its MES record, and every correction and reversal has been posted."""

ENTERPRISE = "LEE"
SITE = "CRK"
PLANT = "1010"
"""The site's plant code in the ERP."""


@dataclass(frozen=True)
class Place:
    """A node of the equipment hierarchy; `level` is ISA-95's word."""

    id: str
    level: Literal["Enterprise", "Site", "Area", "ProcessCell", "Unit"]
    parent: str | None
    description: str
    equipment_class: str | None = None


PLACES = (
    Place("LEE", "Enterprise", None, "Lee Biologics"),
    Place("CRK", "Site", "LEE", "Cork"),
    Place("CRK-DS1", "Area", "CRK", "Drug substance 1"),
    Place("CRK-DS1-USP", "ProcessCell", "CRK-DS1", "Upstream"),
    Place("MIX-01", "Unit", "CRK-DS1-USP", "Media preparation tank 2500 L", "MixTank"),
    Place("BR50-01", "Unit", "CRK-DS1-USP", "Seed bioreactor N-2, 50 L", "Bioreactor"),
    Place("BR200-01", "Unit", "CRK-DS1-USP", "Seed bioreactor N-1, 200 L", "Bioreactor"),
    Place("BR2000-01", "Unit", "CRK-DS1-USP", "Production bioreactor 2000 L", "Bioreactor"),
    Place("BR2000-02", "Unit", "CRK-DS1-USP", "Production bioreactor 2000 L", "Bioreactor"),
    Place("CRK-DS1-DSP", "ProcessCell", "CRK-DS1", "Downstream"),
    Place("DF-01", "Unit", "CRK-DS1-DSP", "Depth filtration skid", "FiltrationSkid"),
    Place("CHR-01", "Unit", "CRK-DS1-DSP", "Protein A chromatography skid", "ChromatographySkid"),
    Place("VI-01", "Unit", "CRK-DS1-DSP", "Viral inactivation tank", "MixTank"),
    Place("CHR-02", "Unit", "CRK-DS1-DSP", "Polishing chromatography skid", "ChromatographySkid"),
    Place("UF-01", "Unit", "CRK-DS1-DSP", "Ultrafiltration skid", "FiltrationSkid"),
    Place("CRK-DP1", "Area", "CRK", "Drug product 1"),
    Place("CRK-DP1-FF", "ProcessCell", "CRK-DP1", "Fill and finish"),
    Place("FILL-01", "Unit", "CRK-DP1-FF", "Vial filling line", "FillingLine"),
)


@dataclass(frozen=True)
class Material:
    """A material: `number` as MES writes it, padded to 18 in the ERP; `code` is the laboratory's own."""

    number: str
    code: str
    description: str
    unit: str
    product_type: str
    product_group: str


MATERIALS = {
    m.code: m
    for m in (
        Material("100110", "WCB-214", "Working cell bank MAB214, vial 1 mL", "EA", "ROH", "CELLBANK"),
        Material("100200", "MEDIA-GRO", "Growth medium", "KG", "HALB", "MEDIA"),
        Material("100210", "MEDIA-PRD", "Production medium", "KG", "HALB", "MEDIA"),
        Material("100220", "FEED-A", "Concentrated feed A", "KG", "HALB", "MEDIA"),
        Material("100230", "RESIN-PA", "Protein A resin", "L", "ROH", "RESIN"),
        Material("100240", "NANO-20", "Nanofilter 20 nm", "EA", "ROH", "FILTER"),
        Material("100260", "DEPTH-D0", "Depth filter D0", "EA", "ROH", "FILTER"),
        Material("100300", "VIAL-6R", "Vial 6R, type I glass", "EA", "ROH", "PACKAGING"),
        Material("100310", "STOPPER-20", "Stopper 20 mm", "EA", "ROH", "PACKAGING"),
        Material("100400", "POWDER-GRO", "Growth medium powder", "KG", "ROH", "MEDIA"),
        Material("100410", "POWDER-PRD", "Production medium powder", "KG", "ROH", "MEDIA"),
        Material("300201", "MAB214-N2", "MAB214 seed culture N-2", "KG", "HALB", "MAB214"),
        Material("300202", "MAB214-N1", "MAB214 seed culture N-1", "KG", "HALB", "MAB214"),
        Material("300203", "MAB214-BR", "MAB214 bioreactor broth", "KG", "HALB", "MAB214"),
        Material("300204", "MAB214-HC", "MAB214 clarified harvest", "KG", "HALB", "MAB214"),
        Material("300205", "MAB214-PA", "MAB214 protein A pool", "KG", "HALB", "MAB214"),
        Material("300206", "MAB214-VI", "MAB214 virus-inactivated pool", "KG", "HALB", "MAB214"),
        Material("300207", "MAB214-PL", "MAB214 polished pool", "KG", "HALB", "MAB214"),
        Material("300214", "MAB214-DS", "MAB214 drug substance", "KG", "HALB", "MAB214"),
        Material("300314", "MAB214-DP", "MAB214 150 mg/vial", "EA", "FERT", "MAB214"),
    )
}


@dataclass(frozen=True)
class Span:
    """When a unit procedure ran and where."""

    step: str
    unit: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Use:
    """Material into a step: the lot as MES writes it; `by_erp` when the ERP books it too."""

    step: str
    material: str
    lot: str
    quantity: str
    unit: str
    by_erp: bool = True
    consumable: bool = False


@dataclass(frozen=True)
class Batch:
    """One ISA-88 batch in MES's words, with what it was planned to be and what it became."""

    id: str
    campaign: str
    order: str
    product: str
    lot: str
    planned_size: str
    size: str
    size_unit: str
    created: datetime
    released: datetime
    planned_start: datetime
    planned_end: datetime
    spans: tuple[Span, ...]
    uses: tuple[Use, ...]
    titre: float = 0.0
    is_rejected: bool = False
    erp_names_batch_at: datetime | None = None
    seed: int = 0
    intermediates: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Step -> (material code, kg) of what the step makes; its lot is `<batch>-<last part of the code>`."""

    @property
    def start(self) -> datetime:
        """The start of the first unit procedure."""
        return self.spans[0].start

    @property
    def end(self) -> datetime:
        """The end of the last unit procedure."""
        return self.spans[-1].end

    def span(self, step: str) -> Span:
        """Give the run of one unit procedure; KeyError when the batch has no such step."""
        found = next((s for s in self.spans if s.step == step), None)
        if found is None:
            raise KeyError(step)
        return found

    def lot_of(self, material: str) -> str:
        """Give the MES name of the lot of a material that this batch makes."""
        return f"{self.id}-{material.rsplit('-', 1)[-1]}"


def name_in_erp(name: str) -> str:
    """Write a batch or lot as the ERP does: `B26-0117` is `B260117` (10 characters at most)."""
    return name.replace("-", "")[:10]


def name_in_lims(batch: str) -> str:
    """Write a batch as the laboratory does: `B26-0117` is `b26 0117`."""
    return batch.lower().replace("-", " ")


FIRST_NUMBER, LAST_NUMBER = 110, 122
REJECTED = 112
LATE_NAMED = 122
WORKED_EXAMPLE = 117
_CAMPAIGNS = {110: "C26-01", 113: "C26-02", 117: "C26-03", 121: "C26-04"}

# Step, unit (None: the batch's production bioreactor), start and length in minutes from the batch's start.
_DS_STEPS: tuple[tuple[str, str | None, int, int], ...] = (
    ("SR-100", "BR50-01", 0, 5_830),
    ("SR-110", "BR200-01", 5_890, 5_600),
    ("SR-120", None, 11_629, 20_030),
    ("SR-125", "DF-01", 31_674, 455),
    ("SR-130", "CHR-01", 32_219, 1_640),
    ("SR-140", "VI-01", 33_889, 440),
    ("SR-150", "CHR-02", 34_549, 1_980),
    ("SR-160", "UF-01", 36_839, 1_415),
)
_DP_STEPS: tuple[tuple[str, str, int, int], ...] = (
    ("SR-200", "FILL-01", 0, 1_320),
    ("SR-210", "FILL-01", 1_390, 660),
    ("SR-220", "FILL-01", 2_110, 900),
)


def local(moment: datetime) -> datetime:
    """Give the wall-clock time at the site."""
    return moment.astimezone(ZONE)


def plan_batches() -> tuple[Batch, ...]:
    """Give all batches, drug substance first, in order of number."""
    substance = tuple(_plan_substance(number) for number in range(FIRST_NUMBER, LAST_NUMBER + 1))
    filled = tuple(_plan_fill(b) for b in substance if not b.is_rejected and _fill_start(b) < NOW)
    return substance + filled


def _plan_substance(number: int) -> Batch:
    rng = Random(f"{SEED}/{number}")
    exact = number == WORKED_EXAMPLE
    day = datetime(2026, 3, 2, 6, tzinfo=ZONE) + timedelta(days=8 * (number - WORKED_EXAMPLE))
    planned = day.astimezone(UTC)
    start = planned + (
        timedelta(minutes=11, seconds=4) if exact else timedelta(seconds=rng.randint(120, 2400))
    )
    reactor = "BR2000-01" if number % 2 else "BR2000-02"
    spans = tuple(_run(step, unit or reactor, start=start, plan=(offset, minutes), rng=None if exact else rng)
                  for step, unit, offset, minutes in _DS_STEPS)  # fmt: skip
    if exact:
        spans = _spans_of_the_worked_example(spans)
    order = 1_004_711 + 3 * (number - WORKED_EXAMPLE)
    titre = 4.9 if exact else round(rng.uniform(4.35, 5.3), 1)
    size = "118.20" if exact else f"{118.2 * titre / 4.9 * rng.uniform(0.985, 1.015):.2f}"
    batch = f"B26-{number:04d}"
    late = datetime(2026, 4, 19, 10, 12, 31, tzinfo=UTC)
    return Batch(
        id=batch,
        campaign=next(c for first, c in reversed(_CAMPAIGNS.items()) if number >= first),
        order=str(order),
        product="MAB214-DS",
        lot=f"{batch}-DS",
        planned_size="120",
        size=size,
        size_unit="KG",
        created=planned - timedelta(days=47, hours=20, minutes=rng.randint(0, 50)),
        released=planned - timedelta(days=7, minutes=rng.randint(0, 240)),
        planned_start=planned,
        planned_end=(day + timedelta(days=26, hours=14)).astimezone(UTC),
        spans=spans,
        uses=_uses_of_substance(number, rng, exact=exact),
        titre=titre,
        is_rejected=number == REJECTED,
        erp_names_batch_at=late if number == LATE_NAMED else None,
        seed=number,
        intermediates=_intermediates(rng, size, exact=exact),
    )


def _run(step: str, unit: str, *, start: datetime, plan: tuple[int, int], rng: Random | None) -> Span:
    offset, minutes = plan
    # A step may begin up to 25 minutes late and take up to 15 minutes less: steps never overlap.
    late = rng.randint(0, 1500) if rng and offset else 0
    short = rng.randint(late, late + 900) if rng else 0
    begin = start + timedelta(minutes=offset, seconds=late)
    return Span(step, unit, begin, begin + timedelta(minutes=minutes) - timedelta(seconds=short))


def _spans_of_the_worked_example(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    exact = {
        "SR-120": (datetime(2026, 3, 10, 8, tzinfo=UTC), datetime(2026, 3, 24, 5, 50, tzinfo=UTC)),
        "SR-160": (datetime(2026, 3, 27, 20, 10, tzinfo=UTC), datetime(2026, 3, 28, 19, 45, tzinfo=UTC)),
    }
    return tuple(Span(s.step, s.unit, *exact.get(s.step, (s.start, s.end))) for s in spans)


def _uses_of_substance(number: int, rng: Random, *, exact: bool) -> tuple[Use, ...]:
    growth = 2 * number - 201
    medium = 1500.0 if exact else round(rng.uniform(1494, 1506), 1)
    feed = 262.5 if exact else round(rng.uniform(256, 270), 1)
    seed, step_up = round(rng.uniform(39.2, 40.8), 1), round(rng.uniform(148, 152), 1)
    return (
        Use("SR-100", "WCB-214", "WCB-214-07", "1", "EA"),
        Use("SR-100", "MEDIA-GRO", f"MG-26-{growth:04d}", f"{seed:g}", "KG"),
        Use("SR-110", "MEDIA-GRO", f"MG-26-{growth + 1:04d}", f"{step_up:g}", "KG"),
        Use("SR-120", "MEDIA-PRD", f"MP-26-{number - 105:04d}", f"{medium:g}", "KG"),
        Use("SR-120", "FEED-A", f"FA-26-{number // 2 - 50:04d}", f"{feed:g}", "KG"),
        Use("SR-125", "DEPTH-D0", "DF-2511-A", "6", "EA"),
        Use("SR-130", "RESIN-PA", "RPA-0019" if number >= WORKED_EXAMPLE else "RPA-0018", "35", "L",
            by_erp=False, consumable=True),
        Use("SR-150", "NANO-20", f"NF-26-{number - 100:03d}", "2", "EA"),
    )  # fmt: skip


def _intermediates(rng: Random, size: str, *, exact: bool) -> dict[str, tuple[str, str]]:
    def about(value: float, share: float) -> str:
        return f"{value if exact else value * rng.uniform(1 - share, 1 + share):.1f}"

    return {
        "SR-100": ("MAB214-N2", about(40.2, 0.02)),
        "SR-110": ("MAB214-N1", about(186.0, 0.02)),
        "SR-120": ("MAB214-BR", about(1948.5, 0.01)),
        "SR-125": ("MAB214-HC", about(1790.0, 0.01)),
        "SR-130": ("MAB214-PA", about(412.0, 0.03)),
        "SR-140": ("MAB214-VI", about(431.0, 0.03)),
        "SR-150": ("MAB214-PL", about(520.0, 0.03)),
        "SR-160": ("MAB214-DS", size),
    }


def _fill_start(substance: Batch) -> datetime:
    return (local(substance.planned_start) + timedelta(days=45, hours=1)).astimezone(UTC)


def _plan_fill(substance: Batch) -> Batch:
    number = int(substance.id[-4:])
    rng = Random(f"{SEED}/fill/{number}")
    exact = number == WORKED_EXAMPLE
    planned = _fill_start(substance)
    start = planned + timedelta(seconds=rng.randint(60, 1500))
    batch = f"F26-{number - 75:04d}"
    vials = 19_880 if exact else rng.randint(19_500, 20_000)
    filled = 19_742 if exact else vials - rng.randint(110, 260)
    bulk = "101.4" if exact else f"{vials / 19_880 * 101.4:.1f}"
    return Batch(
        id=batch,
        campaign=substance.campaign,
        order=str(int(substance.order) + 2),
        product="MAB214-DP",
        lot=f"{batch}-DP",
        planned_size="20000",
        size=str(filled),
        size_unit="EA",
        created=planned - timedelta(days=40, minutes=rng.randint(0, 300)),
        released=planned - timedelta(days=3, minutes=rng.randint(0, 300)),
        planned_start=planned,
        planned_end=planned + timedelta(days=2, hours=6),
        spans=tuple(
            _run(step, unit, start=start, plan=(offset, minutes), rng=rng)
            for step, unit, offset, minutes in _DP_STEPS
        ),
        uses=(
            Use("SR-200", "MAB214-DS", substance.lot, bulk, "KG"),
            Use("SR-210", "VIAL-6R", f"V6R-26-{number - 109:02d}", str(vials), "EA"),
            Use("SR-210", "STOPPER-20", "ST-2509-C", str(vials + 40), "EA"),
        ),
        seed=10_000 + number,
        intermediates={"SR-220": ("MAB214-DP", str(filled))},
    )


def decided_at(batch: Batch) -> datetime:
    """Give when the laboratory decided about the batch's product."""
    if batch.seed == WORKED_EXAMPLE:
        return batch.end + timedelta(hours=399, minutes=21, seconds=36)
    rng = Random(f"{SEED}/decision/{batch.id}")
    return batch.end + timedelta(days=rng.uniform(14, 18) if batch.titre else rng.uniform(11, 14))


def lot_in_erp(lot: str, batches: tuple[Batch, ...]) -> str:
    """Write a lot as the ERP does: a product lot goes by its batch's name, others lose their dashes."""
    maker = next((b.id for b in batches if b.lot == lot), lot)
    return name_in_erp(maker)
