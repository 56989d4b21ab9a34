import type { Random } from '../../common/types.ts';

/** Decides when a snapshot is due: after between half and all of so many transactions, so that members take turns. */
export class SnapshotSchedule {
  readonly #everyTransactions: number;
  readonly #random: Random;
  #left: number;
  #saving = false;

  constructor(everyTransactions: number, random: Random) {
    this.#everyTransactions = everyTransactions;
    this.#random = random;
    this.#left = this.#draw();
  }

  /** A committed transaction was applied. */
  count(): void {
    this.#left--;
  }

  /** True once when a snapshot is due; not again before it is {@link saved}. */
  isDue(): boolean {
    if (this.#left > 0 || this.#saving) return false;
    this.#left = this.#draw();
    this.#saving = true;
    return true;
  }

  saved(): void {
    this.#saving = false;
  }

  #draw(): number {
    const half = this.#everyTransactions / 2;
    return Math.max(1, Math.floor(half + this.#random.next() * half));
  }
}
