import { FULL_VERSION } from '../../version.ts';
import { fileDescriptors, isServing, serverState } from '../server-view.ts';
import type { ServerView } from '../server-view.ts';
import { MetricList, type Metric } from './metric.ts';

/** Everything that `mntr`, `/commands/monitor` and `/metrics` show, by ZooKeeper's names; those of a leader only while it leads. */
export function serverMetrics(view: ServerView): readonly Metric[] {
  const list = new MetricList();
  addState(view, list);
  addClients(view, list);
  addData(view, list);
  if (!view.config.standalone) addEnsemble(view, list);
  if (serverState(view) === 'leader') addLeader(view, list);
  addLog(view, list);
  const descriptors = fileDescriptors();
  if (descriptors !== undefined) {
    list.gauge('open_file_descriptor_count', descriptors.open, 'open file descriptors');
    list.gauge('max_file_descriptor_count', descriptors.max, 'file descriptors allowed');
  }
  return list.metrics;
}

/** What only Prometheus is told, because ZooKeeper says it in words, or not at all. */
export function ownMetrics(view: ServerView): readonly Metric[] {
  const list = new MetricList();
  const serving = isServing(view);
  list.gauge(
    'zabkeeper_serving',
    Number(serving),
    'whether this server answers clients within a quorum (1) or not (0)',
  );
  const leading = view.status().role.state === 'leading';
  list.gauge('zabkeeper_leading', Number(serving && leading), 'whether this server leads a quorum (1) or not (0)');
  const votes = view.own.entry?.role !== 'observer';
  list.gauge('zabkeeper_voter', Number(votes), 'whether this server votes (1) or observes (0)');
  const { connections, meter } = view;
  list.summaries(
    'zabkeeper_request_latency',
    connections.latencies.byName(),
    'sampled latency of requests in milliseconds, by kind',
  );
  list.summary(
    'zabkeeper_learner_sync_time',
    meter.syncs.durationMs,
    'milliseconds from a learner connected to in step',
  );
  list.summary('zabkeeper_turn_time', meter.turnMs, 'milliseconds that a turn of the event loop worked');
  list.summary('zabkeeper_turn_inputs', meter.turnInputs, 'what a turn of the event loop had to do');
  return list.metrics;
}

function addState(view: ServerView, list: MetricList): void {
  const { role } = view.status();
  list.text('version', FULL_VERSION, 'version');
  list.text('server_state', serverState(view), 'state');
  if (!view.config.standalone) {
    const phase = role.state === 'looking' ? '' : ` - ${role.serving ? 'broadcast' : 'synchronization'}`;
    list.text('peer_state', `${role.state}${phase}`, 'state of the peer');
  }
  list.gauge('uptime', Date.now() - view.startedAtMs, 'milliseconds since the start');
  const voters = view.config.ensemble.servers.filter((server) => server.role === 'participant').length;
  list.gauge('quorum_size', Math.max(voters, 1), 'voters of the configuration');
}

