// An actor that gives back what it is given: the least an actor can do.
import { defineActor } from "../../runtime/index.ts";

export class Echo {
  echo<T>(value: T): T {
    return value;
  }

  *count(limit: number): Generator<number, void, void> {
    for (let at = 0; at < limit; at += 1) yield at;
  }
}

export const EchoActor = defineActor(import.meta.url, Echo, { concurrency: Number.POSITIVE_INFINITY });
