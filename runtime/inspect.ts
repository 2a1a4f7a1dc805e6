// Looking into a living actor from its own isolate: its shape, and expressions evaluated with `self` bound to it.
// Read-only unless asked: V8 itself refuses an expression with side effects. Knows no messages; the host asks.
import type { Runtime } from "node:inspector";
import { Session } from "node:inspector/promises";
import { inspect } from "node:util";

/** What completion offers. */
export interface ActorShape {
  className: string;
  methods: string[];
  fields: string[];
}

export interface EvaluateOptions {
  /** Without it, an expression that would change anything is refused. */
  canWrite: boolean;
  timeoutMs: number;
  /** Not begun after this, milliseconds since 1970: whoever asked has given up, and would be surprised by a change. */
  notAfterMs?: number | undefined;
}

export interface Evaluation {
  /** For people, four levels deep and cut at 20 000 characters. */
  text: string;
  /** For programs: the value as JSON where it has one. */
  json: string | null;
  /** The expression threw, was refused, or ran out of time. */
  isError: boolean;
}

const maxText = 20_000;
const hookNames = new Set(["constructor", "start", "stop"]);

/** True for what can be called from outside: no hook, no name that begins with an underscore. */
export function isPublicName(name: string): boolean {
  return !hookNames.has(name) && !name.startsWith("_");
}

/** What can be called from outside, for completion and for error messages. */
export function publicMethods(instance: object): string[] {
  const names = new Set<string>();
  for (let at = Object.getPrototypeOf(instance); at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (isPublicName(name) && typeof property.value === "function") names.add(name);
    }
  }
  return [...names].sort();
}

export async function describeInstance(instance: object): Promise<ActorShape> {
  const session = await connected();
  const hidden = await withSelf(instance, () => privateFields(session));
  const fields = [...Object.keys(instance), ...hidden.map(({ name }) => name)].sort();
  return { className: instance.constructor.name, methods: publicMethods(instance), fields };
}

/**
 * Evaluates in the instance's own isolate, between two of its messages; `#private` fields and `await` work.
 * Never throws for what the expression does: that is an Evaluation with `isError`.
 */
export async function evaluate(instance: object, expression: string, options: EvaluateOptions): Promise<Evaluation> {
  const session = await connected();
  return withSelf(instance, async () => {
    if (options.notAfterMs !== undefined && Date.now() > options.notAfterMs) {
      return { text: "not run: its turn came after whoever asked had given up.", json: null, isError: true };
    }
    try {
      const parameters = {
        expression: options.canWrite ? expression : await withPrivatesReadable(session, expression),
        replMode: options.canWrite, // it makes a promise, which runs the hooks of AsyncLocalStorage: a side effect
        awaitPromise: options.canWrite,
        throwOnSideEffect: !options.canWrite,
        timeout: options.timeoutMs,
      };
      const reply = await inTime(
        session.post("Runtime.evaluate", parameters as Runtime.EvaluateParameterType),
        options,
      );
      if (reply === undefined) return { text: explainWait(options), json: null, isError: true };
      const { result, exceptionDetails } = reply;
      if (exceptionDetails) {
        const what = exceptionDetails.exception?.description ?? exceptionDetails.text;
        return { text: explainRefusal(what, options), json: null, isError: true };
      }
      if (!result.objectId) return format(primitiveOf(result));
      const shown = await session.post("Runtime.callFunctionOn", {
        functionDeclaration: `function () { return globalThis[Symbol.for("${formatKey}")](this) }`,
        objectId: result.objectId,
        returnByValue: true,
      });
      return shown.result.value as Evaluation;
    } catch (error) {
      return { text: explainFailure(error as Error, options), json: null, isError: true };
    }
  });
}

const formatKey = "iterant.format";
/** A plain name: V8 counts Symbol.for() as a side effect. */
const privatesKey = "__iterantPrivates";
let session: Promise<Session> | undefined;
/** Evaluations of one isolate take turns, because they share the name `self`. */
let last: Promise<unknown> = Promise.resolve();

function connected(): Promise<Session> {
  session ??= (async () => {
    const made = new Session();
    made.connect();
    Object.defineProperty(globalThis, Symbol.for(formatKey), { value: format, configurable: true });
    return made;
  })();
  return session;
}

