import type { LearnerConnection } from '../../zab/types.ts';
import { Summary } from './summary.ts';

type Way = 'diff' | 'snapshot';

interface Synchronization {
  readonly sinceMs: number;
  way: Way | undefined;
}

/** Measures, on a leader, how learners are brought up to date. */
export class LearnerSyncMeter {
  /** From connected to up to date, in milliseconds. */
  readonly durationMs = new Summary();
  /** How many are brought up to date in this way, each time that one begins. */
  readonly underWay: Readonly<Record<Way, Summary>> = { diff: new Summary(), snapshot: new Summary() };
  /** How many have begun to be. */
  readonly begun: Record<Way, number> = { diff: 0, snapshot: 0 };
  readonly #synchronizations = new Map<LearnerConnection, Synchronization>();

  connected(connection: LearnerConnection, nowMs: number): void {
    this.#synchronizations.set(connection, { sinceMs: nowMs, way: undefined });
  }

  begins(connection: LearnerConnection, way: Way): void {
    this.begun[way]++;
    const synchronization = this.#synchronizations.get(connection);
    if (synchronization !== undefined) synchronization.way = way;
    let underWay = 0;
    for (const each of this.#synchronizations.values()) if (each.way === way) underWay++;
    this.underWay[way].record(underWay);
  }

  upToDate(connection: LearnerConnection, nowMs: number): void {
    const synchronization = this.#synchronizations.get(connection);
    if (synchronization === undefined) return;
    this.#synchronizations.delete(connection);
    this.durationMs.record(nowMs - synchronization.sinceMs);
  }

  closed(connection: LearnerConnection): void {
    this.#synchronizations.delete(connection);
  }
}
