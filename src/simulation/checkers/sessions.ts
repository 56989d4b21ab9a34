import { formatZxid } from '../../common/zxid.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { FinalState, History } from '../history.ts';

/**
 * What a session is: its writes take effect in the order in which they were sent, whichever servers they went through, and
 * each of them once; its ephemerals are gone with it; and it does not end while its client can be heard.
 * @param healedMs From when on nothing kept a client from being heard.
 */
export function checkSessions(history: History, final: FinalState | undefined, healedMs: number): string[] {
  return [
    ...checkOrderOfWrites(history, final),
    ...(final === undefined ? [] : checkEphemerals(history, final)),
    ...checkExpirations(history, healedMs),
  ];
}

/** Where a set took effect, from its answer or from whoever read its value. */
export function effectsOf(history: History): ReadonlyMap<string, ReadonlySet<Zxid>> {
  const effects = new Map<string, Set<Zxid>>();
  for (const { operation, outcome } of history.operations) {
    if (outcome.type !== 'done' || outcome.mzxid === undefined) continue;
    if (operation.type !== 'set' && operation.type !== 'get' && operation.type !== 'syncedGet') continue;
    const value = operation.type === 'set' ? operation.value : outcome.value;
    const known = effects.get(value ?? '') ?? new Set();
    effects.set(value ?? '', known.add(outcome.mzxid));
  }
  return effects;
}

/** The newest zxid at which each session was there for certain: at that of a write of its own, or of a state that it has read. */
export function aliveAt({ operations }: History): ReadonlyMap<bigint, Zxid> {
  const alive = new Map<bigint, Zxid>();
  for (const { operation, outcome, sessionId } of operations) {
    if (outcome.type !== 'done' || operation.type === 'close') continue;
    const isRead = 'watch' in operation;
    const zxid = isRead ? outcome.zxid : (outcome.czxid ?? outcome.mzxid ?? 0);
    if (zxid > (alive.get(sessionId) ?? 0)) alive.set(sessionId, zxid);
  }
  return alive;
}

/** Where each set and append took effect, as far as anybody saw it. */
function checkOrderOfWrites(history: History, final: FinalState | undefined): string[] {
  const violations: string[] = [];
  const sets = effectsOf(history);
  const appended = new Map([...(final?.znodes.values() ?? [])].map(({ value, czxid }) => [value, czxid]));
  const last = new Map<string, { value: string; zxid: Zxid }>();
  for (const { client, sessionId, operation, outcome } of history.operations) {
    if (operation.type !== 'set' && operation.type !== 'append') continue;
    const { value } = operation;
    const [set, again] = operation.type === 'set' ? (sets.get(value) ?? []) : [];
    const czxid = outcome.type === 'done' ? outcome.czxid : appended.get(value);
    const zxid = operation.type === 'set' ? set : czxid;
    if (zxid === undefined) continue;
    if (again !== undefined) {
      violations.push(`'${value}' was set at ${formatZxid(zxid)}, and again at ${formatZxid(again)}`);
    }
    const key = `${client}/${sessionId.toString(16)}`;
    const before = last.get(key);
    if (before !== undefined && zxid < before.zxid) {
      violations.push(
        `${key} wrote '${value}' at ${formatZxid(zxid)}, and '${before.value}', sent before, at ${formatZxid(before.zxid)}`,
      );
    }
    last.set(key, { value, zxid });
  }
  return violations;
}

function checkEphemerals(history: History, final: FinalState): string[] {
  const gone = new Set(history.expirations.map(({ sessionId }) => sessionId));
  for (const { operation, outcome, sessionId } of history.operations) {
    if (operation.type === 'close' && outcome.type === 'done') gone.add(sessionId);
  }
  const violations: string[] = [];
  for (const { operation, outcome, sessionId } of history.operations) {
    if (operation.type !== 'append' || !operation.ephemeral || outcome.type !== 'done') continue;
    const { path = '' } = outcome;
    if (!gone.has(sessionId) || !final.znodes.has(path)) continue;
    violations.push(`the ephemeral ${path} outlives session ${sessionId.toString(16)}`);
  }
  return violations;
}

/** A shorter timeout may end while its client looks for a server that serves, though there is no fault any more. */
const PATIENT_TIMEOUT_MS = 8_000;

/**
 * Who stood still reads, on waking, what others said before: that a session lives, too, which has expired since. And a leader that is
 * none any more says so itself until it has looked, at the end of a tick, who still follows it.
 */
const WAKING_MS = 1_000;

function checkExpirations({ expirations }: History, healedMs: number): string[] {
  return expirations
    .filter(({ timeoutMs, heldSinceMs }) => timeoutMs >= PATIENT_TIMEOUT_MS && heldSinceMs > healedMs + WAKING_MS)
    .map(
      ({ client, heldSinceMs, toldMs }) =>
        `${client} was told at ${toldMs} ms that its session has expired, which had been held since ${heldSinceMs} ms without any fault`,
    );
}
