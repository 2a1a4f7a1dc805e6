// First in, first out: in constant time, and by priority where that is wanted.
// Unbounded; knows nothing of what it holds, and leaves bounds to whoever asks it for its length.

export class Queue<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  peek(): T | undefined {
    return this.#items[this.#head];
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

interface Level<T> {
  priority: number;
  queue: Queue<T>;
}

/** Higher priorities first; equal ones in the order of their coming. */
export class PriorityQueue<T extends { priority: number }> {
  /** Highest first. A level that was used once stays: there are few, and the next item of its priority finds it. */
  readonly #levels: Level<T>[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Undefined when empty. */
  get lowestPriority(): number | undefined {
    return this.#levels.findLast(({ queue }) => queue.length > 0)?.priority;
  }

  push(item: T): void {
    this.#level(item.priority).push(item);
    this.#length += 1;
  }

  peek(): T | undefined {
    return this.#highest()?.peek();
  }

  take(): T | undefined {
    const item = this.#highest()?.take();
    if (item !== undefined) this.#length -= 1;
    return item;
  }

  /** The item that came first of the lowest priority. */
  takeOldestOfLowest(): T | undefined {
    const item = this.#levels.findLast(({ queue }) => queue.length > 0)?.queue.take();
    if (item !== undefined) this.#length -= 1;
    return item;
  }

  remove(matches: (item: T) => boolean): T | undefined {
    for (const { queue } of this.#levels) {
      const item = queue.remove(matches);
      if (item === undefined) continue;
      this.#length -= 1;
      return item;
    }
    return undefined;
  }

  drain(): T[] {
    this.#length = 0;
    return this.#levels.flatMap(({ queue }) => queue.drain());
  }

  #highest(): Queue<T> | undefined {
    for (const { queue } of this.#levels) if (queue.length > 0) return queue;
    return undefined;
  }

  #level(priority: number): Queue<T> {
    const first = this.#levels[0];
    if (first?.priority === priority) return first.queue; // nearly always: one priority alone
    let at = this.#levels.findIndex((level) => level.priority <= priority);
    if (at < 0) at = this.#levels.length;
    if (this.#levels[at]?.priority !== priority) this.#levels.splice(at, 0, { priority, queue: new Queue() });
    return this.#levels[at]!.queue;
  }
}
