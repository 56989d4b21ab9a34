import { decodeUtf8, encodeUtf8 } from '../../common/utf8.ts';
import type { DataTree, NodeId } from './data-tree.ts';
import { Int } from './node-records.ts';
import { hashByte, SLASH, type PathKey } from './path-key.ts';

const QUOTA_ROOT = '/zookeeper/quota';
const SYSTEM_ROOT = '/zookeeper';
const LIMITS_NAME = 'zookeeper_limits';
const STATS_NAME = 'zookeeper_stats';

/**
 * Quotas: which subtrees have one, and the znodes that say how much of each is used. The quota of `/a` is limited by
 * `/zookeeper/quota/a/zookeeper_limits`; `/zookeeper/quota/a/zookeeper_stats` is kept up to date here, by every server
 * for itself and without a change of its stat, as in ZooKeeper's DataTree.
 */
export class Quotas {
  readonly #tree: DataTree;
  readonly #key: PathKey;
  /** The paths that have a quota, by their hash. */
  readonly #paths = new Map<number, Set<string>>();

  constructor(tree: DataTree) {
    this.#tree = tree;
    this.#key = tree.newKey();
  }

  /**
   * The path's longest prefix that has a quota, itself included, or undefined. The root has none. A path may be as long as a request
   * and have half as many znodes above it: each of its characters is looked at once.
   */
  quotaPath(path: string): string | undefined {
    if (this.#paths.size === 0) return undefined;
    const alike: string[] = [];
    this.#eachPrefix(path, (hash, length) => {
      for (const quotaPath of this.#paths.get(hash) ?? []) if (quotaPath.length === length) alike.push(quotaPath);
    });
    return alike.findLast((quotaPath) => path.startsWith(quotaPath));
  }

  /** A znode was created. */
  created(path: string, dataLength: number): void {
    // The system's own znodes are rare: one comparison for all others.
    if (path.startsWith(QUOTA_ROOT)) {
      const { parent, name } = split(path);
      const quotaPath = parent.slice(QUOTA_ROOT.length);
      if (name === LIMITS_NAME && quotaPath !== '') this.#add(quotaPath);
      if (name === STATS_NAME) this.#count(quotaPath);
    }
    this.#changed(path, dataLength, 1);
  }

  deleted(path: string, dataLength: number): void {
    if (path.startsWith(SYSTEM_ROOT)) {
      const { parent, name } = split(path);
      if (name === LIMITS_NAME) this.#remove(parent.slice(QUOTA_ROOT.length));
    }
    this.#changed(path, -dataLength, -1);
  }

  dataChanged(path: string, bytesDifference: number): void {
    this.#changed(path, bytesDifference, 0);
  }

  /** Finds the quotas of a tree that was loaded, and counts anew what they limit. */
  rebuild(): void {
    this.#key.set(QUOTA_ROOT);
    const limits: NodeId[] = [];
    const root = this.#tree.find(this.#key);
    if (root !== 0) {
      walk(this.#tree, root, (id) => {
        if (this.#tree.records.int(id, Int.childCount) === 0 && this.#tree.nameOf(id) === LIMITS_NAME) limits.push(id);
      });
    }
    for (const id of limits) {
      const quotaPath = split(this.#tree.pathOf(id)).parent.slice(QUOTA_ROOT.length);
      if (quotaPath === '') continue;
      this.#count(quotaPath);
      this.#add(quotaPath);
    }
  }

  #add(quotaPath: string): void {
    const hash = this.#hashOf(quotaPath);
    const paths = this.#paths.get(hash);
    if (paths === undefined) this.#paths.set(hash, new Set([quotaPath]));
    else paths.add(quotaPath);
  }

  #remove(quotaPath: string): void {
    const hash = this.#hashOf(quotaPath);
    const paths = this.#paths.get(hash);
    if (paths?.delete(quotaPath) === true && paths.size === 0) this.#paths.delete(hash);
  }

  #hashOf(path: string): number {
    let whole = 0;
    this.#eachPrefix(path, (hash) => (whole = hash));
    return whole;
  }

  /** Tells the hash and the length of each prefix that is a path, the shortest first, and of the path itself. */
  #eachPrefix(path: string, tell: (hash: number, length: number) => void): void {
    let hash = this.#key.hashStart;
    for (let i = 0; i < path.length; i++) {
      const unit = path.charCodeAt(i);
      if (unit === SLASH && i > 0) tell(hash, i);
      hash = hashByte(hash, unit);
    }
    tell(hash, path.length);
  }

  #changed(path: string, bytesDifference: number, countDifference: number): void {
    const quotaPath = this.quotaPath(path);
    if (quotaPath === undefined) return;
    this.#writeStats(quotaPath, (stats) => {
      stats.set('count', (stats.get('count') ?? -1) + countDifference);
      stats.set('bytes', (stats.get('bytes') ?? -1) + bytesDifference);
    });
  }

  #count(quotaPath: string): void {
    this.#key.set(quotaPath);
    const top = this.#tree.find(this.#key);
    let count = 0;
    let bytes = 0;
    if (top !== 0) {
      walk(this.#tree, top, (id) => {
        count++;
        bytes += Math.max(0, this.#tree.records.int(id, Int.dataLength));
      });
    }
    this.#writeStats(quotaPath, (stats) => {
      stats.clear();
      stats.set('count', count);
      stats.set('bytes', bytes);
    });
  }

  #writeStats(quotaPath: string, change: (stats: Map<string, number>) => void): void {
    this.#key.set(`${QUOTA_ROOT}${quotaPath}/${STATS_NAME}`);
    const id = this.#tree.find(this.#key);
    if (id === 0) return;
    const stats = parseQuota(this.#tree.dataOf(id));
    change(stats);
    this.#tree.setContent(id, this.#key, encodeUtf8(formatQuota(stats)));
  }
}

/** The pairs of a quota znode's data (StatsTrack): `count=5,bytes=10=;byteHardLimit=20`. A value that is no number is -1. */
export function parseQuota(data: Uint8Array | null): Map<string, number> {
  const pairs = new Map<string, number>();
  if (data === null) return pairs;
  for (const pair of decodeUtf8(data).split(/[,;]+/)) {
    const [key = '', value = ''] = pair.split('=');
    if (key !== '') pairs.set(key, /^[+-]?\d+$/.test(value) ? Number(value) : -1);
  }
  return pairs;
}

/** The inverse of {@link parseQuota}. The `=` before the third pair keeps ZooKeeper 3.4 able to read it. */
export function formatQuota(pairs: ReadonlyMap<string, number>): string {
  let text = `count=${pairs.get('count') ?? -1},bytes=${pairs.get('bytes') ?? -1}`;
  const others = [...pairs.keys()].filter((key) => key !== 'count' && key !== 'bytes').toSorted();
  if (others.length > 0) text += '=';
  for (const key of others) text += `;${key}=${pairs.get(key) ?? -1}`;
  return text;
}

/** Visits a znode and all below it, parents first, without recursion. */
export function walk(tree: DataTree, top: NodeId, visit: (id: NodeId) => void): void {
  const { records } = tree;
  for (let id = top; ;) {
    visit(id);
    let next = records.int(id, Int.firstChild);
    while (next === 0) {
      if (id === top) return;
      next = records.int(id, Int.nextSibling);
      if (next === 0) id = records.int(id, Int.parent);
    }
    id = next;
  }
}

function split(path: string): { readonly parent: string; readonly name: string } {
  const slash = path.lastIndexOf('/');
  return { parent: path.slice(0, slash), name: path.slice(slash + 1) };
}
