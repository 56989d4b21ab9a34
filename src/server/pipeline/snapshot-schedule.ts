import type { Random } from '../../common/types.ts';

/** After how much of the log a snapshot is due, whichever comes first. */
export interface SnapshotLimits {
  readonly transactions: number;
  readonly bytes: number;
}

/** Decides when a snapshot is due: after between half and all of so many transactions or bytes, so that members take turns. */
export class SnapshotSchedule {
  readonly #limits: SnapshotLimits;
  readonly #random: Random;
  #transactionsLeft = 0;
  #bytesLeft = 0;
  #saving = false;

  constructor(limits: SnapshotLimits, random: Random) {
    this.#limits = limits;
    this.#random = random;
    this.#draw();
  }

  /** A committed transaction was applied, which took so many bytes of the log. */
  count(bytes: number): void {
    this.#transactionsLeft--;
    this.#bytesLeft -= bytes;
  }

  /** True once when a snapshot is due; not again before it is {@link saved}. */
  isDue(): boolean {
    if ((this.#transactionsLeft > 0 && this.#bytesLeft > 0) || this.#saving) return false;
    this.#draw();
    this.#saving = true;
    return true;
  }

  saved(): void {
    this.#saving = false;
  }

  #draw(): void {
    const share = 0.5 + this.#random.next() / 2;
    const { transactions, bytes } = this.#limits;
    this.#transactionsLeft = Math.max(1, Math.floor(transactions * share));
    this.#bytesLeft = bytes * share;
  }
}
