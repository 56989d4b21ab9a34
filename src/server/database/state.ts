import type { SessionId } from '../../common/types.ts';
import type { Zxid } from '../../common/zxid.ts';
import { encodeUtf8 } from '../../common/utf8.ts';
import { Perm } from '../protocol/opcodes.ts';
import { DataTree, type TreeOptions } from './data-tree.ts';
import { Quotas } from './quotas.ts';

/** Everything that is replicated, as one: a loaded snapshot replaces all of it at once. */
export interface State {
  readonly tree: DataTree;
  readonly quotas: Quotas;
  /** Session id -> timeout in milliseconds. */
  readonly sessions: Map<SessionId, number>;
  lastZxid: Zxid;
}

export const CONFIG_PATH = '/zookeeper/config';

const NO_DATA = new Uint8Array(0);
const READ_ONLY = [{ perms: Perm.read, scheme: 'world', id: 'anyone' }];
const EVERYTHING = [{ perms: Perm.all, scheme: 'world', id: 'anyone' }];

/** The state of a server that has never applied a transaction. */
export function initialState(options: TreeOptions): State {
  const state = emptyState(options);
  addSystemNode(state.tree, '/zookeeper');
  addSystemNode(state.tree, '/zookeeper/quota');
  addConfigNode(state.tree);
  return state;
}

/** A state to load a snapshot into. */
export function emptyState(options: TreeOptions): State {
  const tree = new DataTree(options);
  return { tree, quotas: new Quotas(tree), sessions: new Map(), lastZxid: 0 };
}

/**
 * What every ZooKeeper server writes into `/zookeeper/config` when it starts, outside of any transaction
 * (ZKDatabase.initConfigInZKDatabase). Snapshots from before 3.5 lack the znode.
 */
export function setConfig(state: State, text: string, version: Zxid, timeMs: number): void {
  const key = state.tree.newKey();
  key.set(CONFIG_PATH);
  if (state.tree.find(key) === 0) addConfigNode(state.tree);
  state.tree.setData(state.tree.find(key), key, encodeUtf8(text), -1, version, timeMs);
}

function addConfigNode(tree: DataTree): void {
  addSystemNode(tree, CONFIG_PATH);
  const key = tree.newKey();
  key.set(CONFIG_PATH);
  // Reconfiguration is for administrators alone (ZOOKEEPER-2014); the version is what ZooKeeper gives it.
  tree.setAcl(tree.find(key), READ_ONLY, -1);
}

function addSystemNode(tree: DataTree, path: string): void {
  const key = tree.newKey();
  key.set(path);
  const node = { data: NO_DATA, acl: EVERYTHING, ownerHigh: 0, ownerLow: 0, parentCversion: 0 };
  tree.create(key, node, 0, 0);
}