async function withSelf<T>(instance: object, work: () => Promise<T>): Promise<T> {
  const mine = last.then(async () => {
    Object.defineProperty(globalThis, "self", { value: instance, configurable: true, writable: false });
    try {
      return await work();
    } finally {
      Reflect.deleteProperty(globalThis, "self");
    }
  });
  last = mine.catch(() => {});
  return mine;
}

function format(value: unknown): Evaluation {
  const text = inspect(value, {
    depth: 4,
    maxArrayLength: 100,
    maxStringLength: 2000,
    breakLength: 100,
    getters: false,
  });
  const isLong = text.length > maxText;
  return {
    text: isLong ? `${text.slice(0, maxText)}… (${text.length} characters)` : text,
    json: toJson(value),
    isError: false,
  };
}

function toJson(value: unknown): string | null {
  try {
    return (
      JSON.stringify(value, (_key, inside: unknown) => {
        if (typeof inside === "bigint") return Number(inside);
        if (ArrayBuffer.isView(inside)) return [...(inside as Uint8Array)];
        if (inside instanceof Map) return Object.fromEntries(inside);
        return inside instanceof Set ? [...inside] : inside;
      }) ?? null
    );
  } catch {
    return null; // a cycle: the text shows it
  }
}

interface PrivateField {
  name: string;
  value: Runtime.RemoteObject;
}

async function privateFields(session: Session): Promise<PrivateField[]> {
  const { result } = await session.post("Runtime.evaluate", { expression: "self" });
  const properties = await session.post("Runtime.getProperties", { objectId: result.objectId!, ownProperties: true });
  const { privateProperties = [] } = properties as { privateProperties?: Partial<PrivateField>[] };
  return privateProperties.filter(
    (field): field is PrivateField => field.value !== undefined && field.value.type !== "function",
  );
}

/**
 * V8 counts reading `self.#field` from outside the class as a side effect, so read-only expressions get the fields'
 * values under another name.
 */
async function withPrivatesReadable(session: Session, expression: string): Promise<string> {
  if (!/\bself\.#/.test(expression)) return expression;
  const fields = await privateFields(session);
  const { result: holder } = await session.post("Runtime.evaluate", { expression: "globalThis" });
  await session.post("Runtime.callFunctionOn", {
    objectId: holder.objectId!,
    functionDeclaration: `function (names, ...values) {
      const fields = Object.fromEntries(names.split(",").map((name, at) => [name, values[at]]));
      Object.defineProperty(this, "${privatesKey}", { value: fields, configurable: true });
    }`,
    arguments: [
      { value: fields.map(({ name }) => name.slice(1)).join(",") },
      ...fields.map(({ value }) => argumentOf(value)),
    ],
  });
  return expression.replace(/\bself\.#/g, `${privatesKey}.`);
}

function argumentOf(value: Runtime.RemoteObject): Runtime.CallArgument {
  if (value.objectId !== undefined) return { objectId: value.objectId };
  return value.unserializableValue === undefined
    ? { value: value.value }
    : { unserializableValue: value.unserializableValue };
}

/** What the inspector writes as text because JSON cannot: NaN, -0, infinities, bigints. */
function primitiveOf(result: {
  type: string;
  value?: unknown;
  unserializableValue?: string;
  description?: string;
}): unknown {
  const { unserializableValue } = result;
  if (unserializableValue !== undefined) {
    return unserializableValue.endsWith("n") ? BigInt(unserializableValue.slice(0, -1)) : Number(unserializableValue);
  }
  return result.type === "symbol" ? result.description : result.value;
}

/** What is awaited may never come, and the next evaluation of this isolate waits for its turn: undefined when late. */
async function inTime<T>(answer: Promise<T>, { canWrite, timeoutMs }: EvaluateOptions): Promise<T | undefined> {
  if (!canWrite) return answer;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  answer.catch(() => {}); // late, nobody is left to hear it
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

function explainWait({ timeoutMs }: EvaluateOptions): string {
  return `still awaited after ${timeoutMs} ms. It goes on inside the actor, without self; nobody waits for its value.`;
}

function explainFailure(error: Error, { timeoutMs }: EvaluateOptions): string {
  const isLate = error.message.includes("Execution was terminated");
  return isLate ? `stopped after ${timeoutMs} ms. The actor goes on; ask for less.` : error.message;
}

function explainRefusal(what: string, { canWrite }: EvaluateOptions): string {
  if (canWrite || !what.includes("Possible side-effect")) return what;
  return "refused: this expression would change something. Only reading is allowed here; attach with --write to change.";
}
