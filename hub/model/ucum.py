"""The units of (bio)process and quality work: UCUM codes, UNECE Recommendation 20 codes, what people write.

A value in a unit is `(value + offset) * factor` in the base unit of its dimension; the base has factor 1.
What UCUM has no symbol for (turbidity, endotoxin, absorbance) is written as it says: unity with braces.
A gauge pressure is not an absolute one: it is another dimension, and is never converted into it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """A unit: UCUM code, UNECE code (or None), dimension, factor and offset to the dimension's base unit."""

    code: str
    unece: str | None
    dimension: str
    factor: float
    offset: float = 0.0
    aliases: tuple[str, ...] = ()

    @property
    def opcua_id(self) -> int:
        """Its UnitId in OPC UA: the UNECE code's characters as a big-endian number; -1 where it has none."""
        return int.from_bytes(self.unece.encode(), "big") if self.unece else -1


Row = tuple[str, str | None, float, str] | tuple[str, str | None, float, str, float]
"""UCUM code, UNECE code, factor, other spellings (blanks between them), offset."""

_TABLE: dict[str, tuple[Row, ...]] = {
    "count": (
        (
            "1",
            "C62",
            1.0,
            (
                "EA PC PCE ST H87 each count counts # - (unitless) unitless pcs Stk tablets vials pieces "
                "cell cells particles NAR"
            ),
        ),
        ("10*3", "MIL", 1e3, "TS thousand T3"),
        ("10*6", "MIO", 1e6, "million 10^6cells 1e6cells x10^6cells"),
        ("10*9", "MLD", 1e9, "billion 10^9cells"),
        ("{dose}", None, 1.0, "dose doses"),
    ),
    "fraction": (
        ("%", "P1", 1.0, "percent pct %(w/w) %w/w %(v/v) %v/v %(w/v) %w/v vol% Vol.-% mass% area%"),
        ("%{RH}", None, 1.0, "%RH %rH %r.h."),
        ("[ppth]", None, 1e-1, "ppth ‰"),
        ("[ppm]", "59", 1e-4, "ppm"),
        ("[ppb]", "61", 1e-7, "ppb"),
        ("[pptr]", None, 1e-10, "ppt pptr"),
    ),
    "mass": (
        ("kg", "KGM", 1.0, "KG kilogram kilograms kgs kilo"),
        ("g", "GRM", 1e-3, "G gram grams GR gm"),
        ("mg", "MGM", 1e-6, "milligram milligrams"),
        ("ug", "MC", 1e-9, "mcg microgram micrograms"),
        ("ng", None, 1e-12, "nanogram"),
        ("pg", None, 1e-15, "picogram"),
        ("t", "TNE", 1e3, "TO ton tonne tonnes"),
        ("[lb_av]", "LBR", 0.45359237, "lb lbs LB pound pounds"),
        ("[oz_av]", "ONZ", 0.028349523125, "oz ounce"),
    ),
    "volume": (
        ("L", "LTR", 1.0, "l liter litre litres liters ltr dm3 DMQ"),
        ("dL", "DLT", 1e-1, "dl"),
        ("cL", "CLT", 1e-2, "cl"),
        ("mL", "MLT", 1e-3, "ml ML milliliter millilitre milliliters cc cm3 CCM CMQ ccm"),
        ("uL", "4G", 1e-6, "ul mm3 MMQ microliter microlitre"),
        ("nL", "Q34", 1e-9, "nl"),
        ("hL", "HLT", 1e2, "hl hectolitre"),
        ("m3", "MTQ", 1e3, "M3 cbm"),
        ("kL", "K6", 1e3, "kl kilolitre kilolitres kiloliter kiloliters"),
        ("[gal_us]", "GLL", 3.785411784, "gal gallon GLL-US"),
        ("[foz_us]", "OZA", 0.0295735295625, "floz fl.oz"),
    ),
    "length": (
        ("m", "MTR", 1.0, "metre meter metres"),
        ("dm", "DMT", 1e-1, ""),
        ("cm", "CMT", 1e-2, "centimetre"),
        ("mm", "MMT", 1e-3, "MM millimetre"),
        ("um", "4H", 1e-6, "micron microns micrometre micrometer"),
        ("nm", "C45", 1e-9, "nanometre nanometer"),
        ("Ao", "A11", 1e-10, "Å angstrom"),
        ("[in_i]", "INH", 0.0254, "in inch inches"),
        ("[ft_i]", "FOT", 0.3048, "ft foot feet"),
    ),
    "area": (
        ("m2", "MTK", 1.0, "sqm"),
        ("dm2", "DMK", 1e-2, ""),
        ("cm2", "CMK", 1e-4, "sqcm"),
        ("mm2", "MMK", 1e-6, ""),
    ),
    "time": (
        ("s", "SEC", 1.0, "sec secs second seconds"),
        ("ms", "C26", 1e-3, "msec millisecond"),
        ("us", "B98", 1e-6, "usec microsecond"),
        ("min", "MIN", 60.0, "minute minutes mins"),
        ("h", "HUR", 3600.0, "H hr hrs hour hours STD Std"),
        ("d", "DAY", 86400.0, "day days TAG"),
        ("wk", "WEE", 604800.0, "week weeks WCH"),
        ("mo", "MON", 2629800.0, "month months"),
        ("a", "ANN", 31557600.0, "year years yr JHR"),
    ),
    "temperature": (
        ("Cel", "CEL", 1.0, "°C ºC degC C degCelsius Celsius GC grdC"),
        ("K", "KEL", 1.0, "kelvin", -273.15),
        ("[degF]", "FAH", 5 / 9, "°F ºF degF F Fahrenheit", -32.0),
    ),
    "temperature rate": (
        ("Cel/min", "H13", 1.0, "°C/min K/min degC/min"),
        ("Cel/h", "H12", 1 / 60, "°C/h K/h degC/h"),
    ),
    "pressure": (
        ("Pa", "PAL", 1.0, "pascal N/m2"),
        ("hPa", "A97", 1e2, "hectopascal"),
        ("kPa", "KPA", 1e3, "kilopascal"),
        ("MPa", "MPA", 1e6, "megapascal"),
        ("bar", "BAR", 1e5, "Bar bara bar(a) bar{abs}"),
        ("mbar", "MBR", 1e2, "MBA mbara mbar(a)"),
        ("ubar", "B85", 1e-1, ""),
        ("[psi]", "PS", 6894.757293168361, "psi PSI psia psi(a) 80 lbf/in2 lb/in2"),
        ("atm", "ATM", 101325.0, ""),
        ("mm[Hg]", "HN", 133.322387415, "mmHg Torr torr"),
        ("um[Hg]", None, 0.133322387415, "mTorr umHg micronHg"),
        ("cm[H2O]", "H78", 98.0665, "cmH2O"),
        ("mm[H2O]", "HP", 9.80665, "mmH2O mmWC"),
        ("[in_i'H2O]", "F78", 249.08891, "inH2O inWC"),
    ),
    "gauge pressure": (
        ("Pa{gauge}", None, 1.0, "Pa(g) Pag"),
        ("kPa{gauge}", None, 1e3, "kPa(g) kPag"),
        ("MPa{gauge}", None, 1e6, "MPa(g) MPag"),
        ("bar{gauge}", None, 1e5, "barg bar(g) barü"),
        ("mbar{gauge}", None, 1e2, "mbarg mbar(g)"),
        ("[psi]{gauge}", None, 6894.757293168361, "psig psi(g)"),
    ),
    "force": (
        ("N", "NEW", 1.0, "newton"),
        ("kN", "B47", 1e3, "kilonewton"),
        ("mN", "C20", 1e-3, "millinewton"),
        ("kgf", "B37", 9.80665, "kp kilopond"),
        ("[lbf_av]", "C78", 4.4482216152605, "lbf"),
    ),
    "stiffness": (
        ("N/m", "4P", 1.0, ""),
        ("mN/m", "C22", 1e-3, "dyn/cm"),
        ("N/mm", "F47", 1e3, ""),
        ("kN/mm", None, 1e6, ""),
    ),
    "torque": (
        ("N.m", "NU", 1.0, "Nm"),
        ("N.cm", "F88", 1e-2, "Ncm"),
        ("[lbf_av].[in_i]", "F21", 0.1129848290276167, "lbf.in in-lb inlb in.lbs"),
    ),
    "rate": (
        ("/s", "C97", 1.0, "1/s s-1 s^-1"),
        ("/min", "C94", 1 / 60, "1/min min-1 min^-1 strokes/min vials/min tablets/min"),
        ("/h", "H10", 1 / 3600, "1/h h-1 h^-1 tablets/h vials/h"),
        ("/d", None, 1 / 86400, "1/d d-1 d^-1"),
        ("10*3/h", None, 1e3 / 3600, "1e3/h 1000/h tabletsx1000/h 10^3/h"),
        ("Hz", "HTZ", 1.0, "hertz"),
        ("kHz", "KHZ", 1e3, ""),
        ("MHz", "MHZ", 1e6, ""),
        ("{rev}/min", "RPM", 1 / 60, "rpm r/min RPM rev/min U/Min. Upm M46"),
        ("{rev}/s", "RPS", 1.0, "r/s rps"),
    ),
    "gas exchange rate": (("L/L/min", None, 1.0, "vvm L/(L.min) l/l/min"),),
    "exchange rate": (
        ("{CV}/h", None, 1.0, "CV/h"),
        ("{CV}/min", None, 60.0, "CV/min"),
        ("{VVD}", None, 1 / 24, "vvd VVD CV/d"),
    ),
    "column volume": (("{CV}", None, 1.0, "CV columnvolumes"),),
    "acceleration": (
        ("m/s2", "MSK", 1.0, ""),
        ("[g]", "K40", 9.80665, "xg x_g rcf RCF ×g g-force"),
    ),
    "velocity": (
        ("m/s", "MTS", 1.0, ""),
        ("cm/s", "2M", 1e-2, ""),
        ("mm/s", "C16", 1e-3, ""),
        ("m/min", "2X", 1 / 60, ""),
        ("cm/min", None, 1e-2 / 60, ""),
        ("cm/h", "H49", 1e-2 / 3600, ""),
    ),
    "plane angle": (("deg", "DD", 1.0, "° degree degrees"), ("rad", "C81", 57.29577951308232, "")),
    "acidity": (("[pH]", "Q30", 1.0, "pH PH pHunits"),),
    "mass concentration": (
        ("g/L", "GL", 1.0, "g/l mg/mL mg/ml kg/m3 KMQ GLI ug/uL g/dm3 F23"),
        ("g/dL", None, 10.0, "g/dl g%"),
        ("mg/dL", None, 1e-2, "mg/dl"),
        ("mg/L", "M1", 1e-3, "mg/l ug/mL ug/ml mcg/mL MGL g/m3 A93"),
        ("ug/L", "H29", 1e-6, "ug/l ng/mL ng/ml mg/m3 GP"),
        ("ng/L", None, 1e-9, "ng/l pg/mL pg/ml ug/m3 GQ"),
        ("g/mL", "GJ", 1e3, "g/ml g/cm3 23 kg/L B35 kg/dm3 B34"),
        ("t/m3", "D41", 1e3, ""),
    ),
    "mass ratio": (
        ("kg/kg", "M29", 1.0, "g/g"),
        ("g/kg", None, 1e-3, "mg/g H64 GKG"),
        ("mg/kg", "NA", 1e-6, "ug/g"),
        ("ng/mg", None, 1e-6, ""),
        ("ug/kg", "J33", 1e-9, "ng/g"),
        ("pg/mg", None, 1e-9, ""),
        ("ng/kg", "L32", 1e-12, ""),
    ),
    "amount of substance": (
        ("mol", "C34", 1.0, "mole moles"),
        ("kmol", "B45", 1e3, ""),
        ("mmol", "C18", 1e-3, "MMO"),
        ("umol", "FH", 1e-6, ""),
        ("nmol", None, 1e-9, ""),
        ("pmol", None, 1e-12, ""),
    ),
    "molar concentration": (
        ("mmol/L", "M33", 1.0, "mM mmol/l mol/m3 C36 mEq/L meq/L"),
        ("mol/L", "C38", 1e3, "M mol/l C35"),
        ("umol/L", None, 1e-3, "uM umol/l nmol/mL"),
        ("nmol/L", None, 1e-6, "nM nmol/l pmol/mL"),
        ("pmol/L", None, 1e-9, "pM pmol/l"),
    ),
    "molality": (("mol/kg", "C19", 1.0, ""), ("mmol/kg", "D87", 1e-3, ""), ("mmol/g", "H68", 1.0, "")),
    "molecular mass": (
        ("u", "D43", 1.0, "Da dalton amu g/mol A94"),
        ("ku", None, 1e3, "kDa kg/mol D74"),
        ("Mu", None, 1e6, "MDa"),
    ),
    "osmolality": (("mosm/kg", None, 1.0, "mOsm/kg mOsmol/kg mosmol/kg"), ("osm/kg", None, 1e3, "Osm/kg")),
    "osmolarity": (("mosm/L", None, 1.0, "mOsm/L mOsmol/L"), ("osm/L", None, 1e3, "Osm/L")),
    "catalytic activity": (
        ("U", None, 1.0, "enzymeunit"),
        ("kU", None, 1e3, ""),
        ("kat", "KAT", 6e7, "katal"),
        ("ukat", None, 60.0, ""),
    ),
    "catalytic concentration": (
        ("U/L", None, 1.0, "U/l mU/mL"),
        ("U/mL", None, 1e3, "U/ml kU/L"),
        ("ukat/L", None, 60.0, ""),
    ),
    "specific activity": (("U/mg", None, 1.0, "kU/g"), ("U/g", None, 1e-3, "")),
    "international units": (
        ("[IU]", "NIU", 1.0, "IU I.U. I.E. IE"),
        ("k[IU]", None, 1e3, "kIU"),
        ("10*6.[IU]", "MIU", 1e6, "MIU MIE 10^6IU"),
    ),
    "international units per volume": (
        ("[IU]/mL", None, 1.0, "IU/mL IU/ml I.E./ml IE/ml kIU/L"),
        ("[IU]/L", None, 1e-3, "IU/L IU/l"),
        ("k[IU]/mL", None, 1e3, "kIU/mL"),
        ("10*6.[IU]/mL", None, 1e6, "MIU/mL"),
    ),
    "international units per mass": (("[IU]/mg", None, 1.0, "IU/mg kIU/g"), ("[IU]/g", None, 1e-3, "IU/g")),
    "endotoxin": (("{EU}", None, 1.0, "EU [EU]"),),
    "endotoxin concentration": (
        ("{EU}/mL", None, 1.0, "EU/mL eu/ml [EU]/mL"),
        ("{EU}/L", None, 1e-3, "EU/L"),
    ),
    "endotoxin ratio": (
        ("{EU}/mg", None, 1.0, "EU/mg eu/mg [EU]/mg"),
        ("{EU}/g", None, 1e-3, "EU/g"),
    ),
    "cell concentration": (
        ("/mL", None, 1.0, "cells/mL cell/mL 1/mL #/mL particles/mL /cm3 cm-3 H50"),
        ("/uL", None, 1e3, "cells/uL #/uL 1/uL"),
        ("/L", "K63", 1e-3, "cells/L 1/L"),
        ("10*3/mL", None, 1e3, "1e3cells/mL 10^3cells/mL kcells/mL"),
        ("10*5/mL", None, 1e5, "1e5cells/mL 10^5cells/mL E5cells/mL E5/mL"),
        (
            "10*6/mL",
            None,
            1e6,
            (
                "1e6cells/mL 10^6cells/mL x10^6cells/mL (x10^6)cells/mL Mcells/mL e6cells/mL E6/mL "
                "E6cells/mL 1E6/mL x10^6/mL MVC/mL"
            ),
        ),
        ("10*9/L", None, 1e6, "10^9cells/L 1e9/L"),
        ("10*9/mL", None, 1e9, "10^9cells/mL 1e9/mL"),
    ),
    "number per volume of air": (("/m3", "C86", 1.0, "1/m3 particles/m3 #/m3"),),
    "genome concentration": (
        ("{vg}/mL", None, 1.0, "vg/mL GC/mL gc/mL vp/mL"),
        ("{copies}/mL", None, 1.0, "copies/mL cp/mL"),
        ("{copies}/uL", None, 1e3, "copies/uL cp/uL"),
    ),
    "plaque forming units": (
        ("[PFU]/mL", None, 1.0, "PFU/mL pfu/ml"),
        ("[FFU]/mL", None, 1.0, "FFU/mL ffu/ml"),
        ("[TCID_50]/mL", None, 1.0, "TCID50/mL tcid50/ml"),
    ),
    "logarithmic reduction": (("{log}", None, 1.0, "log10 LRV log log10steps log(10) lg"),),
    "bioburden count": (
        ("[CFU]", None, 1.0, "CFU cfu KBE"),
        ("[CFU]/{plate}", None, 1.0, "CFU/plate cfu/plate KBE/Platte"),
    ),
    "bioburden": (
        ("[CFU]/mL", None, 1.0, "CFU/mL cfu/mL KBE/ml"),
        ("[CFU]/(10.mL)", None, 0.1, "CFU/10mL cfu/10mL"),
        ("[CFU]/(100.mL)", None, 0.01, "CFU/100mL cfu/100mL KBE/100ml"),
        ("[CFU]/L", None, 1e-3, "CFU/L"),
    ),
    "bioburden ratio": (("[CFU]/g", None, 1.0, "CFU/g cfu/g KBE/g"),),
    "airborne bioburden": (("[CFU]/m3", None, 1.0, "CFU/m3 cfu/m3 KBE/m3"),),
    "conductivity": (
        ("S/m", "D10", 1.0, ""),
        ("S/cm", "H43", 1e2, ""),
        ("mS/cm", "H61", 1e-1, "ms/cm MSC"),
        ("mS/m", None, 1e-3, ""),
        ("uS/cm", "G42", 1e-4, "us/cm"),
        ("uS/m", "G43", 1e-6, ""),
    ),
    "resistivity": (("Ohm.m", "C61", 1.0, "Ω.m"), ("MOhm.cm", None, 1e4, "MΩ.cm MOhm-cm MΩcm")),
    "turbidity": (
        ("{NTU}", None, 1.0, "NTU [NTU]"),
        ("{FNU}", None, 1.0, "FNU"),
        ("{FTU}", None, 1.0, "FTU"),
    ),
    "absorbance": (
        ("{AU}", None, 1.0, "AU a.u. OD {OD} OD600 Abs"),
        ("10*-3{AU}", None, 1e-3, "mAU m{AU} mOD"),
    ),
    "absorbance per length": (("{AU}/cm", None, 1.0, "AU/cm"), ("10*-3{AU}/cm", None, 1e-3, "mAU/cm")),
    "peak area in time": (
        ("10*-3{AU}.s", None, 1.0, "mAU.s mAUs mAU*s"),
        ("10*-3{AU}.min", None, 60.0, "mAU.min"),
    ),
    "peak area in volume": (("10*-3{AU}.mL", None, 1.0, "mAU.mL mAU.ml mAU*ml"),),
    "volume flow": (
        ("L/h", "E32", 1.0, "l/h L/hr LPH dm3/h E92"),
        ("L/min", "L2", 60.0, "l/min LPM SLPM slpm NL/min Nl/min J92"),
        ("L/s", "G51", 3600.0, "l/s"),
        ("L/d", "LD", 1 / 24, "l/d"),
        ("mL/min", "41", 0.06, "ml/min cm3/min G49 sccm SCCM"),
        ("mL/h", "G55", 1e-3, "ml/h cm3/h G48"),
        ("mL/s", "40", 3.6, "ml/s"),
        ("uL/min", None, 6e-5, "ul/min"),
        ("m3/h", "MQH", 1e3, "cbm/h"),
        ("m3/min", "G53", 6e4, ""),
        ("m3/s", "MQS", 3.6e6, ""),
        ("[gal_us]/min", "G2", 227.12470704, "gpm GPM"),
    ),
    "mass flow": (
        ("kg/h", "E93", 1.0, "kg/hr"),
        ("g/h", "F27", 1e-3, ""),
        ("kg/min", "F31", 60.0, ""),
        ("g/min", "F28", 0.06, ""),
        ("g/s", "F29", 3.6, ""),
        ("kg/s", "KGS", 3600.0, ""),
        ("g/d", "F26", 1e-3 / 24, ""),
        ("kg/d", "F30", 1 / 24, ""),
        ("t/h", "E18", 1e3, ""),
    ),
    "flux": (("L/m2/h", None, 1.0, "LMH L/(m2.h) l/m2/h"),),
    "membrane load": (("L/m2", None, 1.0, "l/m2"), ("g/m2", "GM", 1.0, "")),
    "surface concentration": (
        ("mg/cm2", "H63", 1.0, ""),
        ("ug/cm2", None, 1e-3, ""),
        ("mg/m2", "GO", 1e-4, ""),
    ),
    "volumetric productivity": (
        ("g/L/d", None, 1.0, "g/(L.d)"),
        ("g/L/h", None, 24.0, "g/(L.h)"),
        ("mg/L/h", None, 0.024, "mg/(L.h)"),
    ),
    "molar uptake rate": (("mmol/L/h", None, 1.0, "mmol/(L.h) mM/h"),),
    "specific productivity": (("pg/{cell}/d", None, 1.0, "pg/cell/day pcd PCD pg/cell/d pg/(cell.d)"),),
    "voltage": (("V", "VLT", 1.0, "volt"), ("mV", "2Z", 1e-3, ""), ("kV", "KVT", 1e3, "")),
    "current": (("A", "AMP", 1.0, "ampere"), ("mA", "4K", 1e-3, ""), ("uA", "B84", 1e-6, "")),
    "resistance": (("Ohm", "OHM", 1.0, "Ω"), ("kOhm", "B49", 1e3, "kΩ"), ("MOhm", "B75", 1e6, "MΩ")),
    "power": (
        ("W", "WTT", 1.0, "watt"),
        ("kW", "KWT", 1e3, ""),
        ("mW", "C31", 1e-3, ""),
        ("MW", "MAW", 1e6, ""),
    ),
    "energy": (
        ("J", "JOU", 1.0, "joule"),
        ("kJ", "KJO", 1e3, ""),
        ("MJ", "3B", 1e6, ""),
        ("W.h", "WHR", 3600.0, "Wh"),
        ("kW.h", "KWH", 3.6e6, "kWh"),
        ("MW.h", "MWH", 3.6e9, "MWh"),
    ),
    "power density": (("W/L", None, 1.0, "W/l kW/m3"), ("W/m3", "H47", 1e-3, "")),
    "viscosity": (
        ("Pa.s", "C65", 1.0, ""),
        ("mPa.s", "C24", 1e-3, "mPas"),
        ("cP", "C7", 1e-3, "cps"),
        ("P", "89", 1e-1, "poise"),
    ),
    "kinematic viscosity": (("mm2/s", "C17", 1.0, ""), ("cSt", "4C", 1.0, ""), ("m2/s", "S4", 1e6, "")),
    "illuminance": (("lx", "LUX", 1.0, "lux"),),
    "irradiation": (("W/m2", "D54", 1.0, ""),),
    "dose": (("Gy", "A95", 1.0, "gray"), ("kGy", None, 1e3, "")),
    "radioactivity": (("Bq", "BQL", 1.0, ""), ("MBq", "4N", 1e6, ""), ("GBq", "GBQ", 1e9, "")),
    "level": (("dB", "2N", 1.0, "decibel"),),
    "bottle": (("{bottle}", None, 1.0, "BOT BT FL FLA BO bottle bottles Flasche"),),
    "bag": (("{bag}", None, 1.0, "BAG BG bag bags Beutel"),),
    "carton": (("{carton}", None, 1.0, "CAR KAR CT carton cartons Karton"),),
    "box": (("{box}", None, 1.0, "BOX BX box boxes KI Kiste"),),
    "drum": (("{drum}", None, 1.0, "DR drum drums Fass"),),
    "roll": (("{roll}", None, 1.0, "ROL RO roll rolls Rolle"),),
    "pallet": (("{pallet}", None, 1.0, "PF pallet pallets"),),
    "set": (("{set}", "SET", 1.0, "set sets Satz SA"),),
    "kit": (("{kit}", "KT", 1.0, "KIT kit kits"),),
    "container": (("/{container}", None, 1.0, "particles/container /container per_container"),),
}


def _read(dimension: str, row: Row) -> Unit:
    code, unece, factor, spellings, *offset = row
    return Unit(code, unece, dimension, factor, *offset, aliases=tuple(spellings.split()))


UNITS: tuple[Unit, ...] = tuple(_read(dimension, row) for dimension, rows in _TABLE.items() for row in rows)
"""All units, in the order of their dimensions."""
