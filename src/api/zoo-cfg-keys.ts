/** Keys of zoo.cfg that the operator writes itself from other fields of the manifest, with the field to use instead. */
export const KEYS_WITH_A_FIELD: Readonly<Record<string, string>> = {
  tickTime: 'spec.tickTimeMs',
  initLimit: 'spec.initLimitTicks',
  syncLimit: 'spec.syncLimitTicks',
};

/** Keys of zoo.cfg that follow from how the operator runs an ensemble and cannot be chosen. */
export const OWNED_KEYS = [
  'dataDir',
  'dataLogDir',
  'clientPort',
  'clientPortAddress',
  'secureClientPort',
  'secureClientPortAddress',
  'standaloneEnabled',
  'reconfigEnabled',
  'dynamicConfigFile',
  'peerType',
  'electionAlg',
  'quorumListenOnAllIPs',
  'admin.enableServer',
  'admin.serverPort',
  'admin.serverAddress',
  'metricsProvider.className',
  'metricsProvider.httpHost',
  'metricsProvider.httpPort',
  'db.autocreate',
] as const;

/** Families of keys that the operator owns: any key that begins so. */
export const OWNED_PREFIXES = ['server.', 'group.', 'weight.'] as const;
