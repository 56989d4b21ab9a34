import type { SnapshotSource, StorageOperation } from './types.ts';

/** Puts the initial state before the first log entry that an empty disk gets; see StorageEvents.initialState. */
export class InitialState {
  readonly #initialState: () => SnapshotSource;
  #needed = false;

  constructor(initialState: () => SnapshotSource) {
    this.#initialState = initialState;
  }

  /** What a recovery found. */
  recovered(snapshotZxid: number | undefined, empty: boolean): void {
    this.#needed = empty && snapshotZxid === undefined;
  }

  /** The operations, with the initial state among them where it is needed. */
  before(operations: readonly StorageOperation[]): readonly StorageOperation[] {
    if (!this.#needed) return operations;
    const first = operations.findIndex(({ type }) => type === 'append' || type === 'installSnapshot');
    if (first === -1) return operations;
    this.#needed = false;
    if (operations[first]?.type === 'installSnapshot') return operations;
    const initial: StorageOperation = { type: 'installSnapshot', source: this.#initialState() };
    return [...operations.slice(0, first), initial, ...operations.slice(first)];
  }
}
