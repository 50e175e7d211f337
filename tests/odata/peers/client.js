// What @odata/client reads from the door: filters, counts, expansions, groups, and a batch in both forms.
const { OData } = require('@odata/client');

const serviceEndpoint = process.env.DOOR_URL;
const credential = { username: 'anybody', password: process.env.DOOR_KEY };
const client = OData.New4({ serviceEndpoint, credential });

async function main() {
  const batches = client.getEntitySet('batches');
  const b26 = client.newFilter().property('code').eq('B26-0117');
  const [one] = await batches.query(b26);
  const again = await batches.retrieve(one.uid, client.newParam().expand(['product', 'phases($select=name;$top=2)']));
  const ordered = await batches.query(client.newParam().orderby('code', 'desc').select('code').top(2));
  const count = await batches.count(client.newFilter().property('product_code').eq('300214'));
  const groups = await client.newRequest({
    collection: 'batches',
    params: client.newParam().apply('groupby((product/code),aggregate($count as n))'),
  });
  const asked = () => [
    client.newBatchRequest({ collection: 'batches', params: client.newParam().top(1).select('code') }),
    client.newBatchRequest({ collection: 'batches', id: one.uid, params: client.newParam().select('code') }),
  ];
  const multipart = await Promise.all((await client.execBatchRequests(asked())).map((part) => part.json()));
  const json = await Promise.all((await client.execBatchRequestsJson(asked())).map((part) => part.json()));
  let refused = null;
  try {
    await batches.query(client.newFilter().property('nope').eq(1));
  } catch (error) {
    refused = error.message;
  }
  return {
    code: one.code,
    product: again.product.code,
    phases: again.phases.map((phase) => phase.name),
    ordered: ordered.map((row) => row.code),
    count,
    groups: groups.value,
    multipart: [multipart[0].value[0].code, multipart[1].code],
    json: [json[0].value[0].code, json[1].code],
    refused,
  };
}

main().then((told) => console.log(JSON.stringify(told)), (error) => { console.error(error); process.exit(1); });
