// The wire, byte for byte: what PROTOCOL.md says, as files that both languages read and write.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { packEnvelopes, packHeader, unpackEnvelopes, unpackHeader } from "../../runtime/codec.ts";
import { golden, header } from "./frames.ts";
import { type History, histories, play } from "./mailbox-histories.ts";

const historiesFile = fileURLToPath(new URL("../../../test/wire/golden/mailbox.json", import.meta.url));
const file = fileURLToPath(new URL("../../../test/wire/golden/frames.json", import.meta.url));

function framesOf(name: string): string[] {
  const envelopes = golden[name]!;
  const { body, buffers } = packEnvelopes(envelopes);
  const kind = envelopes.length === 1 ? envelopes[0]!.kind : 0;
  const head = packHeader({ ...header, kind, bufferCount: buffers.length });
  return [head, body, ...buffers].map((bytes) => Buffer.from(bytes).toString("hex"));
}

// ITERANT_WRITE_GOLDEN=1 writes the files anew: for a new protocol version, never to make a test pass.
if (process.env.ITERANT_WRITE_GOLDEN === "1") {
  const frames = Object.fromEntries(Object.keys(golden).map((name) => [name, framesOf(name)]));
  writeFileSync(file, `${JSON.stringify(frames, null, 2)}\n`);
  const lines = histories(1, 40).map((history) => JSON.stringify(history));
  writeFileSync(historiesFile, `[\n${lines.join(",\n")}\n]\n`);
}
const recorded = JSON.parse(readFileSync(file, "utf8")) as Record<string, string[]>;

describe("golden frames", () => {
  test("there is one for every envelope that is built here, and none besides", () => {
    expect(Object.keys(recorded)).toEqual(Object.keys(golden));
  });

  test.each(Object.keys(golden))("%s is written byte for byte", (name) => {
    expect(framesOf(name)).toEqual(recorded[name]);
  });

  test.each(Object.keys(golden))("%s is read back", (name) => {
    const [head, body, ...buffers] = recorded[name]!.map((hex) => new Uint8Array(Buffer.from(hex, "hex")));
    expect(unpackHeader(head!)).toMatchObject({ ...header, bufferCount: buffers.length });
    const read = unpackEnvelopes({ body: body!, buffers });
    const { body: again } = packEnvelopes(read);
    expect(Buffer.from(again).toString("hex")).toBe(recorded[name]![1]);
    expect(read.map(({ kind }) => kind)).toEqual(golden[name]!.map(({ kind }) => kind));
  });
});

describe("golden histories of a mailbox", () => {
  const recorded = JSON.parse(readFileSync(historiesFile, "utf8")) as History[];

  test("are many, and reach every outcome", () => {
    const outcomes = new Set(recorded.flatMap(({ outcomes }) => outcomes.map(([given]) => String(given))));
    expect([...outcomes]).toEqual(expect.arrayContaining(["kept", "parked", "full", "ticket"]));
    expect(recorded.some(({ outcomes }) => outcomes.some(([, dropped]) => dropped.length > 0))).toBe(true);
  });

  test("happen again", () => {
    for (const { spec, steps, outcomes } of recorded) expect(play(spec, steps)).toEqual(outcomes);
  });
});
