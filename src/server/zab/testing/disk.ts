import { assert } from '../../../common/errors.ts';
import { epochOf, type Zxid } from '../../../common/zxid.ts';
import type { LogEntry } from '../../protocol/transactions.ts';
import type { PersistOperation, RecoveredState, Ticket } from '../types.ts';

/** A state machine for tests: the entries applied to it are its state. */
export type TestState = readonly LogEntry[];

/** An operation that the disk has been given; an install carries the state of its moment. */
type Operation = PersistOperation & { readonly ticket: Ticket; readonly state: TestState };

/** A disk in memory: it does one thing after the other, when it is told to, and forgets the rest in a crash. */
export class TestDisk {
  acceptedEpoch: number | undefined;
  currentEpoch: number | undefined;
  snapshot: { readonly zxid: Zxid; readonly state: TestState } | undefined;
  log: LogEntry[] = [];
  #queue: Operation[] = [];

  get pending(): number {
    return this.#queue.length;
  }

  get lastZxid(): Zxid {
    return this.log.at(-1)?.zxid ?? this.snapshot?.zxid ?? 0;
  }

  get state(): TestState {
    return [...(this.snapshot?.state ?? []), ...this.log];
  }

  give(ticket: Ticket, operations: readonly PersistOperation[], state: TestState): void {
    for (const operation of operations) this.#queue.push({ ...operation, ticket, state });
  }

  /** Does the next thing. Returns the ticket that is complete by it, if one is. */
  work(): Ticket | undefined {
    const operation = this.#queue.shift();
    if (operation === undefined) return undefined;
    this.#do(operation);
    return this.#queue[0]?.ticket === operation.ticket ? undefined : operation.ticket;
  }

  /**
   * The power fails: a number of the things that were not reported as done have been done all the same, and of the next,
   * if it is an append, a number of entries.
   */
  crash(survivingOperations: number, survivingEntries: number): void {
    for (let i = 0; i < survivingOperations; i++) this.work();
    const torn = this.#queue[0];
    if (torn?.type === 'append') this.log.push(...torn.entries.slice(0, survivingEntries));
    this.#queue = [];
  }

  wipe(): void {
    this.acceptedEpoch = undefined;
    this.currentEpoch = undefined;
    this.snapshot = undefined;
    this.log = [];
    this.#queue = [];
  }

  /** Cuts the log, after everything that was asked before. Nothing leads to where a snapshot has replaced it. */
  truncate(zxid: Zxid): readonly Ticket[] {
    const tickets: Ticket[] = [];
    while (this.#queue.length > 0) {
      const ticket = this.work();
      if (ticket !== undefined) tickets.push(ticket);
    }
    assert(zxid >= (this.snapshot?.zxid ?? 0), 'the log is cut before the snapshot that it goes on from');
    this.log = this.log.filter((entry) => entry.zxid <= zxid);
    return tickets;
  }

  recover(): RecoveredState {
    const { lastZxid, log, acceptedEpoch, currentEpoch } = this;
    const epoch = epochOf(lastZxid);
    return {
      lastZxid,
      recentEntries: [...log],
      snapshotZxid: this.snapshot?.zxid ?? 0,
      acceptedEpoch: acceptedEpoch ?? epoch,
      currentEpoch: currentEpoch ?? epoch,
    };
  }

  #do(operation: Operation): void {
    switch (operation.type) {
      case 'append':
        this.log.push(...operation.entries);
        return;
      case 'acceptedEpoch':
        this.acceptedEpoch = operation.epoch;
        return;
      case 'currentEpoch':
        this.currentEpoch = operation.epoch;
        return;
      case 'installSnapshot':
        this.snapshot = { zxid: operation.zxid, state: operation.state };
        this.log = [];
        return;
    }
  }
}
