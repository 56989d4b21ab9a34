import { FULL_VERSION } from '../version.ts';
import { fileDescriptors, serverState } from './server-view.ts';
import type { ServerView } from './server-view.ts';

/** One line of `mntr`, without its prefix `zk_`. Those that are numbers are metrics as well. */
export interface MonitorValue {
  /** ZooKeeper's own name: existing dashboards and scripts read it. */
  readonly name: string;
  readonly value: number | string;
  /** What it counts, for the metric's help. */
  readonly help: string;
}

/** Everything that `mntr`, `/commands/monitor` and `/metrics` show. Names that ZooKeeper does not have describe what it does not either. */
export function monitorValues(view: ServerView): MonitorValue[] {
  const values: MonitorValue[] = [];
  const add = (name: string, value: number | string, help: string): void => void values.push({ name, value, help });
  const status = view.status();
  const state = serverState(view);
  add('version', FULL_VERSION, 'version');
  add('server_state', state, 'state');
  if (!view.config.standalone) add('peer_state', peerState(status.role), 'state of the peer');
  addClientValues(view, add);
  add('uptime', Date.now() - view.startedAtMs, 'milliseconds since the start');
  add('znode_count', status.znodes, 'znodes in the tree');
  add('watch_count', status.watches, "watches of this server's clients");
  add('ephemerals_count', status.ephemerals, 'ephemeral znodes');
  add('approximate_data_size', status.dataBytes, 'bytes of paths and data');
  add('global_sessions', status.sessions, 'sessions of the ensemble');
  add('local_sessions', 0, 'sessions of this server only');
  const voters = view.config.ensemble.servers.filter(({ role }) => role === 'participant').length;
  add('quorum_size', Math.max(voters, 1), 'voters of the configuration');
  if (state === 'leader') {
    add('learners', status.learners, 'learners connected to this leader');
    add('synced_followers', status.syncedFollowers, 'followers that are synchronized');
  }
  add('election_epoch', status.epoch, 'epoch of the leader that this server follows, or is');
  add('last_zxid', status.lastZxid, 'newest transaction applied');
  addStorageValues(view, add);
  const descriptors = fileDescriptors();
  if (descriptors !== undefined) {
    add('open_file_descriptor_count', descriptors.open, 'open file descriptors');
    add('max_file_descriptor_count', descriptors.max, 'file descriptors allowed');
  }
  return values;
}

type Add = (name: string, value: number | string, help: string) => void;

function peerState(role: ReturnType<ServerView['status']>['role']): string {
  if (role.state === 'looking') return 'looking';
  return `${role.state} - ${role.serving ? 'broadcast' : 'synchronization'}`;
}

function addClientValues(view: ServerView, add: Add): void {
  const { outstandingRequests, packetsReceived, packetsSent } = view.status();
  const { connections } = view;
  const { latency } = connections;
  add('min_latency', rounded(latency.minMs), 'smallest sampled latency of requests in milliseconds');
  add('avg_latency', rounded(latency.averageMs), 'average sampled latency of requests in milliseconds');
  add('max_latency', rounded(latency.maxMs), 'largest sampled latency of requests in milliseconds');
  add('num_alive_connections', connections.count, 'connections of clients');
  add('connection_rejected', connections.rejected, 'connections refused because there were too many');
  add('outstanding_requests', outstandingRequests, 'requests that wait for their answer');
  add('packets_received', packetsReceived, 'requests received');
  add('packets_sent', packetsSent, 'answers and events sent');
}

function addStorageValues(view: ServerView, add: Add): void {
  const metrics = view.storage();
  add('fsynctime_count', metrics.syncs, 'syncs of the transaction log');
  add('fsynctime_sum', rounded(metrics.syncTotalMs), 'milliseconds spent in syncs of the transaction log');
  add('fsynctime_max', rounded(metrics.syncMaxMs), 'longest sync of the transaction log in milliseconds');
  add('fsync_threshold_exceed_count', metrics.slowSyncs, 'syncs of the transaction log that were too slow');
  add('log_entries_appended', metrics.entriesAppended, 'transactions written to the log');
  add('log_bytes_appended', metrics.bytesAppended, 'bytes written to the log');
  add('snapshots_saved', metrics.snapshotsSaved, 'snapshots written');
  add('snapshots_abandoned', metrics.snapshotsAbandoned, 'snapshots given up');
  add('snapshottime_last', rounded(metrics.snapshotLastMs), 'milliseconds that the last snapshot took');
  add('snapshot_last_bytes', metrics.snapshotLastBytes, 'bytes of the last snapshot');
}

/** To microseconds. */
function rounded(durationMs: number): number {
  return Math.round(durationMs * 1000) / 1000;
}
