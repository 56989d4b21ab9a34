import { formatZxid } from '../../common/zxid.ts';
import { ReplyCode } from '../../server/protocol/opcodes.ts';
import type { FinalState, History, Operation, OperationRecord } from '../history.ts';
import { isBox } from '../znodes.ts';

/**
 * Nothing acknowledged is lost: every write that was answered is in the final state, or was written over by a later one. And
 * nothing is there twice, or though it was refused.
 */
export function checkDurability(history: History, final: FinalState): string[] {
  const violations: string[] = [];
  const deleted = deletedPaths(history);
  const ended = endedSessions(history);
  for (const record of history.operations) {
    if (record.outcome.type !== 'done') continue;
    const problem = lost(record, final, deleted, ended);
    if (problem !== undefined) violations.push(`${record.client} at ${record.completedMs} ms: ${problem}`);
  }
  return [...violations, ...checkAppends(history, final)];
}

/**
 * Nobody is refused what is possible: all that the workload asks for is, but for a session that has ended or moved; for what
 * the server itself has taken away, which `lifetimes` judges; and for a set of a version that is no more, which `versions` judges.
 */
export function checkRefusals({ operations }: History): string[] {
  const violations: string[] = [];
  for (const { client, operation, outcome } of operations) {
    if (outcome.type !== 'refused') continue;
    if (outcome.code === ReplyCode.sessionExpired || outcome.code === ReplyCode.sessionMoved) continue;
    if (outcome.code === ReplyCode.noNode && isOfBox(operation)) continue;
    if (outcome.code === ReplyCode.badVersion && operation.type === 'set' && operation.version >= 0) continue;
    violations.push(
      `${client} was refused a ${operation.type} with code ${outcome.code} at ${formatZxid(outcome.zxid)}`,
    );
  }
  return violations;
}

function isOfBox(operation: Operation): boolean {
  if (operation.type === 'fill') return true;
  return (operation.type === 'touch' || operation.type === 'list') && isBox(operation.path);
}

/** Every append is for one znode at most, and for none if it was refused. */
function checkAppends(history: History, final: FinalState): string[] {
  const violations: string[] = [];
  const places = new Map<string, string>();
  for (const [path, { value }] of final.znodes) {
    if (!path.includes('/n-')) continue;
    const other = places.get(value);
    if (other !== undefined) violations.push(`'${value}' was appended once and is at ${other} and at ${path}`);
    places.set(value, path);
  }
  for (const { client, operation, outcome } of history.operations) {
    if (operation.type !== 'append' || outcome.type !== 'refused') continue;
    const path = places.get(operation.value);
    if (path !== undefined)
      violations.push(`the append of '${operation.value}' by ${client} was refused and is at ${path}`);
  }
  return violations;
}

/** Sessions that are no more, or of which that was asked. */
export function endedSessions(history: History): ReadonlySet<bigint> {
  const ended = new Set(history.expirations.map(({ sessionId }) => sessionId));
  for (const { operation, sessionId } of history.operations) if (operation.type === 'close') ended.add(sessionId);
  return ended;
}

/** Paths for which a delete was sent and not refused: it may have happened. */
function deletedPaths(history: History): ReadonlySet<string> {
  const paths = new Set<string>();
  for (const { operation, outcome } of history.operations) {
    if (operation.type !== 'delete' && operation.type !== 'clear') continue;
    if (outcome.type !== 'refused') paths.add(operation.path);
  }
  return paths;
}

function lost(
  record: OperationRecord,
  final: FinalState,
  deleted: ReadonlySet<string>,
  ended: ReadonlySet<bigint>,
): string | undefined {
  const { operation, outcome } = record;
  if (outcome.type !== 'done') return undefined;
  switch (operation.type) {
    case 'set':
      return lostSet(operation.path, operation.value, outcome.version ?? -1, final);
    case 'multi': {
      for (const path of operation.paths) {
        const znode = final.znodes.get(path);
        if (znode === undefined || outcome.mzxid === undefined || znode.mzxid < outcome.mzxid)
          return `the multi over ${path} was acknowledged and is lost`;
      }
      return undefined;
    }
    case 'append': {
      const path = outcome.path ?? '';
      const znode = final.znodes.get(path);
      if (znode !== undefined) {
        return znode.value === operation.value
          ? undefined
          : `${path} was created as '${operation.value}' and is '${znode.value}'`;
      }
      if (deleted.has(path) || (operation.ephemeral && ended.has(record.sessionId))) return undefined;
      return `the create of ${path} was acknowledged and is lost`;
    }
    case 'delete':
      return final.znodes.has(operation.path)
        ? `the delete of ${operation.path} was acknowledged and is lost`
        : undefined;
    case 'fill': {
      const { path, value } = operation;
      const znode = final.znodes.get(path);
      if (deleted.has(path)) return undefined;
      return znode?.value === value ? undefined : `the create of ${path} as '${value}' was acknowledged and is lost`;
    }
    case 'touch':
      // Where it is gone, the server has taken it away.
      if (!final.znodes.has(operation.path)) return undefined;
      return lostSet(operation.path, operation.value, outcome.version ?? -1, final);
    case 'box':
    case 'clear':
    case 'get':
    case 'syncedGet':
    case 'list':
    case 'look':
    case 'watch':
    case 'close':
      return undefined;
  }
}

function lostSet(path: string, value: string, version: number, final: FinalState): string | undefined {
  const znode = final.znodes.get(path);
  if (znode === undefined) return `${path} was set to '${value}' and is gone`;
  if (znode.version < version)
    return `${path} was set to '${value}' as version ${version} and is at version ${znode.version}`;
  if (znode.version === version && znode.value !== value)
    return `${path} version ${version} was '${value}' and is '${znode.value}'`;
  return undefined;
}
