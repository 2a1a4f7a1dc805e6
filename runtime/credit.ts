// Back-pressure for streams, counted in items: the consumer says how many it is ready for, the producer stops at zero.
// Counts are cumulative since the stream began, so a grant that is lost or repeated harms nothing.

/** The producer's end: how many items may still go. */
export class Grants {
  #granted: number;
  #sent = 0;
  #waiting: (() => void) | undefined;

  constructor(granted: number) {
    this.#granted = granted;
  }

  get available(): number {
    return this.#granted - this.#sent;
  }

  get sent(): number {
    return this.#sent;
  }

  /** Counts one item as sent. */
  spend(): void {
    this.#sent += 1;
  }

  /** The consumer's newest total; an older one changes nothing. */
  grant(total: number): void {
    if (total <= this.#granted) return;
    this.#granted = total;
    this.#waiting?.();
    this.#waiting = undefined;
  }

  /** Resolves when an item may go, or when `release` is called. */
  async ready(): Promise<void> {
    if (this.available > 0) return;
    await new Promise<void>((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** Lets a waiting producer go, so that it can see that its stream was cancelled. */
  release(): void {
    this.#waiting?.();
    this.#waiting = undefined;
  }
}

/** The consumer's end: tops the window up once half of it is used. */
export class Window {
  readonly size: number;
  #granted: number;
  #consumed = 0;

  constructor(size: number) {
    this.size = size;
    this.#granted = size;
  }

  /** Counts one item as consumed; a number is the new total to grant, undefined means: not yet. */
  consume(): number | undefined {
    this.#consumed += 1;
    if (this.#granted - this.#consumed > this.size / 2) return undefined;
    this.#granted = this.#consumed + this.size;
    return this.#granted;
  }
}
