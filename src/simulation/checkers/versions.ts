import type { Zxid } from '../../common/zxid.ts';
import { formatZxid } from '../../common/zxid.ts';
import { ReplyCode } from '../../server/protocol/opcodes.ts';
import type { History, OperationRecord } from '../history.ts';

/** A version of a register that somebody was told of: where it began, and the newest state in which it was still seen. */
interface Version {
  readonly version: number;
  readonly mzxid: Zxid;
  readonly seenAt: Zxid;
}

/**
 * What locks and counters are made of: each change makes the next version, one change each version; a set that asks for a version
 * takes effect on that one and no other, and is refused only where it is not there (any more).
 */
export function checkVersions({ operations }: History): string[] {
  const violations: string[] = [];
  const versions = versionsOf(operations);
  for (const [path, list] of versions) violations.push(...checkNumbers(path, list));
  const conditions = new Map<string, number>();
  for (const { operation } of operations) {
    if (operation.type === 'set' && operation.version >= 0) conditions.set(operation.value, operation.version);
  }
  for (const { client, operation, outcome } of operations) {
    if (operation.type === 'set' && outcome.type === 'refused' && outcome.code === ReplyCode.badVersion) {
      const still = versions
        .get(operation.path)
        ?.find(({ version, seenAt }) => version <= operation.version && seenAt >= outcome.zxid);
      if (still === undefined) continue;
      violations.push(
        `${client} was refused a set of ${operation.path} as of version ${operation.version} at ${formatZxid(outcome.zxid)}, ` +
          `though it was at version ${still.version} at ${formatZxid(still.seenAt)}`,
      );
    }
    const value = operation.type === 'set' ? operation.value : outcome.type === 'done' ? outcome.value : undefined;
    const asked = conditions.get(value ?? '');
    if (asked === undefined || outcome.type !== 'done' || outcome.version === asked + 1) continue;
    violations.push(
      `${client} was told that '${value}', which was for version ${asked}, is version ${outcome.version}`,
    );
  }
  return violations;
}

function versionsOf(operations: readonly OperationRecord[]): ReadonlyMap<string, readonly Version[]> {
  const versions = new Map<string, Version[]>();
  for (const { operation, outcome } of operations) {
    if (operation.type !== 'set' && operation.type !== 'get' && operation.type !== 'syncedGet') continue;
    if (outcome.type !== 'done' || outcome.version === undefined || outcome.mzxid === undefined) continue;
    const { version, mzxid } = outcome;
    const list = versions.get(operation.path) ?? [];
    versions.set(operation.path, list);
    // The answer to a write tells of its own moment, that to a read of the state in which it was read.
    list.push({ version, mzxid, seenAt: operation.type === 'set' ? mzxid : outcome.zxid });
  }
  for (const list of versions.values()) list.sort((a, b) => a.mzxid - b.mzxid || a.version - b.version);
  return versions;
}

function checkNumbers(path: string, versions: readonly Version[]): string[] {
  const violations: string[] = [];
  for (const [index, { version, mzxid }] of versions.entries()) {
    const before = versions[index - 1];
    if (before === undefined) continue;
    if (mzxid === before.mzxid ? version === before.version : version > before.version) continue;
    violations.push(
      `${path} is at version ${before.version} of ${formatZxid(before.mzxid)} and at version ${version} of ${formatZxid(mzxid)}`,
    );
  }
  return violations;
}
