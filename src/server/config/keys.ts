/**
 * What this server makes of a key of zoo.cfg.
 * - `used`: it has its effect.
 * - `noEffect`: it is accepted with a warning that says `why`.
 * - `refused`: its feature is missing, and a user who set it would believe in a protection that is not there. The values
 *   in `harmless` switch the feature off, and are accepted.
 */
export type KeyRule =
  | { readonly effect: 'used' }
  | { readonly effect: 'noEffect'; readonly why: string }
  | { readonly effect: 'refused'; readonly why: string; readonly harmless: readonly string[] };

const USED = [
  'tickTime',
  'initLimit',
  'syncLimit',
  'dataDir',
  'dataLogDir',
  'clientPort',
  'clientPortAddress',
  'clientPortListenBacklog',
  'maxClientCnxns',
  'maxCnxns',
  'minSessionTimeout',
  'maxSessionTimeout',
  'electionAlg',
  'peerType',
  'dynamicConfigFile',
  'reconfigEnabled',
  'standaloneEnabled',
  'quorumListenOnAllIPs',
  'multiAddress.enabled',
  'cnxTimeout',
  'snapCount',
  'commitLogCount',
  'globalOutstandingLimit',
  'jute.maxbuffer',
  'preAllocSize',
  'forceSync',
  'fsync.warningthresholdms',
  'snapshot.trust.empty',
  'autopurge.snapRetainCount',
  'autopurge.purgeInterval',
  'db.autocreate',
  'datadir.autocreate',
  'watchMebibytesMax',
  'skipACL',
  'extendedTypesEnabled',
  'digest.enabled',
  'DigestAuthenticationProvider.superDigest',
  '4lw.commands.whitelist',
  'admin.enableServer',
  'admin.serverAddress',
  'admin.serverPort',
  'admin.commandURL',
  'admin.snapshot.enabled',
  'admin.snapshot.intervalInMS',
  'admin.rateLimiterIntervalInMS',
  'metricsProvider.className',
  'metricsProvider.httpHost',
  'metricsProvider.httpPort',
] as const;

/** A key whose value this server uses. All are ZooKeeper's but `watchMebibytesMax`, which its servers overlook. */
export type UsedKey = (typeof USED)[number];

const NOT_YET = 'this server does not have it yet';
const JAVA_THREADS = 'it tunes threads and caches of the Java server, which this server does not have';
const ONE_TURN = 'this server batches by turns of its event loop';

