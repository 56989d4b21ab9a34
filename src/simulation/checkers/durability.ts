import type { FinalState, History, OperationRecord } from '../history.ts';

/** Nothing acknowledged is lost: every write that was answered is in the final state, or was written over by a later one. */
export function checkDurability(history: History, final: FinalState): string[] {
  const violations: string[] = [];
  const deleted = deletedPaths(history);
  for (const record of history.operations) {
    if (record.outcome.type !== 'done') continue;
    const problem = lost(record, final, deleted, history.expiredSessions);
    if (problem !== undefined) violations.push(`${record.client} at ${record.completedMs} ms: ${problem}`);
  }
  return violations;
}

/** Paths for which a delete was sent and not refused: it may have happened. */
function deletedPaths(history: History): ReadonlySet<string> {
  const paths = new Set<string>();
  for (const { operation, outcome } of history.operations) {
    if (operation.type === 'delete' && outcome.type !== 'refused') paths.add(operation.path);
  }
  return paths;
}

function lost(
  record: OperationRecord,
  final: FinalState,
  deleted: ReadonlySet<string>,
  expired: ReadonlySet<bigint>,
): string | undefined {
  const { operation, outcome } = record;
  if (outcome.type !== 'done') return undefined;
  switch (operation.type) {
    case 'set':
      return lostSet(operation.path, operation.value, outcome.version ?? -1, final);
    case 'multi': {
      for (const path of operation.paths) {
        const znode = final.znodes.get(path);
        if (znode === undefined || znode.mzxid < outcome.zxid)
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
      if (deleted.has(path) || (operation.ephemeral && expired.has(record.sessionId))) return undefined;
      return `the create of ${path} was acknowledged and is lost`;
    }
    case 'delete':
      return final.znodes.has(operation.path)
        ? `the delete of ${operation.path} was acknowledged and is lost`
        : undefined;
    case 'get':
    case 'syncedGet':
    case 'list':
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
