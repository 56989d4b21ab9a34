// A world where all is well, as Prometheus sees it, and what is told of one where something is wrong.

/** What is said of one thing: the values of each series, a sample a minute, in promtool's words: `first+stepxTimes` or `valuexTimes`. */
export type Series = Readonly<Record<string, string>>;

/** How long each case goes on: an alert may take two hours until it is raised. */
export const MINUTES = 190;

/** One thing is other than it should be. */
export interface Case {
  readonly when: string;
  /** Instead of those of {@link well}; one without values is not there. */
  readonly series: Readonly<Record<string, string | undefined>>;
  /** Exactly these are raised at the end. */
  readonly alerts: readonly string[];
}

const always = (value: number): string => `${value}x${MINUTES}`;
/** A counter that grows by so much each minute. */
const growing = (step: number, first = 0): string => `${first}+${step}x${MINUTES}`;

/** Names a series of something by its metric, and by labels of its own. */
type Naming = (metric: string, labels?: string) => string;

const naming =
  (of: string, prefix = ''): Naming =>
  (metric, labels) =>
    `${prefix}${metric}{${of}${labels === undefined ? '' : `,${labels}`}}`;

const [first, second, third] = ['books-0', 'books-1', 'books-2'].map((pod) =>
  naming(`job="zabkeeper",namespace="shop",cluster="books",pod="${pod}"`),
) as [Naming, Naming, Naming];
const operator = naming('job="zabkeeper-operator",pod="a"');
const spare = naming('job="zabkeeper-operator",pod="b"');
const cluster = naming('namespace="shop",name="books"', 'zabkeeper_operator_cluster_');
const schedule = naming('namespace="shop",name="nightly"', 'zabkeeper_operator_backup_schedule_');

const CLUSTERS = 'kind="CoordinationCluster"';

function member(of: Naming, { leads, zxid }: { readonly leads: number; readonly zxid: number }): Series {
  return {
    [of('zabkeeper_leading')]: always(leads),
    [of('zabkeeper_serving')]: always(1),
    [of('zabkeeper_voter')]: always(1),
    [of('quorum_size')]: always(3),
    [of('last_zxid')]: growing(300_000, zxid),
    [of('looking_count')]: always(1),
    [of('fsynctime_sum')]: growing(600_000),
    [of('fsynctime_count')]: growing(300_000),
    [of('zabkeeper_data_dir_free_bytes')]: always(8e9),
    [of('zabkeeper_data_dir_volume_bytes')]: always(1e10),
    [of('outstanding_requests')]: always(3),
    [of('updatelatency', 'quantile="0.99"')]: always(20),
    [of('updatelatency_count')]: growing(300_000),
    [of('connection_rejected')]: always(0),
    [of('open_file_descriptor_count')]: always(100),
    [of('max_file_descriptor_count')]: always(1000),
    [of('snapshot_error_count')]: always(0),
    [of('process_start_time_seconds')]: always(0),
  };
}