const NO_EFFECT: Readonly<Record<string, readonly string[]>> = {
  [NOT_YET]: [
    'localSessionsEnabled',
    'localSessionsUpgradingEnabled',
    'observerMasterPort',
    'enforceQuota',
    'readonlymode.enabled',
    'snapSizeLimitInKb',
    'txnLogSizeLimitInKb',
    'snapshot.compression.method',
    'requestThrottleLimit',
    'requestThrottleStallTime',
    'requestThrottleDropStale',
    'requestStaleLatencyCheck',
    'requestStaleConnectionCheck',
    'request_throttler.shutdownTimeout',
    'request_throttle_max_requests',
    'request_throttle_stall_time',
    'request_throttle_drop_stale',
    'request_stale_latency_check',
    'request_stale_connection_check',
    'throttledOpWaitTime',
    'throttled_op_wait_time',
    'connectionMaxTokens',
    'connectionTokenFillTime',
    'connectionTokenFillCount',
    'connectionFreezeTime',
    'connectionDropIncrease',
    'connectionDropDecrease',
    'connectionDecreaseRatio',
    'connection_throttle_tokens',
    'connection_throttle_fill_time',
    'connection_throttle_fill_count',
    'connection_throttle_freeze_time',
    'connection_throttle_drop_increase',
    'connection_throttle_drop_decrease',
    'connection_throttle_decrease_ratio',
    'connection_throttle_weight_enabled',
    'connection_throttle_global_session_weight',
    'connection_throttle_local_session_weight',
    'connection_throttle_renew_session_weight',
    'largeRequestMaxBytes',
    'largeRequestThreshold',
    'maxConcurrentSnapSyncs',
    'maxConcurrentDiffSyncs',
    'leader.maxConcurrentSnapSyncs',
    'leader.maxConcurrentDiffSyncs',
    'connectToLearnerMasterLimit',
    'leaderServes',
    'audit.enable',
    'audit.impl.class',
    'znode.container.checkIntervalMs',
    'znode.container.maxPerMinute',
    'znode.container.maxNeverUsedIntervalMs',
    'fastleader.minNotificationInterval',
    'fastleader.maxNotificationInterval',
    'observer.reconnectDelayMs',
    'observer.election.DelayMs',
    'syncEnabled',
    'observer.syncEnabled',
    'enableEagerACLCheck',
    'IPAuthenticationProvider.usexforwardedfor',
    'DigestAuthenticationProvider.digestAlg',
  ],
  [JAVA_THREADS]: [
    'serverCnxnFactory',
    'watchManagerName',
    'watcherCleanThreadsNum',
    'watcherCleanThreshold',
    'watcherCleanIntervalInSeconds',
    'maxInProcessingDeadWatchers',
    'bitHashCacheSize',
    'maxResponseCacheSize',
    'maxGetChildrenResponseCacheSize',
    'outstandingHandshake.limit',
    'netty.server.earlyDropSecureConnectionHandshakes',
    'netty.advancedFlowControl.enabled',
    'advancedFlowControlEnabled',
    'nio.numSelectorThreads',
    'nio.numWorkerThreads',
    'nio.directBufferBytes',
    'nio.shutdownTimeout',
    'nio.sessionlessCnxnTimeout',
    'commitProcessor.numWorkerThreads',
    'commitProcessor.maxReadBatchSize',
    'commitProcessor.maxCommitBatchSize',
    'commitProcessor.shutdownTimeout',
    'learner.closeSocketAsync',
    'leader.closeSocketAsync',
    'learner.asyncSending',
    'leader.ackLoggingFrequency',
    'leader.maxTimeToWaitForEpoch',
    'leaderConnectDelayDuringRetryMs',
    'forward_learner_requests_to_commit_processor_disabled',
    'follower.skipLearnerRequestToNextProcessor',
    'quorum.cnxn.threads.size',
    'quorumCnxnTimeoutMs',
    'electionPortBindRetry',
    'intBufferStartingSizeBytes',
    'jute.maxbuffer.extrasize',
    'jvm.pause.monitor',
    'jvm.pause.warn-threshold.ms',
    'jvm.pause.info-threshold.ms',
    'jvm.pause.sleep.time.ms',
    'messageTracker.BufferSize',
    'messageTracker.Enabled',
    'pathStats.enabled',
    'jmx.log4j.disable',
    'jmx.log4j.mbean',
    'admin.idleTimeout',
    'admin.httpVersion',
    'metricsProvider.exportJvmInfo',
    'metricsProvider.numWorkerThreads',
    'metricsProvider.maxQueueSize',
    'metricsProvider.workerShutdownTimeoutMs',
    'multiAddress.reachabilityCheckEnabled',
    'multiAddress.reachabilityCheckTimeoutMs',
    'observerMaster.sizeLimit',
    'request.timeout',
  ],
  [ONE_TURN]: ['flushDelay', 'maxBatchSize', 'maxWriteQueuePollTime'],
  'no server takes in a snapshot while it runs, see zabctl restore': ['admin.restore.enabled'],
  'this server always uses TCP keepalive': ['tcpKeepAlive', 'clientTcpKeepAlive'],
  'this server always lists the ephemerals of a session when it closes': ['closeSessionTxn.enabled'],
  'this server decides for itself what it writes and checks': [
    'serializeLastProcessedZxid.enabled',
    'snapshotSizeFactor',
    'forceSnapshotSync',
    'emulate353TTLNodes',
  ],
};

