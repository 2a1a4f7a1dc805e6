// Who looks after whom: one supervised life after another, with OTP's words for when to start again and when to give up.
// Knows no threads and no sockets: how an actor is brought to life is handed in.
import type { Clock } from "./clock.ts";
import { ActorError } from "./errors.ts";

export interface RestartPolicy {
  /** `permanent`: always again; `transient`: only after a crash; `temporary`: never. */
  restart: "permanent" | "transient" | "temporary";
  /** More restarts than this within `withinMs`, and the supervisor gives up (restart intensity). */
  maxRestarts: number;
  withinMs: number;
  /** The wait before a restart doubles from the first to the last, and is shortened by up to a half at random. */
  firstBackoffMs: number;
  lastBackoffMs: number;
}

export const defaultRestartPolicy: RestartPolicy = {
  restart: "temporary",
  maxRestarts: 3,
  withinMs: 5000,
  firstBackoffMs: 50,
  lastBackoffMs: 5000,
};

/** Counts restarts in a sliding window: a decision for each end of a life, no timers. */
export class RestartIntensity {
  readonly #policy: RestartPolicy;
  readonly #clock: Clock;
  readonly #random: () => number;
  #restartsAtMs: number[] = [];

  constructor(policy: RestartPolicy, clock: Clock, random: () => number = Math.random) {
    this.#policy = policy;
    this.#clock = clock;
    this.#random = random;
  }

  /** What to do now that a life has ended. */
  decide(end: "crash" | "normal"): { kind: "restart"; afterMs: number } | { kind: "end" } | { kind: "give_up" } {
    const { restart, maxRestarts, withinMs, firstBackoffMs, lastBackoffMs } = this.#policy;
    if (restart === "temporary" || (restart === "transient" && end === "normal")) return { kind: "end" };
    const nowMs = this.#clock.nowMs();
    this.#restartsAtMs = this.#restartsAtMs.filter((atMs) => nowMs - atMs < withinMs);
    if (this.#restartsAtMs.length >= maxRestarts) return { kind: "give_up" };
    const backoffMs = Math.min(lastBackoffMs, firstBackoffMs * 2 ** this.#restartsAtMs.length);
    this.#restartsAtMs.push(nowMs);
    return { kind: "restart", afterMs: backoffMs * (0.5 + this.#random() / 2) };
  }
}

export type ChildState = "starting" | "up" | "restarting" | "stopping" | "ended";

/** The end of one life of an actor: what a monitor is told, once. */
export interface Down {
  address: string;
  incarnation: number;
  reason: string;
  /** Whether another life follows. */
  isRestarting: boolean;
}

export interface ChildOptions<Home> {
  address: string;
  policy: RestartPolicy;
  clock: Clock;
  random?: () => number;
  /** Brings one life up and says where it lives; `restartOf` is null for the first. */
  bringUp: (incarnation: number, restartOf: string | null) => Promise<Home>;
  /** Called once a life that has begun or failed to begin again; must not throw. */
  onUp: (home: Home) => void;
  onDown: (down: Down, error: ActorError) => void;
}

/** One supervised actor over all its lives. */
export class Child<Home> {
  readonly #options: ChildOptions<Home>;
  readonly #intensity: RestartIntensity;
  #state: ChildState = "starting";
  #incarnation = 0;
  #home: Home | undefined;
  #bringingUp: Promise<unknown> | undefined;
  #cancelRestart: (() => void) | undefined;

  constructor(options: ChildOptions<Home>) {
    this.#options = options;
    this.#intensity = new RestartIntensity(options.policy, options.clock, options.random);
  }

  get state(): ChildState {
    return this.#state;
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  get restarts(): number {
    return Math.max(0, this.#incarnation - 1);
  }

  /** Where it lives; undefined between two lives. */
  get home(): Home | undefined {
    return this.#state === "up" || this.#state === "stopping" ? this.#home : undefined;
  }

  /** The first life. A failure here is the spawner's to handle: it rejects, and nothing is tried again. */
  async begin(): Promise<void> {
    try {
      await this.#live(null);
    } catch (error) {
      if (this.#state === "starting") this.#state = "ended";
      throw error;
    }
    if (this.#state !== "up") {
      const { address } = this.#options;
      throw new ActorError("stopped", `${address} was stopped while it started.`, { actor: address });
    }
  }

  /** Resolves when no life is being brought up; `home` then tells whether the last attempt made one. */
  async settled(): Promise<void> {
    await this.#bringingUp?.catch(() => {}); // whoever began it hears of the failure
  }

  /** Its home is gone, or it said that it cannot go on. */
  crashed(reason: string): void {
    if (this.#state !== "up") return;
    this.#home = undefined;
    this.#afterCrash(reason);
  }

  /** No further life, whatever its policy says; the caller ends the present one. */
  beginStop(): void {
    this.#cancelRestart?.();
    if (this.#state !== "ended") this.#state = "stopping";
  }

  ended(reason: string): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#home = undefined;
    this.#tell(reason, false, "stopped", `was stopped: ${reason}.`);
  }

  async #live(restartOf: string | null): Promise<void> {
    this.#incarnation += 1;
    const bringingUp = this.#options.bringUp(this.#incarnation, restartOf);
    this.#bringingUp = bringingUp;
    const home = await bringingUp;
    this.#home = home;
    if (this.#state === "stopping") return; // whoever stops it ends this life too
    this.#state = "up";
    this.#options.onUp(home);
  }

  #afterCrash(reason: string): void {
    const decision = this.#intensity.decide("crash");
    switch (decision.kind) {
      case "restart":
        this.#state = "restarting";
        this.#tell(reason, true, "actor_down", `died: ${reason}. It is being started again.`);
        this.#cancelRestart = this.#options.clock.after(decision.afterMs, () => void this.#restart(reason));
        break;
      case "end":
        this.#state = "ended";
        this.#tell(
          reason,
          false,
          "actor_down",
          `died: ${reason}. Nobody starts it again: its restart policy is temporary.`,
        );
        break;
      case "give_up": {
        const { maxRestarts, withinMs } = this.#options.policy;
        this.#state = "ended";
        const often = `more than ${maxRestarts} restarts in ${withinMs / 1000} s`;
        this.#tell(reason, false, "restart_intensity", `was given up after ${often}; it died last because: ${reason}.`);
        break;
      }
    }
  }

  async #restart(reason: string): Promise<void> {
    try {
      await this.#live(reason);
    } catch (error) {
      if (this.#state === "restarting") this.#afterCrash(error instanceof Error ? error.message : String(error));
    }
  }

  #tell(reason: string, isRestarting: boolean, code: ActorError["code"], what: string): void {
    const { address } = this.#options;
    const down = { address, incarnation: this.#incarnation, reason, isRestarting };
    this.#options.onDown(down, new ActorError(code, `${address} ${what}`, { actor: address }));
  }
}
