import { formatZxid } from '../../common/zxid.ts';
import type { Zxid } from '../../common/zxid.ts';
import { EventType, ReplyCode } from '../../server/protocol/opcodes.ts';
import type { BoxLife, FinalState, History, OperationRecord } from '../history.ts';
import { BOXES, isBox, parentOf } from '../znodes.ts';
import { answeredBefore } from './changes.ts';

/** The end of a life, when nobody writes any more. */
export interface Rest {
  readonly sinceMs: number;
  /** Until then, everything that is due goes; by `readMs` somebody has looked. */
  readonly untilMs: number;
  readonly readMs: number;
  /** How often a leader looks for what is to go. */
  readonly reapIntervalMs: number;
  /** How far wall clocks were apart at most. */
  readonly clockSpreadMs: number;
}

/** What is known of a box; only its client changes it, one thing after the other. */
interface Box {
  readonly path: string;
  readonly life: BoxLife;
  readonly czxid: Zxid;
  /** When its last change was sent of those that were answered, and answered. */
  changeSentMs: number;
  changeAnsweredMs: number;
  /** Whether something was ever put into it, or may have been; since when it is known to be full, and may be empty again. */
  mayHaveBeenFilled: boolean;
  filledAt: Zxid;
  mayBeEmptyAfter: Zxid;
  /** Known for certain: it was filled, and is empty. */
  isEmptied: boolean;
  isKnown: boolean;
  /** The last zxid at which somebody saw it, the first at which somebody missed it, and when that was told. */
  seenAt: Zxid;
  goneBy: Zxid;
  goneMs: number;
}

/**
 * What the server takes away by itself: containers that were filled once and are empty, and znodes whose time to live is over since
 * their last change, and that are empty. Nothing else, nothing earlier; and these at some time.
 */
export function checkLifetimes(history: History, final: FinalState | undefined, rest: Rest): string[] {
  const boxes = boxesOf(history);
  noteSightings(history, boxes);
  if (final !== undefined) {
    for (const box of boxes.values()) {
      if (final.znodes.has(box.path)) box.seenAt = Math.max(box.seenAt, final.zxid);
      else miss(box, Infinity, rest.readMs);
    }
  }
  const isSettled = final !== undefined && isLedThrough(history, rest);
  const violations: string[] = [];
  for (const box of boxes.values()) {
    const flaw = flawOf(box, rest, isSettled);
    if (flaw !== undefined) violations.push(`${box.path} ${flaw}`);
  }
  return violations;
}

function flawOf(box: Box, rest: Rest, isSettled: boolean): string | undefined {
  const { life, goneBy, goneMs } = box;
  if (box.seenAt > goneBy || (box.seenAt === goneBy && goneMs !== Infinity)) {
    return `was gone by ${formatZxid(goneBy)} and seen at ${formatZxid(box.seenAt)}`;
  }
  if (goneMs === Infinity) return isSettled && isDue(box, rest) ? 'should have been taken away' : undefined;
  if (box.filledAt > 0 && box.mayBeEmptyAfter >= goneBy) {
    return `was taken away by ${formatZxid(goneBy)}, though it was filled at ${formatZxid(box.filledAt)}`;
  }
  if (life.type === 'container') {
    return box.mayHaveBeenFilled ? undefined : 'is a container that was taken away before it was ever filled';
  }
  const earliestMs = box.changeSentMs + life.ttlMs - rest.clockSpreadMs;
  if (goneMs >= earliestMs) return undefined;
  return `was gone at ${goneMs} ms, though it was changed after ${box.changeSentMs} ms and lives for ${life.ttlMs} ms`;
}

function isDue({ life, isKnown, isEmptied, filledAt, changeAnsweredMs }: Box, rest: Rest): boolean {
  if (!isKnown) return false;
  if (life.type === 'container') return isEmptied;
  return (isEmptied || filledAt === 0) && changeAnsweredMs + life.ttlMs + rest.clockSpreadMs < rest.sinceMs;
}

/** Whether one leader was there for long enough while nobody wrote. */
function isLedThrough({ leaders }: History, { sinceMs, untilMs, reapIntervalMs }: Rest): boolean {
  const last = leaders.at(-1)?.atMs ?? Infinity;
  return untilMs - Math.max(last, sinceMs) >= 2 * reapIntervalMs;
}

