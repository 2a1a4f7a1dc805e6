// A program that shows a run on its stderr, as a run does; its rows come, line by line, from the socket named first.
// With `answers-signals` it ends in order when it is asked to; with `exits-midway` it exits on the first notice.
// `talks` says its name on stderr, under the view, at each notice.
import { connect } from "node:net";
import { createInterface } from "node:readline";
import type { LogRow } from "../../../actors/index.ts";
import { startLiveView } from "../../../tools/live/index.ts";
import { makeRun } from "../../fixtures/run-folder.ts";

const [path, ...conducts] = process.argv.slice(2);
const socket = connect({ path: path!, allowHalfOpen: true });

if (conducts.includes("answers-signals")) {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      process.stderr.write(`ending after ${signal}\n`);
      socket.write(`asked by ${signal}\n`);
    });
  }
}

async function* rows(): AsyncGenerator<LogRow> {
  for await (const line of createInterface({ input: socket })) {
    const row = JSON.parse(line) as LogRow;
    if (row.kind === "notice" && conducts.includes("exits-midway")) process.exit(3);
    if (row.kind === "notice" && conducts.includes("talks")) process.stderr.write("somebody else's words\n");
    yield row;
  }
}

await startLiveView({ rows: rows(), config: makeRun().config, stream: process.stderr });
socket.end("the view has ended\n");
