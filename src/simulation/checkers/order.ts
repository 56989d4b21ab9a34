import type { Zxid } from '../../common/zxid.ts';
import { formatZxid } from '../../common/zxid.ts';
import type { History, OperationRecord } from '../history.ts';
import { effectsOf } from './sessions.ts';

/**
 * What ZooKeeper promises about order: within a session nothing goes backwards; over sessions a write, or a read behind
 * a `sync`, that began after a write was acknowledged, or read by anybody, comes after it (linearizable writes and synced reads).
 */
export function checkOrder(history: History): string[] {
  return [...checkAnswers(history), ...checkRealTime(history), ...checkZxids(history), ...checkVersions(history)];
}

function checkAnswers(history: History): string[] {
  const violations: string[] = [];
  const last = new Map<string, { order: number; zxid: Zxid; seen: Map<string, Zxid> }>();
  const answered = history.operations.filter((record) => record.answerOrder >= 0);
  const bySession = answered.toSorted((a, b) => a.answerOrder - b.answerOrder);
  for (const record of bySession) {
    if (record.outcome.type === 'unknown') continue;
    const key = `${record.client}/${record.sessionId.toString(16)}`;
    const state = last.get(key) ?? { order: -1, zxid: 0, seen: new Map<string, Zxid>() };
    last.set(key, state);
    const { zxid } = record.outcome;
    if (zxid < state.zxid) {
      violations.push(`${key} was answered at ${formatZxid(zxid)} after ${formatZxid(state.zxid)}`);
    }
    state.zxid = Math.max(state.zxid, zxid);
    const read = touched(record);
    if (read === undefined) continue;
    const before = state.seen.get(read.path) ?? 0;
    if (read.mzxid < before) {
      violations.push(`${key} saw ${read.path} at ${formatZxid(read.mzxid)} after ${formatZxid(before)}`);
    }
    state.seen.set(read.path, Math.max(before, read.mzxid));
  }
  return violations;
}

/** The path and the zxid of its last change that an answer tells of. */
function touched(record: OperationRecord): { path: string; mzxid: Zxid } | undefined {
  const { operation, outcome } = record;
  if (outcome.type !== 'done' || outcome.mzxid === undefined) return undefined;
  if (operation.type !== 'set' && operation.type !== 'get' && operation.type !== 'syncedGet') return undefined;
  return { path: operation.path, mzxid: outcome.mzxid };
}

/** The same of a set that was not answered, but read by somebody. */
function effectOf(
  { operation, outcome }: OperationRecord,
  effects: ReadonlyMap<string, ReadonlySet<Zxid>>,
): { path: string; mzxid: Zxid } | undefined {
  if (operation.type !== 'set' || outcome.type !== 'unknown') return undefined;
  const [mzxid] = effects.get(operation.value) ?? [];
  return mzxid === undefined ? undefined : { path: operation.path, mzxid };
}

function checkRealTime(history: History): string[] {
  const violations: string[] = [];
  const byPath = new Map<string, { record: OperationRecord; mzxid: Zxid }[]>();
  const effects = effectsOf(history);
  for (const record of history.operations) {
    const at = touched(record) ?? effectOf(record, effects);
    if (at === undefined) continue;
    const list = byPath.get(at.path) ?? [];
    list.push({ record, mzxid: at.mzxid });
    byPath.set(at.path, list);
  }
  for (const [path, list] of byPath) {
    // A read tells of what is committed as much as the answer to a write does.
    const completed = list.toSorted((a, b) => a.record.completedMs - b.record.completedMs);
    const begun = list.toSorted((a, b) => a.record.invokedMs - b.record.invokedMs);
    let next = 0;
    let newest = 0;
    for (const { record, mzxid } of begun) {
      for (
        let other = completed[next];
        other !== undefined && other.record.completedMs < record.invokedMs;
        other = completed[++next]
      ) {
        newest = Math.max(newest, other.mzxid);
      }
      const isWrite = record.operation.type === 'set';
      if (record.operation.type === 'get' || (isWrite ? mzxid > newest : mzxid >= newest)) continue;
      violations.push(
        `${record.client} ${record.operation.type} ${path}, begun at ${record.invokedMs} ms, is at ${formatZxid(mzxid)}, ` +
          `though ${formatZxid(newest)} was acknowledged or read before`,
      );
    }
  }
  return violations;
}

/** Whatever zxid anybody was answered at, a synced read that begins later is answered there or later, and a write takes effect later. */
function checkZxids(history: History): string[] {
  const violations: string[] = [];
  const answered = history.operations.filter(({ outcome }) => outcome.type !== 'unknown');
  const completed = answered.toSorted((a, b) => a.completedMs - b.completedMs);
  let next = 0;
  let newest = 0;
  for (const record of answered) {
    for (
      let other = completed[next];
      other !== undefined && other.completedMs < record.invokedMs;
      other = completed[++next]
    ) {
      if (other.outcome.type !== 'unknown') newest = Math.max(newest, other.outcome.zxid);
    }
    const { client, operation, invokedMs, outcome } = record;
    if (outcome.type !== 'done') continue;
    const isRead = operation.type === 'syncedGet';
    const zxid = isRead ? outcome.zxid : (outcome.czxid ?? (operation.type === 'set' ? outcome.mzxid : undefined));
    if (zxid === undefined || (isRead ? zxid >= newest : zxid > newest)) continue;
    violations.push(
      `${client} ${operation.type}, begun at ${invokedMs} ms, is at ${formatZxid(zxid)}, ` +
        `though somebody was answered at ${formatZxid(newest)} before`,
    );
  }
  return violations;
}

/** One value for each version of a znode, and no value that nobody wrote. */
function checkVersions(history: History): string[] {
  const violations: string[] = [];
  const written = new Set<string>();
  for (const { operation, outcome } of history.operations) {
    if (outcome.type === 'refused') continue;
    if (operation.type === 'set') written.add(`${operation.path} ${operation.value}`);
    if (operation.type === 'multi') for (const path of operation.paths) written.add(`${path} ${operation.value}`);
  }
  const values = new Map<string, string>();
  for (const { operation, outcome, client } of history.operations) {
    if (outcome.type !== 'done' || outcome.mzxid === undefined || outcome.version === undefined) continue;
    if (operation.type !== 'set' && operation.type !== 'get' && operation.type !== 'syncedGet') continue;
    const value = operation.type === 'set' ? operation.value : (outcome.value ?? '');
    if (outcome.version > 0 && !written.has(`${operation.path} ${value}`)) {
      violations.push(`${client} read '${value}' from ${operation.path}, which nobody wrote`);
    }
    const key = `${operation.path} at ${formatZxid(outcome.mzxid)}`;
    const other = values.get(key);
    if (other !== undefined && other !== value) violations.push(`${key} is both '${other}' and '${value}'`);
    values.set(key, value);
  }
  return violations;
}
