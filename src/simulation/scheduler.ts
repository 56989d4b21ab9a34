import { assert } from '../common/errors.ts';

/** A due action; `cancel` makes it do nothing. */
export interface Scheduled {
  cancel(): void;
}

interface Entry {
  readonly atMs: number;
  readonly sequence: number;
  action: (() => void) | undefined;
}

/** Virtual time: actions run in order of their time, and of their scheduling where times are equal. */
export class Scheduler {
  private readonly heap: Entry[] = [];
  private sequence = 0;
  private currentMs = 0;

  /** Milliseconds of virtual time since the beginning. */
  get nowMs(): number {
    return this.currentMs;
  }

  /** Runs `action` after `delayMs` (at least 0) of virtual time. */
  after(delayMs: number, action: () => void): Scheduled {
    assert(delayMs >= 0, `the simulator cannot schedule ${delayMs} ms into the past`);
    const entry: Entry = { atMs: this.currentMs + delayMs, sequence: this.sequence++, action };
    this.heap.push(entry);
    this.siftUp(this.heap.length - 1);
    return {
      cancel: () => {
        entry.action = undefined;
      },
    };
  }

  /** Runs everything that is due until `untilMs` of virtual time, or until `stop` says so. */
  run(untilMs: number, stop: () => boolean = () => false): void {
    for (let first = this.heap[0]; first !== undefined && first.atMs <= untilMs; first = this.heap[0]) {
      this.removeFirst();
      if (first.action === undefined) continue;
      this.currentMs = first.atMs;
      first.action();
      if (stop()) return;
    }
    this.currentMs = Math.max(this.currentMs, untilMs);
  }

  private removeFirst(): void {
    const last = this.heap.pop();
    if (last === undefined || this.heap.length === 0) return;
    this.heap[0] = last;
    this.siftDown(0);
  }

  private siftUp(from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.isBefore(index, parent)) return;
      this.swap(index, parent);
      index = parent;
    }
  }

  private siftDown(from: number): void {
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      let smallest = index;
      if (left < this.heap.length && this.isBefore(left, smallest)) smallest = left;
      if (left + 1 < this.heap.length && this.isBefore(left + 1, smallest)) smallest = left + 1;
      if (smallest === index) return;
      this.swap(index, smallest);
      index = smallest;
    }
  }

  private isBefore(first: number, second: number): boolean {
    const a = this.heap[first] as Entry;
    const b = this.heap[second] as Entry;
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
  }

  private swap(first: number, second: number): void {
    const kept = this.heap[first] as Entry;
    this.heap[first] = this.heap[second] as Entry;
    this.heap[second] = kept;
  }
}
