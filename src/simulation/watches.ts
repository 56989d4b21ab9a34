import { EventType } from '../server/protocol/opcodes.ts';

/** What a client watches, as it has been told: `exists` is a watch on a znode that was not there. */
export type WatchKind = 'data' | 'exists' | 'children' | 'persistent' | 'recursive';

export interface Watch {
  readonly kind: WatchKind;
  readonly path: string;
}

/** Whether a watch is over with its first event. */
export function isOneTime({ kind }: Watch): boolean {
  return kind !== 'persistent' && kind !== 'recursive';
}

/** Whether an event of this type and path is one of those that this watch is for. */
export function isFor(watch: Watch, type: number, path: string): boolean {
  if (watch.kind === 'recursive') {
    return type !== EventType.nodeChildrenChanged && (path === watch.path || path.startsWith(`${watch.path}/`));
  }
  return path === watch.path && TYPES[watch.kind].includes(type);
}

const { nodeCreated, nodeDeleted, nodeDataChanged, nodeChildrenChanged } = EventType;
const TYPES: Readonly<Record<Exclude<WatchKind, 'recursive'>, readonly number[]>> = {
  data: [nodeDataChanged, nodeDeleted],
  exists: [nodeCreated],
  children: [nodeChildrenChanged, nodeDeleted],
  persistent: [nodeCreated, nodeDeleted, nodeDataChanged, nodeChildrenChanged],
};

/** The watches that a client knows it has. */
export class WatchList {
  readonly #watches = new Map<string, Watch>();

  get all(): readonly Watch[] {
    return [...this.#watches.values()];
  }

  add(watch: Watch): void {
    this.#watches.set(keyOf(watch), watch);
  }

  /** An event has come: the one-time watches for it are over. */
  told(type: number, path: string): void {
    for (const [key, watch] of this.#watches) {
      if (isOneTime(watch) && isFor(watch, type, path)) this.#watches.delete(key);
    }
  }

  clear(): void {
    this.#watches.clear();
  }
}

/** Watches of the same kind on the same path are one. */
export function keyOf({ kind, path }: Watch): string {
  return `${kind} ${path}`;
}
