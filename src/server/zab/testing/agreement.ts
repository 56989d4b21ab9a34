import { assert } from '../../../common/errors.ts';
import type { LogEntry } from '../../protocol/transactions.ts';
import type { TestServer } from './test-server.ts';
import { showEntry } from './trace.ts';

/**
 * Watches a cluster: whatever any server delivered as committed is the same everywhere, and is part of the state of everyone that
 * serves.
 */
export class Agreement {
  /** What was committed, in order, as far as any server has seen it. */
  readonly chosen: LogEntry[] = [];

  /**
   * A server has delivered an entry as committed, or begins to serve (`began`).
   * @throws CodedError ZK_ASSERTION where it contradicts what was committed before.
   */
  check(server: TestServer, began: boolean): void {
    // A leader that begins has everything; one that has been replaced without knowing it may see a late commit.
    const isNewLeader = began && server.role.state === 'leading';
    const { state } = server;
    const known = Math.min(state.length, this.chosen.length);
    for (let i = 0; i < known; i++) {
      const [have, want] = [state[i], this.chosen[i]];
      assert(have !== undefined && want !== undefined, 'the index is in both');
      assert(showEntry(have) === showEntry(want), `server ${server.id} has ${showEntry(have)} for ${showEntry(want)}`);
    }
    assert(!isNewLeader || state.length >= this.chosen.length, `leader ${server.id} lost what was committed`);
    this.chosen.push(...state.slice(known));
  }
}
