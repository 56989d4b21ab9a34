import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { createDatabase } from '../database/database.ts';
import { JuteWriter } from '../protocol/jute-writer.ts';
import { writeMultiRequest } from '../protocol/multi.ts';
import { OpCode } from '../protocol/opcodes.ts';
import type { Txn, TxnHeader } from '../protocol/transactions.ts';
import { createAccess } from './access.ts';
import { Preparer } from './prepare.ts';
import { LOCAL_OWNER, SessionTracker } from './session-tracker.ts';
import { operation } from './testing/arbitraries.ts';

const SESSIONS = [1n, 2n] as const;
const LAG_MAX = 6;

const event = fc.record({
  session: fc.constantFrom(...SESSIONS),
  /** What one request asks for, all or nothing. */
  operations: fc.array(operation, { minLength: 1, maxLength: 4 }),
  closes: fc.nat(15).map((luck) => luck === 0),
  /** How many proposals are under way at most when the next request is prepared. */
  lag: fc.nat(LAG_MAX),
});

/** A leader's preparing, with a database that is given what was proposed whenever the test says so. */
class Leader {
  readonly #database = createDatabase({ watchSink: () => undefined });
  readonly #sessions = new SessionTracker(2000);
  readonly #preparer: Preparer;
  readonly #underWay: { readonly header: TxnHeader; readonly txn: Txn }[] = [];

  constructor() {
    const settings = { extendedTypesEnabled: false };
    this.#preparer = new Preparer(this.#database, this.#sessions, createAccess(false), settings);
    for (const session of SESSIONS) this.track(session);
  }

  track(session: bigint): void {
    this.#sessions.remove(session);
    this.#sessions.track(session, 10_000, 0);
    this.#sessions.setOwner(session, LOCAL_OWNER);
  }

  propose(zxid: number, { session, operations, closes }: typeof event extends fc.Arbitrary<infer T> ? T : never): Txn {
    const writer = new JuteWriter();
    writeMultiRequest(writer, operations);
    const request = { sessionId: session, cxid: 1, type: OpCode.multi, bytes: writer.copy(), offset: 0 };
    const txn = closes
      ? this.#preparer.prepareCloseSession(session, zxid)
      : this.#preparer.prepare({ ...request, identities: [], owner: LOCAL_OWNER }, zxid, 0);
    // The session begins anew, so that there is more to see than its end.
    if (closes) this.track(session);
    this.#underWay.push({ header: { sessionId: session, cxid: 1, zxid, timeMs: 0, type: txn.type }, txn });
    return txn;
  }

  /** Applies the oldest proposals until no more than `lag` are under way. */
  apply(lag: number): void {
    for (const { header, txn } of this.#underWay.splice(0, Math.max(0, this.#underWay.length - lag))) {
      this.#database.apply(header, txn);
      this.#preparer.changes.applied(header.zxid);
    }
  }
}

/** The order in which a session's ephemerals die does not matter. */
function comparable(txn: Txn): Txn {
  return txn.type === OpCode.closeSession ? { ...txn, paths: txn.paths?.toSorted() ?? null } : txn;
}

test('a request becomes the same transaction however many of those before it are still to be applied', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const [prompt, late] = [new Leader(), new Leader()];
      for (const [i, next] of events.entries()) {
        const zxid = 2 ** 32 + i + 1;
        assert.deepEqual(comparable(late.propose(zxid, next)), comparable(prompt.propose(zxid, next)));
        prompt.apply(0);
        late.apply(next.lag);
      }
    }),
    { numRuns: 500 },
  );
});
