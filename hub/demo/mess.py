"""The mess planted in the demo plant, as data: what it is, where to look, what a hub should make of it."""

from dataclasses import dataclass
from datetime import datetime

from hub.demo import curves, erp, lims, mes
from hub.demo.plan import FIRST, NOW
from hub.demo.tags import SPARE


@dataclass(frozen=True)
class Mess:
    """One planted thing. `shows_at` is the plant instant from which all of it can be seen."""

    name: str
    what: str
    where: tuple[str, ...]
    expected: str
    shows_at: datetime = FIRST


MESS = {
    mess.name: mess
    for mess in (
        Mess(
            "three-names",
            "Every batch is written three ways: B26-0117 (MES, historian), B260117 (ERP), b26 0117 (LIMS).",
            (
                "mes: BatchProductionRecord/BatchID",
                "erp: A_ProcessOrderItem_2.Batch",
                "lims: batchRef",
                "historian: BR2000_01_BATCH_ID",
            ),
            "one batch with three identifiers",
        ),
        Mess(
            "early-result",
            "The laboratory reports on B26-0122 before MES or ERP name that batch.",
            ("lims: sample S-2026-004870, batchRef 'b26 0122'",),
            "a stub at FIRST, completed by MES and ERP at NOW",
        ),
        Mess(
            "corrected-result",
            f"The early cell density {lims.EARLY_ENTRY} is corrected to {lims.CORRECTED_ENTRY} (version 2).",
            ("lims: sample S-2026-004870, results[test=VCD].entry",),
            "the later version counts, the earlier stays on record",
            NOW,
        ),
        Mess(
            "reversed-issue",
            f"Goods issue 261 of {erp.ISSUED_FIRST} kg for order 1004711 is reversed (262) and issued again "
            "as 1500 kg; the first document is flagged as cancelled.",
            ("erp: material documents 4900012201, 4900012261, 4900012262",),
            "1500 kg issued in the end",
            NOW,
        ),
        Mess(
            "seen-twice",
            "MES consumed 1500 kg of medium MP-26-0012; the ERP's goods issue is the same 1500 kg.",
            ("mes: B26-0117/SR-120/SR-120-M2", "erp: material document 4900012262"),
            "1500 kg counted once, not 3000",
            NOW,
        ),
        Mess(
            "size-conflict",
            f"MES corrects the size of B26-0117 from 118.20 to {mes.CORRECTED_SIZE} kg; the ERP received "
            "118.2 kg (posted as 118200 G): 0.77 % apart.",
            (
                "mes: B26-0117/SR-160/SR-160-M2, record version 3",
                "erp: A_ProcessOrderItem_2.MfgOrderItemGoodsReceiptQty",
            ),
            "the ERP's value counts, the conflict is shown",
            NOW,
        ),
        Mess(
            "unmapped-tag",
            "A historian tag that no table and no rule of the tag map knows.",
            (f"historian: {SPARE}",),
            "listed as unmapped, its samples kept",
        ),
        Mess(
            "bad-stretch",
            f"The oxygen probe of BR2000-02 fails from {curves.BAD_STRETCH[1]:%Y-%m-%d %H:%M} to "
            f"{curves.BAD_STRETCH[2]:%H:%M} UTC (Bad, no number), then reads high until "
            f"{curves.UNCERTAIN_UNTIL:%H:%M} (Uncertain). It falls into B26-0118.",
            (f"historian: {curves.BAD_STRETCH[0]}",),
            "kept with its quality, left out of statistics",
        ),
        Mess(
            "broken-document",
            f"The final record of {mes.BROKEN_BATCH} was cut off while it was written; the whole one came "
            "eleven hours later under a new name.",
            ("mes: 20260312T203626Z_BatchProductionRecord_B26-0115_v02.xml",),
            "quarantined with line and reason; the batch is complete all the same",
        ),
        Mess(
            "oos-and-retest",
            "Host cell protein of B26-0117 is 118 ng/mg (limit 100); the retest reads 41 ng/mg.",
            ("lims: sample S-2026-004831, results R-91203 (FAIL) and its retest",),
            "both results kept, the retest points at what it repeats",
        ),
        Mess(
            "rejected-batch",
            "Bioburden of B26-0112 is 12 CFU/10 mL (limit 10): rejected, never filled (no F26-0037).",
            ("lims: usage decision UD-B26-0112",),
            "disposition Restricted",
        ),
        Mess(
            "censored-result",
            "Endotoxin is reported as '<0.05'.",
            ("lims: results[test=ENDOTOXIN].entry",),
            "kept with its comparator; not a number 0.05",
        ),
        Mess(
            "lot-spelling",
            "Lots and materials are spelled differently: MP-26-0012 and 100210 in MES, MP260012 and "
            "000000000000100210 in the ERP; the laboratory says MAB214-DS for 300214.",
            ("mes: MaterialLotID, MaterialDefinitionID", "erp: Batch, Material", "lims: product"),
            "one lot, one material; the laboratory's code is one only because identity.yaml declares it",
        ),
        Mess(
            "second-code",
            f"The usage decision of {lims.CODED_ANEW} names the drug product {lims.NEW_CODE}, a code that "
            "nobody has declared; MES and ERP say 300314 of the same lot.",
            ("lims: usage decision UD-F26-0040, product", "mes: MaterialDefinitionID", "erp: Material"),
            "a proposal that the two are one material, with that lot as its evidence; a person decides",
        ),
        Mess(
            "overlap",
            "Two bioreactors run batches that overlap by six days; seed, downstream and filling of further "
            "batches run at the same time.",
            ("historian: BR2000_01_BATCH_ID, BR2000_02_BATCH_ID",),
            "samples belong to a batch by unit and time, never by time alone",
        ),
        Mess(
            "clock-skew",
            f"The historian's clock is {-curves.START_SKEW.total_seconds():.0f} s behind MES at the start of "
            f"a run and {-curves.END_SKEW.total_seconds():.0f} s at its end: 07:58:21Z against 08:00:00Z for "
            "B26-0117.",
            ("historian: BR2000_01_BATCH_ID", "mes: B26-0117/SR-120"),
            "two sightings of one run, counted once",
        ),
        Mess(
            "oxygen-excursion",
            "Dissolved oxygen of B26-0117 falls to 28.4 % for 11 minutes; MES has the alarm.",
            (f"historian: {curves.LOW_OXYGEN[0]}", "mes: B26-0117 event E1"),
            "alarm and curve tell the same story",
        ),
        Mess(
            "summer-time",
            "The ERP writes wall-clock times without a zone; the clock goes forward on 29 March 2026.",
            ("erp: MfgOrderPlannedStartTime PT06H00M00S before and after",),
            "06:00Z before, 05:00Z after",
        ),
    )
}
"""Everything planted, by name."""
