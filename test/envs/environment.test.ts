// The contract proven on a small multi-turn world, and the conformance suite seen red on worlds that break it.
import { expect, test } from "vitest";
import { createEnvironment, type Environment, type SessionOptions, type World } from "../../envs/index.ts";
import { type CreateOptions, environmentChecks, environmentSuite } from "../conformance/environment.ts";
import { guessEnvironment, guessTheNumber } from "./fixtures/guess-the-number.ts";

const task = { id: "up-to-9", hash: "a", highest: 9 };
const seed = 16; // which draws 7
const game = { name: "guess-the-number", task, seed, play: ["3", "no idea", "9", "7"] };
type Options = SessionOptions<typeof task>;
type Guess = typeof guessTheNumber extends World<infer T, infer S> ? { task: T; state: S } : never;
type GuessWorld = World<Guess["task"], Guess["state"]>;

environmentSuite({ ...game, create: guessEnvironment });

/** The titles of the checks that fail for an environment. */
async function failing(create: (options: CreateOptions) => Environment<any>): Promise<string[]> {
  const failed: string[] = [];
  for (const { title, run } of environmentChecks({ ...game, create })) {
    await run().catch(() => failed.push(title));
  }
  return failed;
}

const world = (change: Partial<GuessWorld>) => (options: CreateOptions) =>
  createEnvironment({ ...guessTheNumber, ...change }, options as Options);

/** An environment with one method replaced. */
const tampered =
  (change: (environment: Environment<any>) => Partial<Environment<any>>) =>
  (options: CreateOptions): Environment<any> => {
    const environment = createEnvironment(guessTheNumber, options as Options);
    const changes = change(environment);
    return new Proxy(environment, {
      get(whole, name) {
        const found = Reflect.get(name in changes ? changes : whole, name) as unknown;
        return typeof found === "function" ? found.bind(whole) : found;
      },
    });
  };

let sharedCount = 0;
const shared = guessTheNumber.open(task, seed, { signal: new AbortController().signal }) as Guess["state"];

const broken = [
  {
    fault: "a world whose state is shared by its sessions",
    create: world({ open: () => Object.assign(shared, { guessCount: 0, isRight: false }) }),
    caughtBy: "two episodes side by side never touch",
  },
  {
    fault: "a world that counts across episodes",
    create: world({ digest: (state) => ({ ...state, sharedCount: sharedCount++ }) }),
    caughtBy: "played twice, an episode says the same and has the same digest at every turn boundary",
  },
  {
    fault: "a world that answers replayed turns otherwise",
    create: world({
      respond(state, response, options) {
        sharedCount += 1;
        const reply = guessTheNumber.respond(state, response, options) as any;
        return {
          ...reply,
          messages: reply.messages.map((one: any) => ({ ...one, content: `${one.content} ${sharedCount}` })),
        };
      },
    }),
    caughtBy: "a start from any prefix stands where the episode stood, and goes on like it",
  },
  {
    fault: "a world whose quality is a score out of ten",
    create: world({ quality: () => 10 }),
    caughtBy: "quality and reward come with the end, and quality is in [0, 1]",
  },
  {
    fault: "a world that never ends",
    create: world({
      respond: (state, response, options) =>
        ({ ...guessTheNumber.respond(state, response, options), terminated: false }) as any,
    }),
    caughtBy: "after the end come no steps, and before the first reset nothing",
  },
  {
    fault: "an environment that forgets its prefix",
    create: tampered((whole) => ({
      reset: (start, options) => whole.reset({ ...start, prefix: [], mode: "base" }, options),
    })),
    caughtBy: "a second attempt replays the turns before it and shows the response it replaces",
  },
  {
    fault: "an environment that takes any start",
    create: tampered((whole) => ({
      reset: (start, options) =>
        whole.reset(start, options).catch(() => whole.reset({ ...start, prefix: [], mode: "base" })),
    })),
    caughtBy: "a start that makes no sense is refused",
  },
  {
    fault: "an environment that does not listen to signals",
    create: tampered((whole) => ({ step: (response) => whole.step(response) })),
    caughtBy: "an abort rejects in every state with the signal's reason, and reset begins anew",
  },
  {
    fault: "an environment whose snapshot is of another moment",
    create: tampered((whole) => ({ snapshot: () => ({ ...whole.snapshot(), turns: [] }) })),
    caughtBy: "a snapshot at any turn boundary is JSON and becomes the same episode elsewhere",
  },
  {
    fault: "an environment that throws at its limit",
    create: tampered((whole) => ({
      step: async (response, options) => {
        const step = await whole.step(response, options);
        if (step.truncated) throw new Error("limit reached");
        return step;
      },
    })),
    caughtBy: "the limit of turns ends an episode as truncated",
  },
  {
    fault: "an environment that counts no turns of a request",
    create: ({ limits: { maxTurnsPerRequest: _, ...limits } = {}, ...options }: CreateOptions) =>
      createEnvironment(guessTheNumber, { ...options, limits } as Options),
    caughtBy: "the limit of turns for a request ends an episode as truncated",
  },
  {
    fault: "a world whose forks share their state",
    create: world({ fork: (state) => state }),
    caughtBy: "a fork stands where the episode stands, and neither notices the other",
  },
  {
    fault: "an environment that knows no time",
    create: (options: CreateOptions) => createEnvironment(guessTheNumber, { prompts: options.prompts } as Options),
    caughtBy: "the limit of time ends an episode as truncated",
  },
  {
    fault: "an environment that cannot be closed twice",
    create: tampered((whole) => {
      let closedCount = 0;
      return {
        close: async () => {
          closedCount += 1;
          await whole.close();
          if (closedCount === 2) throw new Error("closed already");
        },
      };
    }),
    caughtBy: "closing twice is fine, and a call under way ends with it",
  },
  {
    fault: "an environment that queues what overlaps",
    create: tampered((whole) => {
      let last: Promise<unknown> = Promise.resolve();
      const after = <R>(call: () => Promise<R>): Promise<R> => {
        const next = last.then(call, call);
        last = next.catch(() => {});
        return next;
      };
      return { step: (response, options) => after(() => whole.step(response, options)) };
    }),
    caughtBy: "calls that overlap are refused",
  },
  {
    fault: "an environment that hands out its own list of turns",
    create: tampered((whole) => {
      const own: any[] = [];
      let seenCount = 0;
      return {
        turns: () => {
          own.push(...whole.turns().slice(seenCount));
          seenCount = whole.turns().length;
          return own;
        },
      };
    }),
    caughtBy: "what an environment hands out can be changed without changing it",
  },
  {
    fault: "an environment that throws on a mismatch",
    create: tampered((whole) => ({
      reset: async (start, options) => {
        const observation = await whole.reset(start, options);
        if (observation.failed) throw new Error("mismatch");
        return observation;
      },
    })),
    caughtBy: "a prefix that is answered otherwise than recorded fails the episode",
  },
  {
    fault: "an environment that says nothing first",
    create: tampered((whole) => ({
      reset: async (start, options) => ({ ...(await whole.reset(start, options)), messages: [] }),
    })),
    caughtBy: "reset shows a conversation that ends with what the policy is to answer",
  },
];

test.each(broken)("the suite catches $fault", async ({ create, caughtBy }) => {
  expect(await failing(create)).toContain(caughtBy);
});

test("every check of the suite is seen red by one of the broken environments", () => {
  const titles = environmentChecks({ ...game, create: world({}) }).map(({ title }) => title);
  expect(broken.map(({ caughtBy }) => caughtBy).sort()).toEqual(titles.sort());
});
