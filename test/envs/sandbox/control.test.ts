// Messages of a launcher come out as they went in, however the bytes arrive; what is no message is refused.
import fc from "fast-check";
import { expect, test } from "vitest";
import { MessageReader } from "../../../envs/sandbox/control.ts";

function frame(head: object, payload: Buffer): Buffer {
  const body = Buffer.from(JSON.stringify({ ...head, byteCount: payload.length }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body, payload]);
}

test("messages and their bytes come back from pieces of any size", () => {
  const messages = fc.array(fc.tuple(fc.string(), fc.uint8Array({ maxLength: 200 })), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(messages, fc.integer({ min: 1, max: 64 }), (sent, size) => {
      const bytes = Buffer.concat(sent.map(([text, payload]) => frame({ text }, Buffer.from(payload))));
      const reader = new MessageReader();
      const heard = [];
      for (let at = 0; at < bytes.length; at += size) heard.push(...reader.push(bytes.subarray(at, at + size)));
      expect(heard.map(({ head, payload }) => [head.text, [...payload]])).toEqual(
        sent.map(([text, payload]) => [text, [...payload]]),
      );
    }),
  );
});

test("a length that cannot be, no JSON, and no count of bytes are refused", () => {
  expect(() => new MessageReader().push(Buffer.from([255, 255, 255, 255, 0]))).toThrow(RangeError);
  expect(() => new MessageReader().push(Buffer.from([0, 0, 0, 2, 120, 120]))).toThrow(SyntaxError);
  expect(() => new MessageReader().push(Buffer.concat([Buffer.from([0, 0, 0, 2]), Buffer.from("{}")]))).toThrow(
    RangeError,
  );
});
