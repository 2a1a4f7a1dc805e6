// A floor: a DEALER here and a ROUTER that echoes in another process, over tcp without keys, nothing in between.
// The one place besides runtime/socket.ts that opens zeromq, because a floor measured through ours would be no floor.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Dealer, Router } from "zeromq";
import type { RawEcho } from "./raw-port.ts";

/** Starts the other process and connects to it. */
export async function startRawZeromq(): Promise<RawEcho> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), "router"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const endpoint = await new Promise<string>((resolve, reject) => {
    child.stdout!.once("data", (text: Buffer) => resolve(text.toString().trim()));
    void ended.then(() => reject(new Error("the echo process ended before it listened")));
  });
  const dealer = new Dealer({ linger: 0 });
  dealer.connect(endpoint);
  return {
    label: "raw zeromq",
    async rate(count, inFlight, bytes) {
      const message = Buffer.alloc(bytes);
      const beganMs = performance.now();
      for (let at = 0; at < inFlight; at += 1) await dealer.send(message);
      for (let received = 0; received < count; received += 1) {
        await dealer.receive();
        if (received + inFlight < count) await dealer.send(message);
      }
      return (count * 1000) / (performance.now() - beganMs);
    },
    async close() {
      dealer.close();
      child.stdin!.end();
      await ended;
    },
  };
}

async function echo(): Promise<void> {
  const router = new Router({ linger: 0 });
  await router.bind("tcp://127.0.0.1:*");
  process.stdin.on("end", () => process.exit(0)).resume();
  console.log(router.lastEndpoint);
  for await (const frames of router) await router.send(frames);
}

if (process.argv[2] === "router") await echo();
