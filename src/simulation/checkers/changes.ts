import type { Zxid } from '../../common/zxid.ts';
import { EventType } from '../../server/protocol/opcodes.ts';
import type { History, OperationRecord } from '../history.ts';
import { parentOf } from '../znodes.ts';
import { endedSessions } from './durability.ts';
import { aliveAt, effectsOf } from './sessions.ts';

/** A change of a znode, as an event tells of it: at one zxid behind `after` and not behind `by`. */
export interface Change {
  /** An EventType. */
  readonly type: number;
  readonly path: string;
  readonly after: Zxid;
  readonly by: Zxid;
}

const { nodeCreated, nodeDeleted, nodeDataChanged, nodeChildrenChanged } = EventType;

/** What clients were told, and what they asked for, says which changes there were, and which there may have been. */
export class Changes {
  /** By path, in the order of `by`. */
  readonly #certain = new Map<string, Change[]>();
  readonly #possible = new Map<string, Change[]>();
  /** Creations that may have been, of znodes whose names nobody was told, and which may go by themselves or not. */
  readonly #nameless: { readonly prefix: string; readonly after: Zxid; readonly goes: boolean }[] = [];
  readonly #created = new Set<string>();
  readonly #answeredBefore: (ms: number) => Zxid;

  constructor(history: History) {
    this.#answeredBefore = answeredBefore(history);
    const effects = effectsOf(history);
    for (const record of history.operations) if (record.outcome.type !== 'refused') this.#note(record, effects);
    this.#noteEphemerals(history);
    for (const changes of this.#certain.values()) changes.sort((a, b) => a.by - b.by);
  }

  /** What happened for certain at a path, its children included, or at all paths below one as well. */
  at(path: string, isRecursive: boolean): readonly Change[] {
    if (!isRecursive) return this.#certain.get(path) ?? [];
    const below = [...this.#certain].filter(([each]) => each === path || each.startsWith(`${path}/`));
    return below.flatMap(([, changes]) => changes).toSorted((a, b) => a.by - b.by);
  }

  /** Whether there may have been such a change behind `after` and not behind `by`. */
  mayHaveBeen(type: number, path: string, after: Zxid, by: Zxid): boolean {
    const fits = (change: Change): boolean => change.type === type && change.by > after && change.after < by;
    if (this.#certain.get(path)?.some(fits) === true || this.#possible.get(path)?.some(fits) === true) return true;
    return this.#nameless.some((create) => {
      if (create.after >= by) return false;
      if (type === nodeChildrenChanged) return parentOf(create.prefix) === path;
      if (!path.startsWith(create.prefix) || this.#created.has(path)) return false;
      return type === nodeCreated || (type === nodeDeleted && create.goes);
    });
  }

  #note(record: OperationRecord, effects: ReadonlyMap<string, ReadonlySet<Zxid>>): void {
    const { operation, outcome, invokedMs } = record;
    const done = outcome.type === 'done' ? outcome : undefined;
    switch (operation.type) {
      case 'set':
      case 'multi': {
        const [seen] = effects.get(operation.value) ?? [];
        const paths = operation.type === 'set' ? [operation.path] : operation.paths;
        for (const path of paths) this.#add(nodeDataChanged, path, this.#window(invokedMs, done?.mzxid ?? seen));
        return;
      }
      case 'touch':
        this.#add(nodeDataChanged, operation.path, this.#window(invokedMs, done?.mzxid));
        return;
      case 'append':
      case 'box': {
        const goes = operation.type === 'box' || operation.ephemeral;
        const window = this.#window(invokedMs, done?.czxid);
        if (done?.path === undefined) {
          this.#nameless.push({ prefix: operation.path, after: window.after, goes });
          return;
        }
        this.#created.add(done.path);
        this.#add(nodeCreated, done.path, window);
        // The server takes it away, at any time.
        if (operation.type === 'box') this.#add(nodeDeleted, done.path, { after: window.by, by: Infinity });
        return;
      }
      case 'fill':
        this.#add(nodeCreated, operation.path, this.#window(invokedMs, done?.czxid));
        return;
      case 'delete':
      case 'clear':
        this.#add(nodeDeleted, operation.path, { after: this.#answeredBefore(invokedMs), by: done?.zxid ?? Infinity });
        return;
      case 'get':
      case 'syncedGet':
      case 'list':
      case 'look':
      case 'watch':
      case 'close':
        return;
    }
  }

  /** They go with their sessions: in the moment in which those are closed, or at any time. */
  #noteEphemerals(history: History): void {
    const closed = new Map<bigint, { readonly after: Zxid; readonly by: Zxid }>();
    for (const { operation, outcome, sessionId, invokedMs } of history.operations) {
      if (operation.type !== 'close' || outcome.type !== 'done') continue;
      closed.set(sessionId, { after: this.#answeredBefore(invokedMs), by: outcome.zxid });
    }
    const ended = endedSessions(history);
    const alive = aliveAt(history);
    for (const { operation, outcome, sessionId } of history.operations) {
      if (operation.type !== 'append' || !operation.ephemeral || outcome.type !== 'done') continue;
      const { path = '', czxid = 0 } = outcome;
      const window = closed.get(sessionId);
      if (window !== undefined) this.#add(nodeDeleted, path, window);
      else if (ended.has(sessionId))
        this.#add(nodeDeleted, path, { after: Math.max(czxid, alive.get(sessionId) ?? 0), by: Infinity });
    }
  }

  /** Where exactly it happened, if anybody knows; otherwise it is only known when it was asked for. */
  #window(invokedMs: number, zxid: Zxid | undefined): { readonly after: Zxid; readonly by: Zxid } {
    if (zxid !== undefined) return { after: zxid - 1, by: zxid };
    return { after: this.#answeredBefore(invokedMs), by: Infinity };
  }

  #add(type: number, path: string, { after, by }: { readonly after: Zxid; readonly by: Zxid }): void {
    const changes = by === Infinity ? this.#possible : this.#certain;
    listOf(changes, path).push({ type, path, after, by });
    const parent = parentOf(path);
    if (type !== nodeDataChanged) listOf(changes, parent).push({ type: nodeChildrenChanged, path: parent, after, by });
  }
}

function listOf(changes: Map<string, Change[]>, path: string): Change[] {
  const list = changes.get(path) ?? [];
  changes.set(path, list);
  return list;
}

/** The newest zxid that anybody was answered at before: what is asked for then takes effect behind it. */
export function answeredBefore({ operations }: History): (ms: number) => Zxid {
  const answered = operations
    .flatMap(({ completedMs, outcome }) => (outcome.type === 'unknown' ? [] : [{ completedMs, zxid: outcome.zxid }]))
    .toSorted((a, b) => a.completedMs - b.completedMs);
  let newest = 0;
  const newestBy = answered.map(({ zxid }) => (newest = Math.max(newest, zxid)));
  return (ms) => {
    let [low, high] = [0, answered.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((answered[middle]?.completedMs ?? Infinity) < ms) low = middle + 1;
      else high = middle;
    }
    return newestBy[low - 1] ?? 0;
  };
}
