import type { Reconfiguration } from '../plan/model.ts';
import { canonicalJson } from '../resources/fingerprint.ts';
import type { ReconfigureOutcome } from './reconfigure.ts';

/** As often in a row the same may come to nothing, as where a leader goes or hands over at that moment, before it is told. */
const UNTOLD_MAX = 4;

interface Attempts {
  readonly change: string;
  readonly count: number;
}

/**
 * Tells a reconfiguration that comes to nothing again and again, since nobody lets the operator through to the members for instance,
 * from one that did once: whether it was done or not shows in the version, and then it is not asked for again.
 */
export class VainReconfigurations {
  readonly #attempts = new Map<string, Attempts>();

  /** The outcome, in the light of those before it. */
  judge(
    ownerUid: string,
    { joining, leaving, version }: Reconfiguration,
    outcome: ReconfigureOutcome,
  ): ReconfigureOutcome {
    const before = this.#attempts.get(ownerUid);
    this.forget(ownerUid);
    if (outcome.result !== 'unknown') return outcome;
    const change = canonicalJson({ joining, leaving, version });
    const count = before?.change === change ? before.count + 1 : 1;
    this.#attempts.set(ownerUid, { change, count });
    return count > UNTOLD_MAX ? { ...outcome, result: 'inVain' } : outcome;
  }

  /** Forgets an ensemble that is gone. */
  forget(ownerUid: string): void {
    this.#attempts.delete(ownerUid);
  }
}
