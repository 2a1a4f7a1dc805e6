import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  HandleRef,
  NdArray,
  packEnvelopes,
  packHeader,
  packValue,
  unpackEnvelopes,
  unpackHeader,
  unpackValue,
} from "../../runtime/codec.ts";
import { kinds } from "../../runtime/envelope.ts";

/** Bytes arrive as a Buffer, which is a Uint8Array with more methods. */
const bytes = (...values: number[]) => Buffer.from(values);
const roundTrip = (value: unknown) => unpackValue(packValue(value));

const arrays = [
  ["i1", new Int8Array([-1, 2])],
  ["u2", new Uint16Array([1, 65_535])],
  ["i2", new Int16Array([-1, 2])],
  ["u4", new Uint32Array([1, 2 ** 32 - 1])],
  ["i4", new Int32Array([-1, 2])],
  ["u8", new BigUint64Array([1n, 2n ** 64n - 1n])],
  ["i8", new BigInt64Array([-1n, 2n])],
  ["f4", new Float32Array([1.5, Number.NaN])],
  ["f8", new Float64Array([1e300, -0])],
] as const;

describe("values", () => {
  test.each(arrays)("an array of %s arrives with type and elements, short or long", (_name, array) => {
    expect(roundTrip({ array })).toEqual({ array });
    const Type = array.constructor as unknown as new (length: number) => typeof array;
    const long = new Type(1000);
    expect(roundTrip([long, array, long])).toEqual([long, array, long]);
  });

  test("bytes arrive as a Buffer, short or long, whatever they were sent as", () => {
    expect(roundTrip(new Uint8Array([1, 255]))).toEqual(bytes(1, 255));
    expect(roundTrip([new Uint8Array(1000), Buffer.alloc(1000), new ArrayBuffer(3)])).toEqual([
      Buffer.alloc(1000),
      Buffer.alloc(1000),
      bytes(0, 0, 0),
    ]);
  });

  test("plain data arrives as it was, undefined as null, a Set as a list, a Map as an object", () => {
    const value = { a: [1, -1, 2.5, "é", true, null], at: new Date(5), n: 2 ** 40, m: -(2 ** 40) };
    expect(roundTrip(value)).toEqual(value);
    expect(roundTrip([undefined, new Set([1, 2]), new Map([["k", 1]])])).toEqual([null, [1, 2], { k: 1 }]);
  });

  test("anything JSON can hold arrives unchanged", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(!JSON.stringify(value).includes('"__proto__":')); // the test below
        // Minus zero arrives as zero: MessagePack's integer is the shorter form.
        // A key __proto__ arrives under another name: msgpackr keeps it from reaching the prototype.
        const text = JSON.stringify(value).replaceAll("-0,", "0,").replaceAll("__proto__", "__proto");
        const positive = JSON.parse(text) as unknown;
        expect(roundTrip(positive)).toEqual(positive);
      }),
    );
  });

  test("a key that would set a prototype arrives under another name", () => {
    expect(roundTrip(JSON.parse('{"__proto__": 1}'))).toEqual({ __proto_: 1 });
  });

  test("a string cut in the middle of a character arrives with the replacement character, not as an error", () => {
    expect(roundTrip(["a\ud800b"])).toEqual(["a\ufffdb"]);
  });

  test("a handle travels as its address", () => {
    const payload = packValue({ to: new HandleRef("counter@node-b") });
    expect(unpackValue(payload, { makeHandle: (address) => `handle of ${address}` })).toEqual({
      to: "handle of counter@node-b",
    });
  });

  test("an array of more dimensions keeps its shape", () => {
    const matrix = new NdArray([2, 3], new Float32Array([1, 2, 3, 4, 5, 6]));
    expect(roundTrip(matrix)).toEqual(matrix);
  });

  test("changing an array after it was packed changes nothing that was packed", () => {
    const array = new Float32Array(1000);
    const payload = packValue(array);
    array[0] = 7;
    expect((unpackValue(payload) as Float32Array)[0]).toBe(0);
  });

  test.each([
    [{ a: [1, { f: () => 1 }] }, "value.a[1].f is a function (f)"],
    [{ at: new (class Point {})() }, "value.at is an instance of Point"],
    [[Symbol("s")], "value[0] is a symbol"],
    [2n ** 70n, "value is a bigint beyond 64 bits"],
    [new DataView(new ArrayBuffer(1)), "value is a DataView"],
  ])("what cannot travel is refused with its path (%#)", (value, where) => {
    expect(() => packValue(value)).toThrow(
      `not_serialisable: ${where}, which cannot travel. Send plain data, arrays of numbers or handles.`,
    );
  });

  test("a cycle is refused and does not overflow the stack", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => packValue(cycle)).toThrow("nested deeper than 64 levels, or a cycle");
  });

  test("more long arrays than a message can count, or one longer than a frame, are refused", () => {
    const list = Array.from({ length: 65_536 }, () => new Uint8Array(600));
    expect(() => packValue(list)).toThrow(/^not_serialisable: value\[65535\] is one long array more than the 65535 /);
    expect(packValue(list.slice(1)).buffers).toHaveLength(65_535);
    expect(() => packValue({ a: new Float64Array(2 ** 28) })).toThrow(
      /^not_serialisable: value\.a is 2147483648 bytes long, more than 2147483647, which cannot travel/,
    );
  });

  test("bytes that are no value are refused, whatever they are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (bytes) => {
        try {
          unpackValue({ bytes, buffers: [] });
        } catch (error) {
          expect((error as Error).message).toMatch(/^protocol_error: /);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("an array whose shape and bytes disagree is refused", () => {
    const payload = packValue(new Float32Array(1000));
    const short = { bytes: payload.bytes, buffers: [payload.buffers[0]!.slice(4)] };
    expect(() => unpackValue(short)).toThrow("protocol_error");
    expect(() => unpackValue({ ...payload, buffers: [] })).toThrow("protocol_error");
  });
});

