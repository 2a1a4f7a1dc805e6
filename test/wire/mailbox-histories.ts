// Histories of a mailbox behind the golden file that holds both languages to the same rules: specs, steps, what came of each.
import fc from "fast-check";
import { type Addressed, Mailbox, type MailboxSpec } from "../../runtime/mailbox.ts";

export type Step =
  | ["offer", lane: string, priority: number, bytes: number]
  | ["take"]
  | ["done"]
  /** Every message whose ticket was called comes again. */
  | ["again"]
  | ["remove", id: number];

/** What a step gave, whom it dropped, whose tickets it called. */
export type Outcome = [given: unknown, dropped: number[], called: number[]];

export interface History {
  spec: MailboxSpec;
  steps: Step[];
  outcomes: Outcome[];
}

const names = ["a", "b", "c"];
const lanes = fc
  .array(fc.record({ weight: fc.integer({ min: 1, max: 3 }), concurrency: fc.integer({ min: 1, max: 3 }) }), {
    minLength: 1,
    maxLength: 3,
  })
  .map((list) => list.map((lane, at) => ({ name: names[at]!, ...lane })));
const spec: fc.Arbitrary<MailboxSpec> = fc.record({
  capacity: fc.integer({ min: 1, max: 4 }),
  maxBytes: fc.integer({ min: 5, max: 30 }),
  whenFull: fc.constantFrom("wait", "wait", "fail", "drop-oldest"),
  concurrency: fc.integer({ min: 1, max: 3 }),
  lanes,
});
const stepOn = (among: string[]): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.tuple(
        fc.constant("offer" as const),
        fc.constantFrom(...among),
        fc.integer({ min: -1, max: 1 }),
        fc.integer({ min: 0, max: 12 }),
      ),
    },
    { weight: 3, arbitrary: fc.constant<Step>(["take"]) },
    { weight: 2, arbitrary: fc.constant<Step>(["done"]) },
    { weight: 1, arbitrary: fc.constant<Step>(["again"]) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("remove" as const), fc.integer({ min: 1, max: 40 })) },
  );

/** Runs the steps on a mailbox of ours. The message of step n has the id n + 1. */
export function play(given: MailboxSpec, steps: readonly Step[]): Outcome[] {
  let dropped: number[] = [];
  let called: number[] = [];
  const due: number[] = [];
  const running: Addressed[] = [];
  const messages = new Map<number, Addressed>();
  const mailbox = new Mailbox<Addressed>({
    spec: given,
    onDropped: ({ id }) => dropped.push(id),
    onRoom: (id) => {
      called.push(id);
      due.push(id);
    },
  });
  const act = (step: Step, at: number): unknown => {
    switch (step[0]) {
      case "offer": {
        const message = { id: at + 1, lane: step[1], priority: step[2], bytes: step[3] };
        messages.set(message.id, message);
        return mailbox.offer(message);
      }
      case "take": {
        const message = mailbox.take();
        if (message) running.push(message);
        return message?.id ?? null;
      }
      case "done": {
        const message = running.shift();
        if (message) mailbox.done(message);
        return message?.id ?? null;
      }
      case "again":
        return due.splice(0).map((id) => mailbox.offer(messages.get(id)!));
      case "remove": {
        const removed = mailbox.remove(step[1]);
        if (removed === "ticket" && due.includes(step[1])) due.splice(due.indexOf(step[1]), 1);
        return typeof removed === "object" ? removed.id : (removed ?? null);
      }
    }
  };
  return steps.map((step, at) => {
    [dropped, called] = [[], []];
    return [act(step, at), dropped, called];
  });
}

/** The same ones for the same seed. */
export function histories(seed: number, count: number): History[] {
  const history = spec.chain((given) =>
    fc
      .array(stepOn(given.lanes.map(({ name }) => name)), { minLength: 30, maxLength: 40 })
      .map((steps) => ({ spec: given, steps, outcomes: play(given, steps) })),
  );
  return fc.sample(history, { seed, numRuns: count });
}
