/** The largest number that the Java server's integers hold. */
const INT_MAX = 2 ** 31 - 1;

/** Keys of zoo.cfg that `spec.config` may set: those that the server uses, but for the operator's own. */
export const CONFIGURABLE_KEYS = [
  '4lw.commands.whitelist',
  'admin.rateLimiterIntervalInMS',
  'admin.snapshot.enabled',
  'admin.snapshot.intervalInMS',
  'autopurge.purgeInterval',
  'autopurge.snapRetainCount',
  'clientPortListenBacklog',
  'cnxTimeout',
  'commitLogCount',
  'digest.enabled',
  'extendedTypesEnabled',
  'fsync.warningthresholdms',
  'globalOutstandingLimit',
  'jute.maxbuffer',
  'maxClientCnxns',
  'maxCnxns',
  'maxSessionTimeout',
  'minSessionTimeout',
  'preAllocSize',
  'skipACL',
  'snapCount',
  'watchMebibytesMax',
] as const;

/** The configurable keys that are whole numbers, and from where to where they may go. */
export const NUMERIC_KEYS: Readonly<Record<string, readonly [min: number, max: number]>> = {
  'admin.rateLimiterIntervalInMS': [0, INT_MAX],
  'admin.snapshot.intervalInMS': [0, INT_MAX],
  'autopurge.purgeInterval': [0, INT_MAX],
  // Fewer would be too few to recover from; the server would raise it.
  'autopurge.snapRetainCount': [3, INT_MAX],
  clientPortListenBacklog: [1, INT_MAX],
  cnxTimeout: [1, INT_MAX],
  commitLogCount: [1, 1_000_000],
  'fsync.warningthresholdms': [0, INT_MAX],
  globalOutstandingLimit: [1, INT_MAX],
  'jute.maxbuffer': [1024, 1024 ** 3],
  maxClientCnxns: [0, INT_MAX],
  maxCnxns: [0, INT_MAX],
  maxSessionTimeout: [1, INT_MAX],
  minSessionTimeout: [1, INT_MAX],
  preAllocSize: [1, 2 ** 21],
  snapCount: [2, INT_MAX],
  watchMebibytesMax: [1, 2 ** 20],
};

/** The configurable keys that are true or false. */
export const BOOLEAN_KEYS = ['admin.snapshot.enabled', 'digest.enabled', 'extendedTypesEnabled', 'skipACL'] as const;

/** Keys of zoo.cfg that the operator writes from a field of their own in the manifest. */
export const KEYS_WITH_A_FIELD = {
  tickTime: 'spec.tickTimeMs',
  initLimit: 'spec.initLimitTicks',
  syncLimit: 'spec.syncLimitTicks',
} as const;

/** The key of the super user, whom the operator makes; it refuses this key with a sentence of its own. */
export const SUPER_DIGEST_KEY = 'DigestAuthenticationProvider.superDigest';

/** Keys of zoo.cfg that follow from how the operator runs an ensemble and cannot be chosen. */
export const OWNED_KEYS = [
  'admin.commandURL',
  'admin.enableServer',
  'admin.serverAddress',
  'admin.serverPort',
  'clientPort',
  'clientPortAddress',
  'dataDir',
  'dataLogDir',
  'datadir.autocreate',
  'db.autocreate',
  'dynamicConfigFile',
  'electionAlg',
  'forceSync',
  'metricsProvider.className',
  'metricsProvider.httpHost',
  'metricsProvider.httpPort',
  'multiAddress.enabled',
  'peerType',
  'quorumListenOnAllIPs',
  'reconfigEnabled',
  'snapshot.trust.empty',
  'standaloneEnabled',
] as const;

/** Families of keys that the operator owns: any key that begins so. */
export const OWNED_PREFIXES = ['server.', 'group.', 'weight.'] as const;
