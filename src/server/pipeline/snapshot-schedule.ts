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
  #left: SnapshotLimits;
  #saving = false;

  constructor(limits: SnapshotLimits, random: Random) {
    this.#limits = limits;
    this.#random = random;
    this.#left = this.#draw();
  }

  /** A committed transaction was applied, which took so many bytes of the log. */
  count(bytes: number): void {
    this.#left = { transactions: this.#left.transactions - 1, bytes: this.#left.bytes - bytes };
  }

  /** True once when a snapshot is due; not again before it is {@link saved}. */
  isDue(): boolean {
    const { transactions, bytes } = this.#left;
    if ((transactions > 0 && bytes > 0) || this.#saving) return false;
    this.#left = this.#draw();
    this.#saving = true;
    return true;
  }

  saved(): void {
    this.#saving = false;
  }

  #draw(): SnapshotLimits {
    const share = 0.5 + this.#random.next() / 2;
    const { transactions, bytes } = this.#limits;
    return { transactions: Math.max(1, Math.floor(transactions * share)), bytes: bytes * share };
  }
}
