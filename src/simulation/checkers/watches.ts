import { formatZxid } from '../../common/zxid.ts';
import type { Zxid } from '../../common/zxid.ts';
import { EventType } from '../../server/protocol/opcodes.ts';
import type { History, Sight } from '../history.ts';
import { isFor, isOneTime, keyOf } from '../watches.ts';
import type { Watch } from '../watches.ts';
import { Changes } from './changes.ts';
import type { Change } from './changes.ts';

/**
 * What ZooKeeper promises about watches: who watches a znode hears of its change before any answer that could show it, once, over
 * all its connections; of nothing that did not happen; and in the order in which it happened.
 */
export function checkWatches(history: History): string[] {
  const changes = new Changes(history);
  const violations: string[] = [];
  for (const [session, sights] of history.sights) {
    const watcher = new Watcher(changes, (what) => violations.push(`${session} ${what}`));
    for (const sight of sights) watcher.see(sight);
    watcher.end();
  }
  return violations;
}

/** A watch, as of an answer of this zxid; `due` is what the changes that it has yet to tell of begin with. */
interface Armed {
  readonly watch: Watch;
  since: Zxid;
  changes: readonly Change[];
  due: number;
}

type Event = Extract<Sight, { type: 'event' }>;
type Connected = Extract<Sight, { type: 'connected' }>;

/** One session's client, and what it has a right to hear. */
class Watcher {
  readonly #changes: Changes;
  readonly #violated: (what: string) => void;
  readonly #armed = new Map<string, Armed>();
  /** The newest zxid that the session was answered at. */
  #seen: Zxid = 0;
  /** The events of this connection that say when they happened, in the order in which they came. */
  #told: Event[] = [];
  /** While watches are set again: those of which nothing was told yet, and what was. */
  #again: { readonly relativeZxid: Zxid; readonly left: Set<Watch>; readonly told: Event[] } | undefined;

  constructor(changes: Changes, violated: (what: string) => void) {
    this.#changes = changes;
    this.#violated = violated;
  }

  see(sight: Sight): void {
    switch (sight.type) {
      case 'connected':
        this.#connected(sight);
        return;
      case 'event':
        if (sight.zxid > 0) this.#event(sight);
        else this.#caughtUp(sight);
        return;
      case 'watchesSetAgain':
        this.#setAgain(sight.zxid);
        return;
      case 'answered':
        this.#answered(sight.zxid);
        if (sight.watch !== undefined) this.#arm(sight.watch, sight.zxid);
    }
  }

  /** No more is seen. */
  end(): void {
    this.#checkCaughtUp(Infinity);
  }