const NO_TLS = 'this server has no TLS yet: remove it, and protect the traffic by other means';
const NO_SASL = 'this server has no SASL yet: remove it, and protect access by other means';
const NO_AUTH_PLUGIN = 'this server has no such authentication: remove it, and use world, digest or ip in ACLs';

const REFUSED: Readonly<Record<string, readonly string[]>> = {
  [NO_TLS]: [
    'secureClientPort',
    'secureClientPortAddress',
    'sslQuorum',
    'sslQuorumReloadCertFiles',
    'portUnification',
    'client.portUnification',
    'client.certReload',
    'admin.needClientAuth',
    'admin.forceHttps',
    'admin.portUnification',
    'metricsProvider.httpsPort',
    'fips-mode',
    'X509AuthenticationProvider.superUser',
  ],
  [NO_SASL]: [
    'quorum.auth.enableSasl',
    'quorum.auth.learnerRequireSasl',
    'quorum.auth.serverRequireSasl',
    'quorum.auth.learner.saslLoginContext',
    'quorum.auth.server.saslLoginContext',
    'quorum.auth.kerberos.servicePrincipal',
    'sessionRequireClientSASLAuth',
    'allowSaslFailedClients',
    'superUser',
    'SASLAuthenticationProvider.superPassword',
    'letAnySaslUserDoX',
    'requireClientAuthScheme',
    'jaasLoginRenew',
    'sasl.serverconfig',
    'kerberos.removeHostFromPrincipal',
    'kerberos.removeRealmFromPrincipal',
    'kerberos.canonicalizeHostNames',
  ],
  [NO_AUTH_PLUGIN]: ['enforce.auth.enabled', 'enforce.auth.schemes', 'ensembleAuthName'],
  'this server has no oracle for quorums: with it, two servers could disagree on what a quorum is': ['oraclePath'],
};

/** Families of keys, by how they begin. */
const PREFIXES: readonly (readonly [string, KeyRule])[] = [
  ['ssl.', { effect: 'refused', why: NO_TLS, harmless: [] }],
  ['metricsProvider.ssl', { effect: 'refused', why: NO_TLS, harmless: [] }],
  ['metricsProvider.keyStore', { effect: 'refused', why: NO_TLS, harmless: [] }],
  ['metricsProvider.trustStore', { effect: 'refused', why: NO_TLS, harmless: [] }],
  ['authProvider', { effect: 'refused', why: NO_AUTH_PLUGIN, harmless: [] }],
  ['quorum.auth.', { effect: 'refused', why: NO_SASL, harmless: ['false'] }],
];

const RULES = new Map<string, KeyRule>([
  ...USED.map((key): [string, KeyRule] => [key, { effect: 'used' }]),
  ...rulesOf(NO_EFFECT, (why) => ({ effect: 'noEffect', why })),
  ...rulesOf(REFUSED, (why) => ({ effect: 'refused', why, harmless: ['false', 'no'] })),
  [
    'DigestAuthenticationProvider.enabled',
    {
      effect: 'refused',
      why: 'this server always has digest authentication: remove it',
      harmless: ['true'],
    },
  ],
]);

function rulesOf(table: Readonly<Record<string, readonly string[]>>, rule: (why: string) => KeyRule) {
  return Object.entries(table).flatMap(([why, keys]) => keys.map((key): [string, KeyRule] => [key, rule(why)]));
}

/** The rule for a key (without the prefix `zookeeper.`), or undefined for one that no server knows. */
export function ruleOf(key: string): KeyRule | undefined {
  return RULES.get(key) ?? PREFIXES.find(([prefix]) => key.startsWith(prefix))?.[1];
}

/** Every key but `server.N`, `group.N` and `weight.N`, and the families. */
export function knownKeys(): Iterable<string> {
  return RULES.keys();
}
