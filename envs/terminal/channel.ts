// Where a program's output arrives: the seam between a terminal session and its two ways, pseudo-terminal and pipe.
// Knows bytes, pressure and the end; knows no limits and no program.

export interface Channel {
  /** Begins to read. Bytes are the listener's to keep. Called from the event loop; it must not block. */
  start(listener: (bytes: Buffer) => void): void;
  /** Stops reading; the program waits in its write once the kernel's buffer is full. */
  pause(): void;
  resume(): void;
  /**
   * Called when nobody can write any more: reads all that is left, paused or not.
   * Resolves with false if somebody else still holds it and the deadline has passed.
   */
  drain(deadlineMs: number): Promise<boolean>;
  /** Resolves when the program could read them. Rejects if the channel takes none or was closed. */
  write(bytes: Buffer): Promise<void>;
  resize(columns: number, rows: number): void;
  /** Gives every descriptor back. Closing twice is fine. */
  close(): void;
}
