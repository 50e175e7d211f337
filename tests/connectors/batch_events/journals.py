"""Journals as the engines' documentation describes them; no real one is public. Written for these tests."""

HEAD = "lclTime\tUniqueID\tBatchID\tRecipe\tDescript\tEvent\tPValue\tEU\tArea\tProcCell\tUnit\tPhase\tUserID"
UP = r"41:MAB\SEED:1"
OP = rf"{UP}\GROW:1-1"
PHASE = rf"{OP}\INOCULATE:1-1"


def line(time: str, *, recipe: str = "41:MAB", batch: str = "B26-1", unique: str = "41", **said: str) -> str:
    """Give one event of a FactoryTalk or DeltaV journal, on 2026-03-01."""
    cells = (
        f"2026-03-01 {time}", unique, batch, recipe, said.get("descript", ""), said.get("event", "State Change"),
        said.get("value", ""), said.get("eu", ""), "PLANT", "CELL", said.get("unit", ""), "", "",
    )  # fmt: skip
    return "\t".join(cells)


FACTORYTALK = [
    line("08:00:00", descript="Product Code", event="Recipe Header", value="MAB214"),
    line("08:00:01", event="System Message", value="Beginning Of BATCH"),
    line("08:01:00", recipe=UP, event="Recipe Arbitration", descript="Resource Acquired by recipe", value="BR-1", eu="Unit"),
    line("08:01:05", recipe=UP, event="System Message", descript="Unit Procedure Started", unit="BIOREACTORS"),
    line("08:02:00", recipe=OP, event="System Message", descript="Operation Started", unit="BR-1"),
    line("08:03:00", recipe=PHASE, value="RUNNING", unit="BR-1"),
    line("08:04:00", recipe=PHASE, value="HELD", unit="BR-1"),
    line("08:05:00", recipe=PHASE, value="RUNNING", unit="BR-1"),
    line("08:06:00", recipe=PHASE, event="Report", descript="TEMP", value="36.9", eu="Deg C", unit="BR-1"),
    line("08:07:00", recipe=PHASE, value="COMPLETE", unit="BR-1"),
    line("08:08:00", recipe=PHASE, value="REMOVED", unit="BR-1"),
    line("08:09:00", recipe=OP, event="System Message", descript="Operation Finished"),
    line("08:10:00", recipe=UP, event="System Message", descript="Unit Procedure Finished"),
    line("08:11:00", event="System Message", value="End Of BATCH"),
]  # fmt: skip

DELTAV = [
    line("08:00:00", value="CREATED"),
    line("08:00:01", value="RUNNING"),
    line("08:01:05", recipe=UP, value="RUNNING", unit="BR-1"),
    line("08:02:00", recipe=OP, value="RUNNING", unit="BR-1"),
    line("08:03:00", recipe=PHASE, value="RUNNING", unit="BR-1"),
    line("08:07:00", recipe=PHASE, value="COMPLETE", unit="BR-1"),
    line("08:09:00", recipe=OP, value="COMPLETE", unit="BR-1"),
    line("08:10:00", recipe=UP, value="COMPLETE", unit="BR-1"),
    line("08:11:00", value="COMPLETE"),
    line("08:20:00", value="REMOVED"),
]

INBATCH_HEAD = (
    "Action_CD,DateTimeUTC,Batch_Log_ID,Batch_ID,Product_ID,UnitOrConnection,UnitProcedure_ID,Operation_ID,"
    "Phase_ID,Phase_Instance_ID"
)
INBATCH = [
    "201,2026-03-01T08:00:01Z,0000000041,B26-1,MAB214,,,,,",
    "500,2026-03-01T08:01:05Z,0000000041,B26-1,MAB214,BR-1,SEED,,,",
    "502,2026-03-01T08:02:00Z,0000000041,B26-1,MAB214,BR-1,SEED,GROW,,",
    "226,2026-03-01T08:02:59Z,0000000041,B26-1,MAB214,BR-1,SEED,GROW,INOCULATE,0000000007",
    "227,2026-03-01T08:03:00Z,0000000041,B26-1,MAB214,BR-1,SEED,GROW,INOCULATE,0000000007",
    "999,2026-03-01T08:04:00Z,0000000041,B26-1,MAB214,BR-1,SEED,GROW,INOCULATE,0000000007",
    "234,2026-03-01T08:07:00Z,0000000041,B26-1,MAB214,BR-1,SEED,GROW,INOCULATE,0000000007",
    "503,2026-03-01T08:09:00Z,0000000041,B26-1,MAB214,BR-1,SEED,GROW,,",
    "501,2026-03-01T08:10:00Z,0000000041,B26-1,MAB214,BR-1,SEED,,,",
    "205,2026-03-01T08:11:00Z,0000000041,B26-1,MAB214,,,,,",
    "206,2026-03-01T09:00:00Z,0000000041,B26-1,MAB214,,,,,",
]


def journal(lines: list[str], head: str = HEAD) -> str:
    """Give the text of a journal."""
    return "".join(f"{one}\r\n" for one in (head, *lines) if one)
