// What SAP CAP reads from the door through the model that `cds import` made of its $metadata.
const cds = require('@sap/cds');

async function main() {
  const csn = JSON.parse(require('node:fs').readFileSync(process.argv[2], 'utf8'));
  cds.model = cds.compile.for.nodejs(csn);
  const hub = await cds.connect.to('hub', {
    kind: 'odata',
    model: process.argv[2],
    credentials: {
      url: process.env.DOOR_URL,
      authentication: 'BasicAuthentication',
      username: 'anybody',
      password: process.env.DOOR_KEY,
    },
  });
  const entities = Object.keys(csn.definitions).filter((name) => csn.definitions[name].kind === 'entity');
  const named = (set) => `Plantwide.${set}`;
  const complete = await hub.run(
    SELECT.from(named('batches')).columns('uid', 'code', 'actual_size').where({ status: 'Complete' }).orderBy('code'),
  );
  const one = await hub.run(SELECT.one.from(named('batches')).where({ uid: complete[0].uid }));
  const open = await hub.run(
    SELECT.from(named('batches'), (b) => { b.code, b.product((p) => { p.code }), b.phases((p) => { p.name }) })
      .where({ code: 'B26-0117' }),
  );
  const page = await hub.run(SELECT.from(named('phases')).columns('id').orderBy('id').limit(3, 2));
  const star = await hub.run(SELECT.from(named('fact_batch')).where('actual_size > 100'));
  return {
    entities: entities.length,
    complete: complete.map((row) => row.code),
    size: one.actual_size,
    product: open[0].product.code,
    phases: open[0].phases.length,
    page: page.length,
    star: star.length,
  };
}

main().then((told) => { console.log(JSON.stringify(told)); process.exit(0); }, (error) => { console.error(error); process.exit(1); });