  #connected({ relativeZxid, again }: Connected): void {
    // What was told on a connection that then broke is of a state that nobody knows.
    this.#checkCaughtUp(Infinity);
    this.#told = [];
    this.#again = again.length === 0 ? undefined : { relativeZxid, left: new Set(again), told: [] };
  }

  #setAgain(zxid: Zxid): void {
    this.#checkCaughtUp(zxid);
    for (const armed of this.#armed.values()) {
      const { kind, path } = armed.watch;
      const change = armed.changes[armed.due];
      const isMissed = kind === 'exists' && change !== undefined && change.by <= zxid;
      // Who waits for a znode hears nothing of one that has gone again meanwhile.
      const isGone = isMissed && this.#changes.mayHaveBeen(EventType.nodeDeleted, path, change.after, zxid);
      if (isGone || !isOneTime(armed.watch)) this.#begin(armed, zxid);
    }
    this.#answered(zxid);
  }

  #answered(zxid: Zxid): void {
    for (const [key, armed] of this.#armed) {
      let due = armed.changes[armed.due];
      for (; due !== undefined && due.by <= zxid; due = armed.changes[armed.due]) {
        if (!this.#isTold(armed, due)) {
          this.#violated(
            `was answered at ${formatZxid(zxid)}, but has not heard of ${describe(due.type, due.path)} by ${formatZxid(due.by)}: ` +
              `it watches ${key} since ${formatZxid(armed.since)}`,
          );
          this.#armed.delete(key);
          break;
        }
        armed.due = this.#next(armed, armed.due + 1);
      }
    }
    this.#seen = Math.max(this.#seen, zxid);
  }

  /** A one-time watch that has told of something is not there any more. */
  #isTold({ watch }: Armed, due: Change): boolean {
    if (isOneTime(watch)) return false;
    return this.#told.some(
      ({ event, path, zxid }) => event === due.type && path === due.path && zxid > due.after && zxid <= due.by,
    );
  }

  #arm(watch: Watch, zxid: Zxid): void {
    const key = keyOf(watch);
    // What is watched already is not watched anew.
    if (this.#armed.has(key)) return;
    const armed: Armed = { watch, since: zxid, changes: [], due: 0 };
    this.#armed.set(key, armed);
    this.#begin(armed, zxid);
  }

  /** From here on it tells of what changes behind this zxid. */
  #begin(armed: Armed, zxid: Zxid): void {
    armed.since = zxid;
    if (armed.changes.length === 0)
      armed.changes = this.#changes.at(armed.watch.path, armed.watch.kind === 'recursive');
    armed.due = this.#next(armed, 0);
  }

  #next({ watch, since, changes }: Armed, from: number): number {
    let index = from;
    for (let change = changes[index]; change !== undefined; change = changes[++index]) {
      if (change.after >= since && isFor(watch, change.type, change.path)) break;
    }
    return index;
  }

  #event(event: Event): void {
    const { event: type, path, zxid } = event;
    const flaw = this.#flawOf(event);
    const isWatched = this.#fire(type, path);
    this.#told.push(event);
    if (flaw === undefined && isWatched) return;
    const what = `${describe(type, path)} at ${formatZxid(zxid)}`;
    this.#violated(`heard of ${what}${flaw ?? ', which it did not watch'}`);
  }

  #flawOf({ event: type, path, zxid }: Event): string | undefined {
    const last = this.#told.at(-1)?.zxid ?? 0;
    if (this.#again !== undefined) return ' before its watches were set again';
    if (zxid <= this.#seen) return ` after an answer at ${formatZxid(this.#seen)}`;
    if (zxid < last) return ` after an event at ${formatZxid(last)}`;
    // A session that ends takes several children at once.
    const isOnce = type !== EventType.nodeChildrenChanged;
    if (isOnce && this.#told.some((told) => told.event === type && told.path === path && told.zxid === zxid)) {
      return ' twice';
    }
    return this.#changes.mayHaveBeen(type, path, zxid - 1, zxid) ? undefined : ', which was not';
  }

  /** An event of a change that happened before its watch was set again. */
  #caughtUp(event: Event): void {
    const { event: type, path } = event;
    const watch = [...(this.#again?.left ?? [])].find((each) => isOneTime(each) && isFor(each, type, path));
    if (this.#again === undefined || watch === undefined) {
      this.#violated(`heard that it missed ${describe(type, path)}, which it did not watch`);
      return;
    }
    this.#again.left.delete(watch);
    this.#again.told.push(event);
    this.#fire(type, path);
  }

  /** What was told in place of what was missed must be missed: up to this zxid, at which watches were set again. */
  #checkCaughtUp(zxid: Zxid): void {
    if (this.#again === undefined) return;
    const { relativeZxid, told } = this.#again;
    for (const { event, path } of told) {
      const types = event === EventType.nodeDataChanged ? [event, EventType.nodeCreated] : [event];
      if (types.some((type) => this.#changes.mayHaveBeen(type, path, relativeZxid, zxid))) continue;
      this.#violated(
        `heard that it missed ${describe(event, path)} since ${formatZxid(relativeZxid)}, and there was nothing to miss`,
      );
    }
    this.#again = undefined;
  }

  /** @returns whether any watch is for this event. */
  #fire(type: number, path: string): boolean {
    let isWatched = false;
    for (const [key, { watch }] of this.#armed) {
      if (!isFor(watch, type, path)) continue;
      isWatched = true;
      if (isOneTime(watch)) this.#armed.delete(key);
    }
    return isWatched;
  }
}

const NAMES = new Map<number, string>([
  [EventType.nodeCreated, 'the creation of'],
  [EventType.nodeDeleted, 'the deletion of'],
  [EventType.nodeDataChanged, 'other data of'],
  [EventType.nodeChildrenChanged, 'other children of'],
]);

function describe(type: number, path: string): string {
  return `${NAMES.get(type) ?? `an event of type ${type} at`} ${path}`;
}