/** A busy ensemble, scraped while it moves on; an operator with a spare; a nightly backup. Times are seconds since the beginning. */
export const well: Series = {
  ...member(first, { leads: 0, zxid: 100_000 }),
  ...member(second, { leads: 0, zxid: 0 }),
  ...member(third, { leads: 1, zxid: 200_000 }),
  [operator('zabkeeper_operator_leading')]: always(1),
  [spare('zabkeeper_operator_leading')]: always(0),
  [operator('zabkeeper_operator_reconciliations_total', `${CLUSTERS},result="success"`)]: growing(10),
  [operator('zabkeeper_operator_reconciliations_total', `${CLUSTERS},result="error"`)]: growing(1),
  [operator('zabkeeper_operator_reconcile_seconds_bucket', `${CLUSTERS},le="5"`)]: growing(11),
  [operator('zabkeeper_operator_reconcile_seconds_bucket', `${CLUSTERS},le="10"`)]: growing(11),
  [operator('zabkeeper_operator_reconcile_seconds_bucket', `${CLUSTERS},le="+Inf"`)]: growing(11),
  [operator('zabkeeper_operator_queue_depth', CLUSTERS)]: always(1),
  [operator('zabkeeper_operator_api_requests_total', 'method="GET",status="200"')]: growing(60),
  [operator('zabkeeper_operator_api_requests_total', 'method="GET",status="500"')]: growing(1),
  [operator('process_start_time_seconds')]: always(0),
  [cluster('condition', 'type="Accepted"')]: always(1),
  [cluster('condition', 'type="Available"')]: always(1),
  [cluster('condition', 'type="Ready"')]: always(1),
  [cluster('phase', 'phase="Ready"')]: always(1),
  [cluster('members', 'state="desired"')]: always(3),
  [cluster('members', 'state="ready"')]: always(3),
  [schedule('last_timestamp_seconds')]: always(0),
  [schedule('last_success_timestamp_seconds')]: always(60),
  [schedule('next_timestamp_seconds')]: always(86_400),
  [schedule('suspended')]: always(0),
};

