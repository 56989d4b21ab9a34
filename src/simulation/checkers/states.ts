import type { Zxid } from '../../common/zxid.ts';
import { formatZxid } from '../../common/zxid.ts';
import type { History, OperationRecord } from '../history.ts';
import { parentOf } from '../znodes.ts';
import { aliveAt } from './sessions.ts';

/**
 * A state is what its zxid says: whoever is answered at a zxid sees everything that was acknowledged up to there, and nothing
 * of what comes later, on whichever server.
 */
export function checkStates(history: History): string[] {
  return [...checkRegisters(history), ...checkLists(history)];
}

function checkRegisters(history: History): string[] {
  const violations: string[] = [];
  const writes = new Map<string, Zxid[]>();
  for (const { operation, outcome } of history.operations) {
    if (outcome.type !== 'done' || outcome.mzxid === undefined) continue;
    const paths = operation.type === 'set' ? [operation.path] : operation.type === 'multi' ? operation.paths : [];
    for (const path of paths) {
      const list = writes.get(path) ?? [];
      list.push(outcome.mzxid);
      writes.set(path, list);
    }
  }
  for (const list of writes.values()) list.sort((a, b) => a - b);
  for (const { client, operation, outcome } of history.operations) {
    if (outcome.type !== 'done' || outcome.mzxid === undefined) continue;
    if (operation.type !== 'get' && operation.type !== 'syncedGet') continue;
    const { zxid, mzxid } = outcome;
    const newest = writes.get(operation.path)?.findLast((write) => write <= zxid) ?? 0;
    if (mzxid >= newest && mzxid <= zxid) continue;
    violations.push(
      `${client} saw ${operation.path} of ${formatZxid(mzxid)} at ${formatZxid(zxid)}, though it was set at ${formatZxid(newest)}`,
    );
  }
  return violations;
}

/** What is known of a znode in the queue. */
interface Znode {
  readonly path: string;
  readonly czxid: Zxid;
  /** It may be gone from this zxid on, and is gone for certain from that one on; Infinity for never. */
  mayBeGoneFrom: Zxid;
  goneFrom: Zxid;
}

function checkLists(history: History): string[] {
  const violations: string[] = [];
  const znodes = znodesOf(history);
  for (const record of history.operations) {
    const { client, operation, outcome } = record;
    if (operation.type !== 'list' || outcome.type !== 'done') continue;
    const { zxid } = outcome;
    const children = new Set(outcome.children?.map((name) => `${operation.path}/${name}`));
    for (const { path, czxid, mayBeGoneFrom, goneFrom } of znodes) {
      if (parentOf(path) !== operation.path) continue;
      const isThere = children.has(path);
      if (!isThere && czxid <= zxid && zxid < mayBeGoneFrom) {
        violations.push(`${client} did not see ${path} of ${formatZxid(czxid)} at ${formatZxid(zxid)}`);
      } else if (isThere && czxid > zxid) {
        violations.push(`${client} saw ${path} of ${formatZxid(czxid)} at ${formatZxid(zxid)} already`);
      } else if (isThere && zxid >= goneFrom) {
        violations.push(`${client} saw ${path} at ${formatZxid(zxid)}, though it was gone by ${formatZxid(goneFrom)}`);
      }
    }
  }
  return violations;
}

function znodesOf(history: History): readonly Znode[] {
  const znodes = new Map<string, Znode>();
  const alive = aliveAt(history);
  const ephemerals = new Map<bigint, Znode[]>();
  const created = history.operations.filter(({ operation }) => operation.type === 'append');
  for (const { operation, outcome, sessionId } of created) {
    if (operation.type !== 'append' || outcome.type !== 'done') continue;
    const { path = '', czxid = 0 } = outcome;
    // A session may expire at any time after its client was last answered, who hears of it later.
    const mayBeGoneFrom = operation.ephemeral ? Math.max(czxid, alive.get(sessionId) ?? 0) + 1 : Infinity;
    const znode: Znode = { path, czxid, mayBeGoneFrom, goneFrom: Infinity };
    znodes.set(path, znode);
    if (operation.ephemeral) ephemerals.set(sessionId, [...(ephemerals.get(sessionId) ?? []), znode]);
  }
  for (const record of history.operations) {
    const { operation, outcome, sessionId } = record;
    if (outcome.type === 'refused') continue;
    const gone = operation.type === 'delete' ? [znodes.get(operation.path)] : [];
    if (operation.type === 'close') gone.push(...(ephemerals.get(sessionId) ?? []));
    for (const znode of gone) {
      if (znode === undefined) continue;
      // Of a client that ends its session, everything that it was answered before was sent before.
      if (operation.type === 'delete') znode.mayBeGoneFrom = znode.czxid;
      if (outcome.type === 'done') znode.goneFrom = Math.min(znode.goneFrom, goneBy(record));
    }
  }
  return [...znodes.values()];
}

/** The answer may have waited for others: it is of the zxid of the change, or of a later one. */
function goneBy({ outcome }: OperationRecord): Zxid {
  return outcome.type === 'unknown' ? Infinity : outcome.zxid;
}
