import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ManualClock } from "../../runtime/clock.ts";
import { unpackEnvelopes, unpackHeader } from "../../runtime/codec.ts";
import { type Envelope, type Hello, kinds } from "../../runtime/envelope.ts";
import { Session } from "../../runtime/session.ts";

/** A wire that a test decides about, frame by frame. */
type Fate = "deliver" | "lose" | "twice";

/** Two sessions over a wire that loses, repeats and breaks as told. */
function makePair(fate: () => Fate = () => "deliver") {
  const clock = new ManualClock();
  const got: { dialer: number[]; acceptor: number[] } = { dialer: [], acceptor: [] };
  let isConnected = true;
  const queue: (() => void)[] = [];
  const carry = (to: () => Session, isToAcceptor: boolean) => (frames: Uint8Array[]) => {
    const decided = isConnected ? fate() : "lose";
    const arrive = () => {
      const header = unpackHeader(frames[0]!);
      if (header.kind === kinds.hello && isToAcceptor) {
        to().accept(unpackEnvelopes({ body: frames[1]!, buffers: [] })[0] as Hello);
      } else to().receive(frames);
    };
    if (decided !== "lose") queue.push(arrive);
    if (decided === "twice") queue.push(arrive);
  };
  const make = (name: "dialer" | "acceptor", incarnation: string, to: () => Session) =>
    new Session({
      clock,
      incarnation,
      hello: { peer: name, role: "node", token: "" },
      transmit: carry(to, name === "dialer"),
      deliver: (envelope: Envelope) => {
        if (envelope.kind === kinds.credit) got[name].push(envelope.items);
      },
      onUp: () => {},
      onRefused: () => {},
      onPeerRestart: () => {},
      lagMs: () => 0,
    });
  const dialer: Session = make("dialer", "d".repeat(16), () => acceptor);
  const acceptor: Session = make("acceptor", "a".repeat(16), () => dialer);
  const settle = (byMs: number) => {
    for (let at = 0; at < byMs; at += 10) {
      for (const arrive of queue.splice(0)) arrive();
      clock.advance(10);
    }
    for (const arrive of queue.splice(0)) arrive();
  };
  const cut = (connected: boolean) => {
    isConnected = connected;
    if (connected) dialer.open();
    else for (const session of [dialer, acceptor]) session.suspend();
  };
  return { clock, dialer, acceptor, got, settle, cut };
}

const numbered = (items: number): Envelope => ({ kind: kinds.credit, id: 1, items });

describe("a session", () => {
  test("delivers in order and once over a wire that loses and repeats", () => {
    fc.assert(
      fc.property(
        fc.infiniteStream(fc.constantFrom<Fate>("deliver", "deliver", "deliver", "lose", "twice")),
        (fates) => {
          let left = 300; // then the wire is kind, so that every run ends
          const pair = makePair(() => (left-- > 0 ? (fates.next().value as Fate) : "deliver"));
          pair.dialer.open();
          for (let at = 0; at < 40; at += 1) {
            pair.dialer.send([numbered(2 * at), numbered(2 * at + 1)]);
            pair.acceptor.send([numbered(at)]);
            pair.settle(50);
          }
          pair.settle(20_000);
          expect(pair.got.acceptor).toEqual(Array.from({ length: 80 }, (_, at) => at));
          expect(pair.got.dialer).toEqual(Array.from({ length: 40 }, (_, at) => at));
          expect(pair.dialer.unackedCount).toBe(0);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("sends what was not confirmed again after the connection broke", () => {
    const pair = makePair();
    pair.dialer.open();
    pair.settle(100);
    pair.dialer.send([numbered(1)]);
    pair.settle(100);
    pair.cut(false);
    pair.dialer.send([numbered(2)]);
    pair.acceptor.send([numbered(9)]);
    pair.settle(500);
    expect(pair.got.acceptor).toEqual([1]);
    pair.cut(true);
    pair.settle(100);
    expect(pair.got.acceptor).toEqual([1, 2]);
    expect(pair.got.dialer).toEqual([9]);
  });

  test("sends a batch with more raw buffers than a message can count as several messages", () => {
    const pair = makePair();
    pair.dialer.open();
    pair.settle(100);
    const many = { bytes: new Uint8Array(1), buffers: Array.from({ length: 30_000 }, () => new Uint8Array(1)) };
    const items: Envelope[] = [0, 1, 2, 3, 4].flatMap((at) => [
      { kind: kinds.items, id: 1, firstSeq: at, values: many },
      numbered(at),
    ]);
    pair.dialer.send(items);
    pair.settle(100);
    expect(pair.got.acceptor).toEqual([0, 1, 2, 3, 4]);
  });

  test("keeps what is sent before the first greeting", () => {
    const pair = makePair();
    pair.dialer.send([numbered(1)]);
    pair.settle(100);
    expect(pair.got.acceptor).toEqual([]);
    pair.dialer.open();
    pair.settle(100);
    expect(pair.got.acceptor).toEqual([1]);
  });

  test("repeats its greeting until it is answered", () => {
    const pair = makePair();
    pair.cut(false);
    pair.dialer.open();
    pair.settle(2000);
    expect(pair.dialer.isUp).toBe(false);
    pair.cut(true);
    pair.settle(1000);
    expect(pair.dialer.isUp).toBe(true);
  });

  test("drops frames of a dead incarnation and counts them", () => {
    const pair = makePair();
    pair.dialer.open();
    pair.settle(100);
    const stale = makePair();
    stale.dialer.open();
    stale.settle(100);
    const frames: Uint8Array[][] = [];
    const ghost = new Session({
      clock: pair.clock,
      incarnation: "e".repeat(16),
      hello: { peer: "ghost", role: "node", token: "" },
      transmit: (sent) => frames.push(sent),
      deliver: () => {},
      onUp: () => {},
      onRefused: () => {},
      onPeerRestart: () => {},
      lagMs: () => 0,
    });
    ghost.accept({
      kind: kinds.hello,
      peer: "acceptor",
      incarnation: "a".repeat(16),
      role: "node",
      lastSeq: 0,
      token: "",
    });
    ghost.send([numbered(7)]);
    pair.acceptor.receive(frames.at(-1)!);
    expect(pair.got.acceptor).toEqual([]);
    expect(pair.acceptor.dropped.stale).toBe(1);
  });

  test("is silent for as long as nothing comes", () => {
    const pair = makePair();
    pair.dialer.open();
    pair.settle(100);
    pair.cut(false);
    pair.settle(4000);
    expect(pair.acceptor.silentMs).toBeGreaterThan(3900);
  });
});