function addClients(view: ServerView, list: MetricList): void {
  const { outstandingRequests, packetsReceived, packetsSent, sessions, counts: events } = view.status();
  const { connections, meter, stateMeter } = view;
  const { counts, latencies } = connections;
  const { all: latency } = latencies;
  list.gauge('min_latency', latency.min, 'smallest sampled latency of requests in milliseconds');
  list.gauge('avg_latency', latency.average, 'average sampled latency of requests in milliseconds');
  list.gauge('max_latency', latency.max, 'largest sampled latency of requests in milliseconds');
  list.summary('readlatency', latencies.reads, 'sampled latency of reads in milliseconds');
  list.summary('updatelatency', latencies.updates, 'sampled latency of updates in milliseconds');
  list.gauge('num_alive_connections', connections.count, 'connections of clients');
  list.counter('connection_rejected', counts.rejected, 'connections refused because there were too many');
  list.counter('connection_request_count', counts.requested, 'connections on which a client asked for a session');
  list.counter('connection_drop_count', counts.dropped, 'connections that ended without a word of this server');
  list.counter('sessionless_connections_expired', counts.silent, 'connections closed because nothing whole came');
  list.counter('bytes_received_count', counts.bytesReceived, 'bytes received of clients');
  const { watchBytes } = stateMeter;
  list.counter('response_bytes', counts.bytesSent - watchBytes, 'bytes of answers to clients');
  list.counter('watch_bytes', watchBytes, 'bytes of events for clients');
  list.counter(
    'cnxn_closed_without_zk_server_running',
    meter.unservedClosed,
    'connections closed because this server was not part of a quorum',
  );
  list.counter('connection_revalidate_count', events.sessionsRenewed, 'connections of clients that had a session');
  list.counter('stale_sessions_expired', events.sessionsExpired, 'sessions closed, as a leader, after their silence');
  list.counter('auth_failed_count', events.authFailures, 'authentications that failed');
  list.gauge('outstanding_requests', outstandingRequests, 'requests that wait for their answer');
  list.counter('request_throttle_wait_count', meter.pauses, 'times that reading of clients was paused');
  list.gauge('packets_received', packetsReceived, 'requests received');
  list.gauge('packets_sent', packetsSent, 'answers and events sent');
  list.gauge('global_sessions', sessions, 'sessions of the ensemble');
  list.gauge('local_sessions', 0, 'sessions of this server only; it has none');
}

function addData(view: ServerView, list: MetricList): void {
  const { znodes, watches, ephemerals, dataBytes, lastZxid } = view.status();
  list.gauge('znode_count', znodes, 'znodes in the tree');
  list.gauge('watch_count', watches, "watches of this server's clients");
  list.gauge('ephemerals_count', ephemerals, 'ephemeral znodes');
  list.gauge('approximate_data_size', dataBytes, 'bytes of paths and data');
  list.gauge('last_zxid', lastZxid, 'newest transaction applied');
  const { stateMeter } = view;
  list.summary(
    'propagation_latency',
    stateMeter.propagationMs,
    'milliseconds, by two clocks, from proposed to applied',
  );
  list.summary('node_created_watch_count', stateMeter.createdTold, 'clients told of a znode created');
  list.summary('node_deleted_watch_count', stateMeter.deletedTold, 'clients told of a znode deleted');
  list.summary('node_changed_watch_count', stateMeter.changedTold, 'clients told of data changed');
  list.summary('node_children_watch_count', stateMeter.childrenTold, 'clients told of children changed');
}

function addEnsemble(view: ServerView, list: MetricList): void {
  const { meter } = view;
  list.gauge('election_epoch', view.status().epoch, 'epoch of the leader that this server follows, or is');
  list.counter('looking_count', meter.lookingCount, 'times that this server lost its quorum, or began to look for one');
  list.summary('election_time', meter.electionMs, 'milliseconds from looking for a leader to one elected');
  list.summary('unavailable_time', meter.unavailableMs, 'milliseconds from looking for a leader to serving');
  list.summary('leader_unavailable_time', meter.leaderUnavailableMs, 'the same, where this server became the leader');
  list.summary('follower_sync_time', meter.followerSyncMs, 'milliseconds from elected to serving, as a follower');
  list.summary('observer_sync_time', meter.observerSyncMs, 'milliseconds from elected to serving, as an observer');
  list.counter('learner_proposal_received_count', meter.proposalsReceived, 'proposals received of a leader');
  list.counter('learner_commit_received_count', meter.commitsReceived, 'commits received of a leader');
  list.summary('proposal_latency', meter.proposalLatencyMs, 'milliseconds, by two clocks, from proposed to received');
  list.summary(
    'proposal_ack_creation_latency',
    meter.ackCreationMs,
    'milliseconds, by two clocks, from proposed to durable here, of a batch',
  );
  list.counter('proposal_count', meter.proposals, 'transactions proposed as a leader');
  list.counter('commit_count', meter.commits, 'transactions committed as a leader');
  const { begun, underWay } = meter.syncs;
  list.counter('diff_count', begun.diff, 'learners brought up to date by transactions');
  list.counter('snap_count', begun.snapshot, 'learners brought up to date by a snapshot');
  list.summary('inflight_diff_count', underWay.diff, 'learners being so, when one begins');
  list.summary('inflight_snap_count', underWay.snapshot, 'learners being so, when one begins');
  list.counter('revalidate_count', meter.revalidations, "sessions that learners' clients brought with them");
  list.summary('quorum_ack_latency', meter.quorumAckMs, 'milliseconds from proposed to committed, of a batch');
  const { servers } = view.config.ensemble;
  const serverIds = new Map(view.learners().map(({ connection, serverId }) => [connection, serverId]));
  const acks = [...meter.ackMs].flatMap(([connection, summary]) => {
    const id = serverIds.get(connection);
    return id === undefined ? [] : [[String(id), summary] as const];
  });
  if (servers.length > 1 && acks.length > 0) {
    list.summaries('ack_latency', acks, 'milliseconds from proposed to acknowledged, of a batch, by server id');
  }
}

