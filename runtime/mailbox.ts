// What waits before an actor: first in, first out, and bounded.
// Knows nothing of what it holds; the host asks it for the next message when the actor is free.

export class Mailbox<T> {
  readonly capacity: number;
  #items: (T | undefined)[] = [];
  #head = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** False, and nothing kept, when the mailbox is full. */
  offer(item: T): boolean {
    if (this.length >= this.capacity) return false;
    this.#items.push(item);
    return true;
  }

  take(): T | undefined {
    if (this.#head >= this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head += 1;
    // Moving the rest down now and then keeps taking constant in time and the array as short as the queue.
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Takes out the first item that matches, wherever it stands. */
  remove(matches: (item: T) => boolean): T | undefined {
    const at = this.#items.findIndex((item, index) => index >= this.#head && matches(item as T));
    if (at < 0) return undefined;
    return this.#items.splice(at, 1)[0];
  }

  drain(): T[] {
    const rest = this.#items.slice(this.#head) as T[];
    this.#items = [];
    this.#head = 0;
    return rest;
  }
}