export const cases: readonly Case[] = [
  { when: 'all is well', series: {}, alerts: [] },
  { when: 'nobody leads', series: { [third('zabkeeper_leading')]: always(0) }, alerts: ['ZabkeeperNoLeader'] },
  {
    when: 'one of three does not serve',
    series: { [first('zabkeeper_serving')]: always(0) },
    alerts: ['ZabkeeperMemberNotInSync', 'ZabkeeperQuorumAtRisk'],
  },
  {
    when: 'one member takes in nothing any more',
    series: { [first('last_zxid')]: always(100_000) },
    alerts: ['ZabkeeperMemberBehind'],
  },
  {
    when: 'members elect all the time',
    series: { [first('looking_count')]: growing(1) },
    alerts: ['ZabkeeperElectionsTooOften'],
  },
  {
    when: 'a disk takes 60 ms to sync',
    series: { [first('fsynctime_sum')]: growing(18_000_000) },
    alerts: ['ZabkeeperFsyncSlow'],
  },
  {
    when: 'a tenth of a volume is left',
    series: { [first('zabkeeper_data_dir_free_bytes')]: always(1e9) },
    alerts: ['ZabkeeperDiskSpaceLow'],
  },
  {
    when: 'nothing is left of a volume',
    series: { [first('zabkeeper_data_dir_free_bytes')]: always(0) },
    alerts: ['ZabkeeperDiskFull', 'ZabkeeperDiskSpaceLow'],
  },
  {
    when: 'requests pile up',
    series: { [first('outstanding_requests')]: always(200) },
    alerts: ['ZabkeeperOutstandingRequestsHigh'],
  },
  {
    when: 'updates are slow',
    series: { [first('updatelatency', 'quantile="0.99"')]: always(600) },
    alerts: ['ZabkeeperUpdateLatencyHigh'],
  },
  {
    when: 'an update was slow, and few have been made since',
    series: { [first('updatelatency', 'quantile="0.99"')]: always(600), [first('updatelatency_count')]: growing(1) },
    alerts: [],
  },
  {
    when: 'connections are rejected',
    series: { [first('connection_rejected')]: growing(1) },
    alerts: ['ZabkeeperConnectionsRejected'],
  },
  {
    when: 'file descriptors run out',
    series: { [first('open_file_descriptor_count')]: always(900) },
    alerts: ['ZabkeeperFileDescriptorsLow'],
  },
  {
    when: 'a snapshot has failed half an hour ago',
    series: { [first('snapshot_error_count')]: '0x160 1x30' },
    alerts: ['ZabkeeperSnapshotsFail'],
  },
  {
    when: 'a member starts again and again',
    series: { [first('process_start_time_seconds')]: growing(60) },
    alerts: ['ZabkeeperMemberRestartsInALoop'],
  },
  {
    when: 'no replica of the operator leads',
    series: { [operator('zabkeeper_operator_leading')]: always(0) },
    alerts: ['ZabkeeperOperatorDown'],
  },
  {
    when: 'the operator is not there',
    series: { [operator('zabkeeper_operator_leading')]: undefined, [spare('zabkeeper_operator_leading')]: undefined },
    alerts: ['ZabkeeperOperatorDown'],
  },
  {
    when: 'every second look fails',
    series: {
      [operator('zabkeeper_operator_reconciliations_total', `${CLUSTERS},result="error"`)]: growing(10),
    },
    alerts: ['ZabkeeperReconciliationsFail'],
  },
  {
    when: 'looks take long',
    series: {
      [operator('zabkeeper_operator_reconcile_seconds_bucket', `${CLUSTERS},le="5"`)]: growing(1),
    },
    alerts: ['ZabkeeperReconciliationsSlow'],
  },
  {
    when: 'resources wait to be looked at',
    series: { [operator('zabkeeper_operator_queue_depth', CLUSTERS)]: always(30) },
    alerts: ['ZabkeeperOperatorQueueLong'],
  },
  {
    when: 'the API server fails',
    series: { [operator('zabkeeper_operator_api_requests_total', 'method="GET",status="500"')]: growing(60) },
    alerts: ['ZabkeeperApiRequestsFail'],
  },
  {
    when: 'the operator starts again and again',
    series: { [operator('process_start_time_seconds')]: growing(60) },
    alerts: ['ZabkeeperOperatorRestartsInALoop'],
  },
  {
    when: 'an ensemble does not serve',
    series: { [cluster('condition', 'type="Available"')]: always(0) },
    alerts: ['ZabkeeperClusterUnavailable'],
  },
  {
    when: 'an ensemble is hibernated',
    series: {
      [cluster('condition', 'type="Available"')]: always(0),
      [cluster('condition', 'type="Ready"')]: always(0),
      [cluster('phase', 'phase="Ready"')]: undefined,
      [cluster('phase', 'phase="Hibernated"')]: always(1),
      [cluster('members', 'state="desired"')]: always(0),
      [cluster('members', 'state="ready"')]: always(0),
    },
    alerts: [],
  },
  {
    when: 'an ensemble does not become ready',
    series: { [cluster('condition', 'type="Ready"')]: always(0) },
    alerts: ['ZabkeeperClusterNotReady'],
  },
  {
    when: 'a manifest is refused',
    series: { [cluster('condition', 'type="Accepted"')]: always(0) },
    alerts: ['ZabkeeperManifestRefused'],
  },
  {
    when: 'a member is missing',
    series: { [cluster('members', 'state="ready"')]: always(2) },
    alerts: ['ZabkeeperMembersMissing'],
  },
  {
    when: 'the last good backup is four days old',
    series: { [schedule('last_success_timestamp_seconds')]: always(-345_600) },
    alerts: ['ZabkeeperBackupTooOld'],
  },
  {
    when: 'the last good backup is old, and the schedule is suspended, which has no next time then',
    series: {
      [schedule('last_success_timestamp_seconds')]: always(-345_600),
      [schedule('next_timestamp_seconds')]: undefined,
      [schedule('suspended')]: always(1),
    },
    alerts: [],
  },
  {
    when: 'the first backup after a weekend has come due half an hour ago',
    series: {
      [schedule('last_success_timestamp_seconds')]: always(-259_200),
      [schedule('last_timestamp_seconds')]: '-259200x160 9600x30',
      [schedule('next_timestamp_seconds')]: '9600x160 96000x30',
    },
    alerts: [],
  },
  {
    when: 'there has been no good backup',
    series: { [schedule('last_success_timestamp_seconds')]: undefined },
    alerts: ['ZabkeeperNoBackup'],
  },
  {
    when: 'a schedule cannot be read',
    series: { [schedule('next_timestamp_seconds')]: undefined },
    alerts: ['ZabkeeperScheduleNotUnderstood'],
  },
];