describe("envelopes", () => {
  const call = {
    kind: kinds.call,
    id: 1,
    target: "a@b",
    method: "m",
    args: packValue([new Float64Array(100), new Uint8Array(600)]),
    deadlineMs: null,
    credit: 0,
    from: "c@d",
    lane: null,
    priority: 0,
    chain: null,
    sentMs: null,
  } as const;

  test("a batch gives each envelope its own raw buffers", () => {
    const frames = packEnvelopes([call, { kind: kinds.credit, id: 2, items: 3 }, { ...call, id: 3 }]);
    expect(frames.buffers).toHaveLength(4);
    const [first, second, third] = unpackEnvelopes(frames);
    expect(second).toEqual({ kind: kinds.credit, id: 2, items: 3 });
    for (const envelope of [first, third]) {
      expect(unpackValue((envelope as typeof call).args)).toEqual([new Float64Array(100), Buffer.alloc(600)]);
    }
  });

  test("fields that a later version appends are ignored", () => {
    const { body } = packEnvelopes([{ kind: kinds.credit, id: 2, items: 3 }]);
    const longer = Uint8Array.from([...body, 0x01]);
    longer[1] = 0x94; // the list of three has become one of four
    expect(unpackEnvelopes({ body: longer, buffers: [] })).toEqual([{ kind: kinds.credit, id: 2, items: 3 }]);
  });

  test.each([
    ["no MessagePack", Uint8Array.of(0xc1)],
    ["no list", Uint8Array.of(0x01)],
    ["an envelope that is no list", Uint8Array.of(0x91, 0x01)],
    ["an unknown kind", Uint8Array.of(0x91, 0x91, 0x63)],
    ["a payload that is no bytes", Uint8Array.of(0x91, 0x96, 0x13, 1, 2, 3, 4, 5)],
  ])("a body with %s is a protocol error", (_what, body) => {
    expect(() => unpackEnvelopes({ body, buffers: [] })).toThrow("protocol_error");
  });

  test("an envelope that claims more buffers than came is a protocol error", () => {
    const { body } = packEnvelopes([call]);
    expect(() => unpackEnvelopes({ body, buffers: [] })).toThrow("more buffers than frames");
  });
});

describe("the header", () => {
  const header = { kind: 16, bufferCount: 3, seq: 2 ** 32 - 1, ack: 9, incarnation: "00ff00ff00ff00ff" };

  test("is 24 bytes and reads back", () => {
    expect(packHeader(header)).toHaveLength(24);
    expect(unpackHeader(packHeader(header))).toEqual(header);
  });

  test("of another length, magic or major version is a protocol error that says which", () => {
    const bytes = packHeader(header);
    expect(() => unpackHeader(bytes.subarray(1))).toThrow("a header of 23 bytes");
    expect(() => unpackHeader(Uint8Array.from(bytes, (byte, at) => (at === 0 ? 0 : byte)))).toThrow(
      "without our magic",
    );
    expect(() => unpackHeader(Uint8Array.from(bytes, (byte, at) => (at === 2 ? 9 : byte)))).toThrow("version 9, not 1");
  });
});