function addLeader(view: ServerView, list: MetricList): void {
  const learners = view.learners();
  const synced = learners.filter(({ serving }) => serving);
  const { meter } = view;
  list.gauge('learners', learners.length, 'learners connected to this leader');
  list.gauge(
    'synced_followers',
    synced.filter(({ isObserver }) => !isObserver).length,
    'followers in step with this leader',
  );
  list.gauge(
    'synced_non_voting_followers',
    synced.filter(({ isObserver, isVoter }) => !isObserver && !isVoter).length,
    'followers in step with this leader that do not vote',
  );
  list.gauge(
    'synced_observers',
    synced.filter(({ isObserver }) => isObserver).length,
    'observers in step with this leader',
  );
  list.gauge('pending_syncs', view.status().pendingSyncs, 'sync requests that wait for their answer');
  if (meter.leadingSinceMs !== undefined) {
    list.gauge('leader_uptime', performance.now() - meter.leadingSinceMs, 'milliseconds since this server leads');
  }
  const { proposalBytes } = meter;
  list.gauge('last_proposal_size', meter.lastProposalBytes, 'bytes of the last proposal');
  list.gauge('min_proposal_size', proposalBytes.min, 'bytes of the smallest proposal');
  list.gauge('max_proposal_size', proposalBytes.max, 'bytes of the largest proposal');
}

function addLog(view: ServerView, list: MetricList): void {
  const { meter } = view;
  const storage = view.storage();
  list.summary('fsynctime', storage.syncMs, 'milliseconds that a sync of the transaction log took');
  list.counter('fsync_threshold_exceed_count', storage.slowSyncs, 'syncs of the transaction log that were too slow');
  list.counter('sync_processor_request_queued', meter.entriesQueued, 'transactions handed to the log');
  list.summary('sync_processor_batch_size', meter.batchEntries, 'transactions handed to the log together');
  list.summary('sync_processor_queue_size', meter.queueLength, 'batches before it, when one was handed to the log');
  list.summary(
    'sync_processor_queue_and_flush_time_ms',
    meter.persistMs,
    'milliseconds from handing a batch to the log to having it on the disk',
  );
  list.counter('log_entries_appended', storage.entriesAppended, 'transactions written to the log');
  list.counter('log_bytes_appended', storage.bytesAppended, 'bytes written to the log');
  list.summary('snapshottime', storage.snapshotMs, 'milliseconds that a snapshot took');
  list.counter('snapshot_error_count', storage.snapshotsAbandoned, 'snapshots given up');
  list.gauge('snapshot_last_bytes', storage.snapshotLastBytes, 'bytes of the last snapshot');
  list.counter(
    'snapshot_rate_limited_count',
    view.snapshotRequests.refusedTooSoon,
    'snapshots refused to administrators because they asked too soon',
  );
  const { recoveryMeter: recovery } = view;
  list.summary('dbinittime', recovery.totalMs, 'milliseconds that loading the state from the disk took');
  list.summary('startup_snap_load_time', recovery.snapshotMs, 'milliseconds of it for the snapshot');
  list.summary('startup_txns_load_time', recovery.transactionsMs, 'milliseconds of it for the log');
  list.summary('startup_txns_loaded', recovery.transactions, 'transactions loaded from the log');
}
