// A queue between a reader and one consumer: who holds back whom, and when.
import { expect, test } from "vitest";
import { Tap } from "../../../envs/index.ts";

const bytes = (count: number) => Buffer.alloc(count);

test("it is full from the high mark until the low mark, and says once that there is room again", async () => {
  const tap = new Tap({ highWaterBytes: 100, lowWaterBytes: 20 });
  let roomCount = 0;
  tap.onRoom(() => {
    roomCount += 1;
  });
  const taken = tap[Symbol.asyncIterator]();
  expect(tap.push(bytes(60))).toBe(true);
  expect(tap.push(bytes(50))).toBe(false);
  expect(tap.push(bytes(15))).toBe(false);
  await taken.next();
  await taken.next();
  expect([tap.isFull, tap.unreadBytes, roomCount]).toEqual([true, 15, 0]);
  await taken.next(); // a chunk gives credit when its consumer comes back for the next
  expect([tap.isFull, tap.unreadBytes, roomCount]).toEqual([false, 0, 1]);
});

test("a consumer that waits is given the next chunk, and the end", async () => {
  const tap = new Tap();
  const taken = tap[Symbol.asyncIterator]();
  const first = taken.next();
  tap.push(Buffer.from("a"));
  expect((await first).value?.toString()).toBe("a");
  const last = taken.next();
  tap.end();
  expect((await last).done).toBe(true);
});

test("what was unread at the end is still given", async () => {
  const tap = new Tap();
  tap.push(Buffer.from("a"));
  tap.push(Buffer.from("b"));
  tap.end();
  const all: string[] = [];
  for await (const chunk of tap) all.push(chunk.toString());
  expect(all).toEqual(["a", "b"]);
});

test("a consumer that has left holds nobody back", async () => {
  const tap = new Tap({ highWaterBytes: 10 });
  let hasRoom = false;
  tap.onRoom(() => {
    hasRoom = true;
  });
  tap.push(bytes(20));
  for await (const _ of tap) break;
  expect([hasRoom, tap.isFull, tap.push(bytes(50)), tap.unreadBytes]).toEqual([true, false, true, 0]);
});

test("a second consumer is refused", async () => {
  const tap = new Tap();
  tap.end();
  for await (const _ of tap);
  await expect(tap[Symbol.asyncIterator]().next()).rejects.toThrow(
    "a tap has one consumer - two ask for its bytes - make one pass them on",
  );
});

test("marks that make no sense are refused", () => {
  expect(() => new Tap({ highWaterBytes: 10, lowWaterBytes: 10 })).toThrow(
    "a low mark of 10 bytes is not below the high mark of 10",
  );
});
