// The typed face of an actor anywhere: call, stream, cast, options.
// Types come from the class; at run time a handle is an address and a way to call, and travels as the address alone.

import type { CallOptions, Reply } from "./caller.ts";
import { ActorError } from "./errors.ts";

/** A method's result as its caller sees it: generators become streams, everything else a promise. */
export type Remote<R> = [R] extends [never]
  ? Promise<never>
  : R extends AsyncGenerator<infer Item, unknown, unknown> | Generator<infer Item, unknown, unknown>
    ? AsyncIterable<Item>
    : Promise<Awaited<R>>;

type Hook = "start" | "stop" | "constructor";

/** The public methods of T as calls. */
export type Calls<T> = {
  readonly [K in Exclude<keyof T, Hook> as T[K] extends (...args: never[]) => unknown ? K : never]: T[K] extends (
    ...args: infer Args
  ) => infer R
    ? (...args: Args) => Remote<R>
    : never;
};

/** The same as casts: told, not asked. */
export type Casts<T> = {
  readonly [K in keyof Calls<T>]: T[K] extends (...args: infer Args) => unknown ? (...args: Args) => void : never;
};

export type Handle<T extends object> = Calls<T> & {
  /** The same actor with other options for its calls. */
  with(options: CallOptions): Handle<T>;
};

/** What a handle needs of whoever carries its calls. */
export interface Calling {
  call(target: string, method: string, args: readonly unknown[], options?: CallOptions): Reply;
  cast(target: string, method: string, args: readonly unknown[], options?: CallOptions): void;
}

/** What a handle knows: kept beside the proxy, where no method name can hide it. */
interface HandleState {
  address: string;
  caller: Calling;
  options: CallOptions;
}

const states = new WeakMap<object, HandleState>();

/** Makes the face of the actor at this address. */
export function makeHandle<T extends object>(address: string, caller: Calling, options: CallOptions = {}): Handle<T> {
  const state: HandleState = { address, caller, options };
  const methods = new Map<string, (...args: unknown[]) => unknown>();
  // A function as the target, so that a forgotten method name fails as a call and not as "not a function".
  const proxy = new Proxy(function handle() {} as unknown as Handle<T>, {
    get(_target, property) {
      if (typeof property !== "string" || property === "then") return undefined; // awaiting a handle gives the handle
      let method = methods.get(property);
      if (!method) {
        method =
          property === "with"
            ? (more) => makeHandle<T>(address, caller, { ...options, ...(more as CallOptions) })
            : (...args) => caller.call(address, property, args, options);
        methods.set(property, method);
      }
      return method;
    },
    apply() {
      throw new ActorError("bad_option", `${address} is a handle, not a function. Call one of its methods.`);
    },
    has: () => false,
    ownKeys: () => ["prototype"],
  });
  states.set(proxy, state);
  return proxy;
}

/**
 * Tells an actor without waiting: `cast(counter).add(2)`. What happens to it is not known here.
 * Of the handle's options only `lane` and `priority` mean something to it.
 */
export function cast<T extends object>(handle: Handle<T>): Casts<T> {
  const { address, caller, options } = stateOf(handle);
  return new Proxy({} as Casts<T>, {
    get:
      (_target, property) =>
      (...args: unknown[]) =>
        caller.cast(address, String(property), args, options),
  });
}

/** Where the actor is, as `name@node`. */
export function addressOf(handle: object): string {
  return stateOf(handle).address;
}

/** The address if the value is a handle; undefined for anything else. */
export function addressIfHandle(value: object): string | undefined {
  return states.get(value)?.address;
}

function stateOf(handle: object): HandleState {
  const state = states.get(handle);
  if (!state) throw new ActorError("bad_option", "this is no handle. Get one from spawn, lookup or a program.");
  return state;
}
