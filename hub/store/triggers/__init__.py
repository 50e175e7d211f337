"""THE WALLS: tables come in; triggers that refuse changes or note every write go out, for each engine."""
