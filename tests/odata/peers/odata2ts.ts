// What the client that odata2ts generates from $metadata reads from the door, in types of its own.
import { FetchClient } from '@odata2ts/http-client-fetch';
import { PlantwideService } from './out/PlantwideService';

async function main() {
  const basic = Buffer.from(`anybody:${process.env.DOOR_KEY}`).toString('base64');
  const http = new FetchClient({ headers: { Authorization: `Basic ${basic}` } });
  const service = new PlantwideService(http, process.env.DOOR_URL!.replace(/\/$/, ''));
  const found = await service.batches().query((query, batch) =>
    query
      .select('uid', 'code')
      .filter(batch.code.startsWith('B26'))
      .orderBy(batch.code.asc())
      .count()
      .top(2),
  );
  const [first] = found.data.value;
  const one = await service.batches(first.uid).query((query) => query.expand('product', 'phases'));
  return {
    count: Number(found.data['@odata.count']),
    codes: found.data.value.map((row) => row.code),
    product: one.data.product?.code,
    phases: one.data.phases?.length,
  };
}

main().then((told) => console.log(JSON.stringify(told)), (error) => { console.error(error); process.exit(1); });
