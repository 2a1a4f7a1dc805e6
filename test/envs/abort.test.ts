// Work that can be broken off from several sides, and leaves no listener behind.
import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { abortable } from "../../envs/abort.ts";

test("work that settles settles the call, and takes its listeners away", async () => {
  const source = new AbortController();
  expect(await abortable([source.signal, undefined], async () => 4)).toBe(4);
  await expect(abortable([source.signal], () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  await expect(
    abortable([source.signal], () => {
      throw new Error("at once");
    }),
  ).rejects.toThrow("at once");
  expect(getEventListeners(source.signal, "abort")).toEqual([]);
});

test("an abort from any source reaches the work and rejects at once, also if the work does not listen", async () => {
  const [first, second] = [new AbortController(), new AbortController()];
  let heard: unknown;
  const call = abortable([first.signal, second.signal], (signal) => {
    signal.addEventListener("abort", () => {
      heard = signal.reason;
    });
    return new Promise(() => {});
  });
  await Promise.resolve();
  second.abort("enough");
  await expect(call).rejects.toBe("enough");
  expect(heard).toBe("enough");
  expect(getEventListeners(first.signal, "abort")).toEqual([]);
});

test("work is not begun once a source has aborted", async () => {
  let isBegun = false;
  const call = abortable([AbortSignal.abort("before")], () => {
    isBegun = true;
  });
  await expect(call).rejects.toBe("before");
  expect(isBegun).toBe(false);
});
