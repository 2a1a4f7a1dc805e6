// A process among its peers: what it does with those who break the protocol, and with a link that only one side gave up.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { realClock } from "../../runtime/clock.ts";
import { packEnvelopes, packHeader } from "../../runtime/codec.ts";
import { type Envelope, kinds, type PeerRole } from "../../runtime/envelope.ts";
import { Network } from "../../runtime/network.ts";
import { Dialer, type Endpoints } from "../../runtime/socket.ts";

const incarnation = "00112233aabbccdd";
const heartbeat = { everyMs: 50, suspectMs: 200, deadMs: 60_000 };

let folder: string;
let endpoints: Endpoints;
const open: { close(): unknown }[] = [];

/** A process of this name, with a list of what happened to it. */
function makeNetwork(name: string, role: PeerRole = "node") {
  const happened: string[] = [];
  const got: Envelope[] = [];
  const network = new Network({
    name,
    role,
    clock: realClock,
    token: "the token",
    heartbeat,
    receive: (envelope) => got.push(envelope),
    onUp: (link) => happened.push(`up ${link.peer}`),
    onDown: (link, reason) => happened.push(`down ${link.peer}: ${reason}`),
    onComplaint: (line) => happened.push(`complaint: ${line}`),
  });
  open.push({ close: () => network.close("the test is over") });
  return { network, happened, got };
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "iterant-network-"));
  endpoints = { ctl: `ipc://${folder}/ctl`, dat: `ipc://${folder}/dat` };
});
afterEach(async () => {
  for (const part of open.splice(0)) await part.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("a process among its peers", () => {
  test("writes a line about bytes that are no message of ours, and goes on", async () => {
    const node = makeNetwork("node-a");
    await node.network.listen(endpoints);
    const stranger = new Dialer({ endpoints, routingId: "stranger", onMessage() {}, onDisconnect() {} });
    open.push(stranger);
    stranger.send("dat", [Buffer.from("GET / HTTP/1.1"), Buffer.from("Host: node-a")]);
    await expect.poll(() => node.happened).toHaveLength(1);
    expect(node.happened[0]).toMatch(
      /^complaint: stranger: protocol_error: a peer sent a header of 14 bytes\. It speaks /,
    );
    const host = makeNetwork("node-a/counter-1", "host");
    host.network.dial("node-a", endpoints);
    await expect.poll(() => node.happened).toContain("up node-a/counter-1");
  });

  test("gives a peer up that breaks the protocol after it was let in", async () => {
    const node = makeNetwork("node-a");
    await node.network.listen(endpoints);
    const host = new Dialer({ endpoints, routingId: "host/1", onMessage() {}, onDisconnect() {} });
    open.push(host);
    const header = (kind: number, seq: number) => packHeader({ kind, bufferCount: 0, seq, ack: 0, incarnation });
    const hello: Envelope = {
      kind: kinds.hello,
      peer: "host",
      incarnation,
      role: "host",
      lastSeq: 0,
      token: "the token",
    };
    for (const lane of ["ctl", "dat"] as const) host.send(lane, [header(1, 0), packEnvelopes([hello]).body]);
    await expect.poll(() => node.happened).toEqual(["up host"]);
    host.send("dat", [header(99, 1), Buffer.from([0x91, 0x91, 99])]);
    const what =
      "protocol_error: a peer sent an envelope of unknown kind 99. It speaks another protocol or another version of it.";
    await expect.poll(() => node.happened.slice(1)).toEqual([`complaint: host: ${what}`, `down host: ${what}`]);
    expect(node.network.link("host")).toBeUndefined();
  });

  test("hears from a peer that had given the link up, instead of speaking into the void", async () => {
    const node = makeNetwork("node-a");
    await node.network.listen(endpoints);
    const host = makeNetwork("host", "host");
    const link = host.network.dial("node-a", endpoints);
    await expect.poll(() => node.happened).toEqual(["up host"]);
    link.send({ kind: kinds.credit, id: 1, items: 1 });
    await expect.poll(() => node.got).toHaveLength(1);
    node.network.drop("host");
    link.send({ kind: kinds.credit, id: 1, items: 2 });
    await expect.poll(() => host.happened.at(-1)).toBe("down node-a: node-a began anew, or had given us up");
    host.network.dial("node-a", endpoints).send({ kind: kinds.credit, id: 1, items: 3 });
    await expect.poll(() => node.got.at(-1)).toMatchObject({ items: 3 });
    expect(node.got).toHaveLength(2);
  });

  test("tells a node nothing that would let it in elsewhere", async () => {
    const node = makeNetwork("node-a");
    await node.network.listen(endpoints);
    const said: Buffer[] = [];
    const host = new Dialer({
      endpoints,
      routingId: "host/1",
      onMessage: (_lane, parts) => said.push(...parts),
      onDisconnect() {},
    });
    open.push(host);
    const hello: Envelope = {
      kind: kinds.hello,
      peer: "host",
      incarnation,
      role: "host",
      lastSeq: 0,
      token: "the token",
    };
    host.send("ctl", [
      packHeader({ kind: 1, bufferCount: 0, seq: 0, ack: 0, incarnation }),
      packEnvelopes([hello]).body,
    ]);
    await expect.poll(() => said.length).toBeGreaterThan(1);
    expect(Buffer.concat(said).includes("the token")).toBe(false);
  });
});
