"""The master recipes of the demo plant: unit procedures, operations, phases and their parameters."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameter:
    """A recipe parameter: what was set (None: only measured), the spread of the actual around `nominal`."""

    name: str
    unit: str
    setpoint: str | None
    nominal: float
    spread: float
    decimals: int
    is_critical: bool = False


@dataclass(frozen=True)
class Step:
    """A unit procedure; each operation has its share of the time and its phases in equal parts."""

    id: str
    name: str
    segment: str
    operations: tuple[tuple[str, float, tuple[str, ...]], ...]
    parameters: tuple[Parameter, ...]


RECIPES = {"MAB214-DS": ("MR-MAB214-DS", "07"), "MAB214-DP": ("MR-MAB214-DP", "03")}
"""Product -> master recipe and its version."""
MEDIUM = ("MR-MEDIA-PRD", "04")
"""The recipe by which the production medium is prepared, and its version."""

DS_STEPS = (
    Step(
        "SR-100",
        "Seed expansion N-2, 50 L",
        "PS-SEED",
        (
            ("Preparation", 0.03, ("Medium fill", "Thaw and transfer")),
            ("Growth", 0.95, ("Batch growth",)),
            ("Transfer", 0.02, ("Transfer out",)),
        ),
        (
            Parameter("Temperature", "Cel", "36.8", 36.8, 0.05, 2, is_critical=True),
            Parameter("pH", "pH", "7.05", 7.05, 0.02, 2),
            Parameter("Viable cell density at transfer", "10^6 cells/mL", None, 4.2, 0.25, 2),
        ),
    ),
    Step(
        "SR-110",
        "Seed expansion N-1, 200 L",
        "PS-SEED",
        (
            ("Preparation", 0.03, ("Medium fill", "Inoculation")),
            ("Growth", 0.95, ("Batch growth",)),
            ("Transfer", 0.02, ("Transfer out",)),
        ),
        (
            Parameter("Temperature", "Cel", "36.8", 36.8, 0.05, 2, is_critical=True),
            Parameter("pH", "pH", "7.05", 7.05, 0.02, 2),
            Parameter("Viable cell density at transfer", "10^6 cells/mL", None, 5.1, 0.3, 2),
        ),
    ),
    Step(
        "SR-120",
        "Production bioreactor fed-batch",
        "PS-PRODUCTION",
        (
            ("Preparation", 0.008, ("Medium fill", "Equilibration", "Inoculation")),
            ("Growth", 0.212, ("Batch growth",)),
            ("Fed-batch", 0.772, ("Feed at 36.8 °C", "Feed at 34.5 °C")),
            ("Harvest", 0.008, ("Cool down", "Transfer out")),
        ),
        (
            Parameter("Temperature", "Cel", "36.8", 36.8, 0.04, 2, is_critical=True),
            Parameter("pH", "pH", "7.00", 7.0, 0.02, 2, is_critical=True),
            Parameter("Dissolved oxygen", "%", "40", 40.0, 0.4, 1, is_critical=True),
        ),
    ),
    Step(
        "SR-125",
        "Depth filtration",
        "PS-CLARIFICATION",
        (("Flush", 0.2, ("Water flush", "Buffer flush")), ("Filtration", 0.8, ("Load", "Chase"))),
        (
            Parameter("Flow", "L/h", "300", 300.0, 4.0, 0),
            Parameter("Final turbidity", "NTU", None, 4.1, 0.8, 1),
        ),
    ),
    Step(
        "SR-130",
        "Protein A capture",
        "PS-CAPTURE",
        (
            ("Equilibration", 0.1, ("Equilibrate",)),
            ("Capture cycles", 0.8, ("Load", "Wash", "Elution")),
            ("Regeneration", 0.1, ("Strip", "Sanitise")),
        ),
        (
            Parameter("LoadMass", "g", None, 1428.0, 24.0, 0, is_critical=True),
            Parameter("Cycles", "1", "6", 6.0, 0.0, 0),
            Parameter("Step yield", "%", None, 95.5, 0.9, 1),
        ),
    ),
    Step(
        "SR-140",
        "Low-pH viral inactivation",
        "PS-VIRAL-INACTIVATION",
        (
            ("Inactivation", 0.6, ("Acidify", "Hold")),
            ("Neutralisation", 0.4, ("Neutralise", "Intermediate filtration")),
        ),
        (
            Parameter("pH", "pH", "3.55", 3.55, 0.02, 2, is_critical=True),
            Parameter("Hold time", "min", "60", 63.0, 1.2, 0, is_critical=True),
        ),
    ),
    Step(
        "SR-150",
        "Polishing and nanofiltration",
        "PS-POLISHING",
        (
            ("Polishing", 0.7, ("Equilibrate", "Load and flow through", "Strip")),
            ("Nanofiltration", 0.3, ("Filtration", "Integrity test")),
        ),
        (
            Parameter("Load conductivity", "mS/cm", "5.0", 5.0, 0.1, 2),
            Parameter("Nanofilter pressure", "bar", "2.0", 2.0, 0.03, 2, is_critical=True),
        ),
    ),
    Step(
        "SR-160",
        "Ultrafiltration and diafiltration",
        "PS-FORMULATION",
        (
            ("Concentration", 0.3, ("Concentrate",)),
            ("Diafiltration", 0.5, ("Diafilter",)),
            ("Bulk fill", 0.2, ("Recover", "Bulk fill and freeze")),
        ),
        (
            Parameter("Diavolumes", "1", "8", 8.1, 0.1, 1, is_critical=True),
            Parameter("Transmembrane pressure", "bar", "1.0", 1.0, 0.03, 2),
            Parameter("Protein concentration", "g/L", None, 50.2, 0.6, 1, is_critical=True),
        ),
    ),
)

DP_STEPS = (
    Step(
        "SR-200",
        "Thaw and pooling",
        "PS-THAW",
        (("Thaw", 0.8, ("Thaw",)), ("Pooling", 0.2, ("Pool and mix",))),
        (Parameter("Thaw temperature", "Cel", "5", 5.2, 0.3, 1),),
    ),
    Step(
        "SR-210",
        "Sterile filtration and filling",
        "PS-FILL",
        (
            ("Filtration", 0.2, ("Sterile filtration", "Filter integrity test")),
            ("Filling", 0.8, ("Fill and stopper",)),
        ),
        (
            Parameter("Fill weight", "g", "5.10", 5.10, 0.01, 3, is_critical=True),
            Parameter("Line speed", "1/min", "40", 40.0, 0.5, 1),
        ),
    ),
    Step(
        "SR-220",
        "Capping and inspection",
        "PS-INSPECTION",
        (("Capping", 0.3, ("Cap",)), ("Inspection", 0.7, ("Visual inspection",))),
        (Parameter("Rejected vials", "1", None, 0.0, 0.0, 0),),
    ),
)

STEPS = {step.id: step for step in (*DS_STEPS, *DP_STEPS)}