function boxesOf(history: History): ReadonlyMap<string, Box> {
  const boxes = new Map<string, Box>();
  const before = answeredBefore(history);
  for (const record of history.operations) {
    const { operation, outcome, invokedMs, completedMs } = record;
    if (operation.type === 'box' && outcome.type === 'done') {
      const { path = '', czxid = 0 } = outcome;
      boxes.set(path, {
        path,
        life: operation.life,
        czxid,
        changeSentMs: invokedMs,
        changeAnsweredMs: completedMs,
        mayHaveBeenFilled: false,
        filledAt: 0,
        mayBeEmptyAfter: Infinity,
        isEmptied: false,
        isKnown: true,
        seenAt: czxid,
        goneBy: Infinity,
        goneMs: Infinity,
      });
      continue;
    }
    const box = changedBox(record, boxes);
    if (box === undefined || outcome.type === 'refused') continue;
    if (outcome.type === 'unknown') box.isKnown = false;
    if (operation.type === 'fill') {
      box.mayHaveBeenFilled = true;
      box.isEmptied = false;
      if (outcome.type !== 'done') continue;
      box.filledAt = outcome.czxid ?? 0;
      box.mayBeEmptyAfter = Infinity;
      box.seenAt = Math.max(box.seenAt, box.filledAt);
    } else if (operation.type === 'clear') {
      box.mayBeEmptyAfter = Math.min(box.mayBeEmptyAfter, before(invokedMs));
      box.isEmptied = outcome.type === 'done';
    } else if (outcome.type === 'done') {
      box.changeSentMs = invokedMs;
      box.changeAnsweredMs = completedMs;
      box.seenAt = Math.max(box.seenAt, outcome.mzxid ?? 0);
    }
  }
  return boxes;
}

/** The box that an operation fills, clears or touches. */
function changedBox({ operation }: OperationRecord, boxes: ReadonlyMap<string, Box>): Box | undefined {
  switch (operation.type) {
    case 'fill':
    case 'clear':
      return boxes.get(parentOf(operation.path));
    case 'touch':
      return boxes.get(operation.path);
    default:
      return undefined;
  }
}

function miss(box: Box, zxid: Zxid, atMs: number): void {
  box.goneBy = Math.min(box.goneBy, zxid);
  box.goneMs = Math.min(box.goneMs, atMs);
}

function noteSightings({ operations, sights }: History, boxes: ReadonlyMap<string, Box>): void {
  const note = (box: Box | undefined, isThere: boolean, zxid: Zxid, atMs: number): void => {
    if (box === undefined || zxid < box.czxid) return;
    if (isThere) box.seenAt = Math.max(box.seenAt, zxid);
    else miss(box, zxid, atMs);
  };
  for (const record of operations) {
    const { operation, outcome, completedMs } = record;
    if (outcome.type === 'unknown') continue;
    const { zxid } = outcome;
    if (outcome.type === 'refused') {
      if (outcome.code !== ReplyCode.noNode) continue;
      const listed = operation.type === 'list' ? boxes.get(operation.path) : undefined;
      note(changedBox(record, boxes) ?? listed, false, zxid, completedMs);
    } else if (operation.type === 'look') {
      note(boxes.get(operation.path), outcome.exists === true, zxid, completedMs);
    } else if (operation.type === 'list' && operation.path === BOXES) {
      const names = new Set(outcome.children);
      for (const box of boxes.values()) note(box, names.has(box.path.slice(BOXES.length + 1)), zxid, completedMs);
    } else if (operation.type === 'list') {
      note(boxes.get(operation.path), true, zxid, completedMs);
    }
  }
  for (const seen of sights.values()) {
    for (const sight of seen) {
      if (sight.type !== 'event' || sight.event !== EventType.nodeDeleted || !isBox(sight.path)) continue;
      // What was missed happened before the answer that follows: its time is known, its zxid is not.
      note(boxes.get(sight.path), false, sight.zxid > 0 ? sight.zxid : Infinity, sight.atMs);
    }
  }
}
