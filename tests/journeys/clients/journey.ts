// What a program reads of the demo's plant through the generated TypeScript client: one line of JSON, for the test.
import createClient from "openapi-fetch";
import type { components, paths } from "./plantwide.js";

declare const process: { env: Record<string, string | undefined> };
type Problem = components["schemas"]["ProblemDetails"];

const BATCH = "B26-0117", LOT = "MP-26-0012", TAG = "ns=2;s=BR2000_01_PH";
const baseUrl = process.env["HUB_URL"] ?? "";
const hub = createClient<paths, `application/${string}json`>({ baseUrl, headers: { "X-API-Key": process.env["HUB_KEY"] ?? "" } });
const stranger = createClient<paths, `application/${string}json`>({ baseUrl });

function need<T>(answer: { data?: T; error?: Problem }): T {
  if (answer.data === undefined) throw new Error(answer.error?.detail);
  return answer.data;
}

function refuse(answer: { error?: Problem; response: Response }): [string, number, string[][]] {
  const problem = answer.error;
  if (problem === undefined || problem.status !== answer.response.status) throw new Error("not refused");
  return [problem.type, problem.status, (problem.errors ?? []).map((one) => [one.in, one.at])];
}

const named = (name: string) => ({ params: { path: { name } } });

async function read(name: string): Promise<components["schemas"]["BatchWhole"]> {
  return need(await hub.GET("/v1/batches/{name}", named(name)));
}

async function pageThrough(): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | null = null;
  do {
    const query: { limit: number; order: string; cursor: string | null } = { limit: 10, order: "code desc", cursor };
    const page = need(await hub.GET("/v1/batches", { params: { query } }));
    pages.push(page.items.map((batch) => batch.code));
    cursor = page.next;
  } while (cursor !== null);
  return pages;
}

type Said = [string, number, string | null, boolean, boolean];

async function readConflicts(): Promise<Record<string, Said[]>> {
  const found = need(await hub.GET("/v1/batches/{name}/conflicts", named(BATCH)));
  const told: Record<string, Said[]> = {};
  for (const conflict of found.items) {
    told[conflict.attribute] = conflict.statements.map((said): Said => {
      const value = said.value;
      if (value === null || typeof value !== "object" || "scheme" in value) throw new Error("no amount");
      return [said.source, value.value, value.unit ?? null, said.is_winner, said.in_conflict];
    });
  }
  return told;
}

const phases = need(await hub.GET("/v1/batches/{name}/phases", named(BATCH)));
const results = need(await hub.GET("/v1/batches/{name}/results", named(BATCH)));
const traced = need(
  await hub.GET("/v1/lots/{name}/genealogy", { params: { path: { name: LOT }, query: { direction: "forward" } } }),
);
const samples = need(
  await hub.GET("/v1/batches/{name}/samples", {
    params: { path: { name: BATCH }, query: { tag: [TAG], points: 50 } },
  }),
);
const whole = await read(BATCH);
const told = {
  uids: [(await read(BATCH)).uid, (await read("B260117")).uid, (await read("b26 0117")).uid],
  status: whole.status,
  product: whole.product?.code ?? null,
  size: whole.actual_size ? [whole.actual_size.value, whole.actual_size.unit] : null,
  phases: phases.items.map((phase) => [phase.name, phase.duration_s]),
  results: results.items.map((one) => [one.test_code, one.value?.text ?? null, one.verdict]),
  conflicts: await readConflicts(),
  pages: await pageThrough(),
  genealogy: traced.edges.map((edge) => [edge.batch?.code ?? null, edge.quantity]),
  samples: samples.items.map((one) => [Math.floor(Date.parse(one.ts) / 1000), one.value]),
  problems: [
    refuse(await hub.GET("/v1/batches/{name}", named("B99-0000"))),
    refuse(await stranger.GET("/v1/batches/{name}", named(BATCH))),
    refuse(await hub.GET("/v1/batches", { params: { query: { limit: 0 } } })),
  ],
};
console.log(JSON.stringify(told));
