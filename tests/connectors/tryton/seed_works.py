"""Adds to the Tryton peer what its own seed lacks: a production with works, of which one is run in two cycles.

Run with the peer's own Python: `seed_works.py CONFIGURATION DATABASE`; prints the production's reference.
"""

import sys

from proteus import Model, config  # pyright: ignore[reportMissingImports]

settings = config.set_trytond(database=sys.argv[2], config_file=sys.argv[1])
User = Model.get("res.user")
settings._context = User.get_preferences(True, settings.context)
(product,) = Model.get("product.product").find([("code", "=", "IM-500")])
(bom,) = Model.get("production.bom").find([])
(routing,) = Model.get("production.routing").find([])
(center,) = Model.get("production.work.center").find([])
Lot = Model.get("stock.lot")
made = Model.get("production")()
made.reference = "B25001"
made.product = product
made.bom = bom
made.routing = routing
made.quantity = 1700.0
made.work_center = center
made.save()
for move in made.inputs:
    lot = Lot(product=move.product, number=f"{move.product.code}-L901")
    lot.save()
    move.lot = lot
for move in made.outputs:
    lot = Lot(product=product, number="B25001")
    lot.save()
    move.lot = lot
made.save()
made.click("wait")
made.click("assign_force")
made.click("run")
made.reload()
first = min(made.works, key=lambda work: work.id)
for _ in range(2):
    cycle = first.cycles.new()
    first.save()
    first.reload()
    last = max(first.cycles, key=lambda c: c.id)
    last.click("run")
    last.click("do")
    first.reload()
print(made.reference, [(work.operation.name, work.state, len(work.cycles)) for work in made.works])
