import type { WrongManifests } from './cases.ts';

const affinityTo = (operator: string): object => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', operator, values: ['fast'] }] }],
    },
  },
});

const SPREAD = { topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'DoNotSchedule', maxSkew: 1 };

const SIZE: WrongManifests = {
  'an even number of voters': { spec: { replicas: 4 }, sentence: /replicas must be odd/ },
  'too many voters': { spec: { replicas: 11 }, sentence: /replicas must be 9 or fewer/ },
  'no voters': { spec: { replicas: 0 }, sentence: /replicas must be odd/ },
  'ids beyond the largest': { spec: { serverIdOffset: 250 }, sentence: /serverIdOffset must be between 0 and 245/ },
  'too many observers': {
    spec: { observers: { replicas: 17 } },
    sentence: /observers\.replicas must be between 0 and 16: the leader sends every write to each of them/,
  },
  'observers whose ids are beyond the largest': {
    spec: { serverIdOffset: 240, observers: { replicas: 1 } },
    sentence: /observers need serverIdOffset to be 229 or less/,
  },
  'more voters than there are numbers': { spec: { replicas: 2_147_483_649 }, sentence: /replicas must be 9 or fewer/ },
  'fewer observers than none': {
    spec: { observers: { replicas: -1 } },
    sentence: /observers\.replicas must be between 0 and 16/,
  },
  'a negative id': { spec: { serverIdOffset: -1 }, sentence: /serverIdOffset must be between 0 and 245/ },
};

const NAMES: WrongManifests = {
  'a name that is too long': {
    name: 'a'.repeat(41),
    spec: {},
    sentence: /metadata\.name must have 40 characters or fewer/,
  },
  'a name with a dot': { name: 'my.zoo', spec: {}, sentence: /metadata\.name must begin with a letter and have only/ },
  'a name that begins with a digit': { name: '3zoo', spec: {}, sentence: /metadata\.name must begin with a letter/ },
  'a domain that is none': { spec: { clusterDomain: 'under_score' }, sentence: /clusterDomain must be a DNS domain/ },
  'a domain with a label that is too long': {
    spec: { clusterDomain: `${'a'.repeat(64)}.local` },
    sentence: /clusterDomain must be a DNS domain/,
  },
  'a domain with which no address is a name any more': {
    spec: { clusterDomain: `${'a'.repeat(40)}.${'b'.repeat(44)}` },
    sentence: /clusterDomain must have 84 characters or fewer: the addresses of members end with it/,
  },
  'a misspelt field': { spec: { replica: 3 }, sentence: /unknown field "spec\.replica"/ },
};

const STORAGE: WrongManifests = {
  'a volume without room': { spec: { storage: { size: '1Mi' } }, sentence: /storage\.size must be 64Mi or more/ },
  'a size that no number holds': {
    spec: { storage: { size: '100Ei' } },
    sentence: /storage\.size must be 1Ei or less/,
  },
  'a negative size': { spec: { storage: { size: '-5Gi' } }, sentence: /storage\.size must be 64Mi or more/ },
  'a storage class that is empty': {
    spec: { storage: { storageClassName: '' } },
    sentence: /storage\.storageClassName must be a name of lower-case letters/,
  },
  'a size that is no amount': { spec: { storage: { size: 'big' } }, sentence: /must be an amount such as 512Mi, 1Gi/ },
  'a storage class that cannot be a name': {
    spec: { storage: { storageClassName: 'Fast SSD' } },
    sentence: /storage\.storageClassName must be a name of lower-case letters/,
  },
  'volumes that are to be thrown away when scaled': {
    spec: { storage: { whenScaled: 'Drop' } },
    sentence: /Unsupported value: "Drop": supported values: "Retain", "Delete"/,
  },
  'volumes that are to be recycled': {
    spec: { storage: { whenDeleted: 'Recycle' } },
    sentence: /Unsupported value: "Recycle": supported values: "Retain", "Delete"/,
  },
};

const CONFIG: WrongManifests = {
  'a key that the operator owns': {
    spec: { config: { dataDir: '/tmp' } },
    sentence: /config must not set what the operator decides/,
  },
  'members listed by hand': {
    spec: { config: { 'server.1': 'a:1:2' } },
    sentence: /config must not list members .*: the operator writes them from replicas/,
  },
  'a key that has a field': {
    spec: { config: { tickTime: 100 } },
    sentence: /config must not set tickTime: set spec\.tickTimeMs instead/,
  },
  'a super user in zoo.cfg': {
    spec: { config: { 'DigestAuthenticationProvider.superDigest': 'super:x' } },
    sentence: /the operator makes the super user; name and password are in the Secret/,
  },
  'an unknown key of zoo.cfg': {
    spec: { config: { tickTimes: 100 } },
    sentence: /config may only have keys of zoo\.cfg that the server uses: 4lw/,
  },
  'two keys in one value': {
    spec: { config: { '4lw.commands.whitelist': 'srvr\ndataDir=/tmp' } },
    sentence: /config\.4lw\.commands\.whitelist must be four-letter words with commas/,
  },
  'a line break in a number': {
    spec: { config: { snapCount: '1000\nskipACL=yes' } },
    sentence: /config\.snapCount must be a whole number from 2 to/,
  },
  'a line break in a key': {
    spec: { config: { 'snapCount=1\nskipACL': 'yes' } },
    sentence: /config may only have keys of zoo\.cfg that the server uses/,
  },
  'an empty key': {
    spec: { config: { '': 1 } },
    sentence: /config may only have keys of zoo\.cfg that the server uses/,
  },
  'an empty value': {
    spec: { config: { snapCount: '' } },
    sentence: /config\.snapCount must be a whole number from 2 to/,
  },
  'a timeout of nothing': {
    spec: { config: { maxSessionTimeout: 0 } },
    sentence: /config\.maxSessionTimeout must be a whole number from 1 to/,
  },
  'a word that is no number': {
    spec: { config: { snapCount: 'many' } },
    sentence: /config\.snapCount must be a whole number from 2 to/,
  },
  'a number that is too large': {
    spec: { config: { 'jute.maxbuffer': '2147483648' } },
    sentence: /config\.jute\.maxbuffer must be a whole number from 1024 to 1073741824/,
  },
  'a negative number of connections': {
    spec: { config: { maxClientCnxns: -1 } },
    sentence: /config\.maxClientCnxns must be a whole number from 0 to/,
  },
  'too few snapshots to go back to': {
    spec: { config: { 'autopurge.snapRetainCount': 1 } },
    sentence: /config\.autopurge\.snapRetainCount must be a whole number from 3 to/,
  },
  'neither true nor false': {
    spec: { config: { skipACL: 'maybe' } },
    sentence: /config\.skipACL must be 'true' or 'false', in quotes/,
  },
  'session timeouts that leave no room': {
    spec: { config: { minSessionTimeout: 60_000 } },
    sentence: /config\.minSessionTimeout must not be above config\.maxSessionTimeout, which is 20 times tickTimeMs/,
  },
  'a tick that is too short': { spec: { tickTimeMs: 5 }, sentence: /tickTimeMs must be between 100 and 60000/ },
  'no time to synchronize': { spec: { initLimitTicks: 0 }, sentence: /initLimitTicks must be between 1 and 10000/ },
  'no patience with members': { spec: { syncLimitTicks: 0 }, sentence: /syncLimitTicks must be between 1 and 10000/ },
};

const PODS: WrongManifests = {
  'an image with a space': {
    spec: { image: 'zab keeper' },
    sentence: /image must be one image reference without spaces/,
  },
  'an image as a URL': {
    spec: { image: 'https://registry.example.com/zabkeeper:0.1.0' },
    sentence: /image must be one image reference without spaces and without https:/,
  },
  'a Secret that is named twice': {
    spec: { imagePullSecrets: [{ name: 'registry' }, { name: 'registry' }] },
    sentence: /imagePullSecrets must not name a Secret twice/,
  },
  'a pull policy that there is not': {
    spec: { imagePullPolicy: 'Sometimes' },
    sentence: /Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"/,
  },
  'an amount that is none': {
    spec: { resources: { requests: { memory: '1 GB' } } },
    sentence: /resources must be amounts such as 500m or 2 for cpu/,
  },
  'less than nothing': {
    spec: { resources: { requests: { cpu: '-1' } } },
    sentence: /resources must not be negative/,
  },
  'a resource that there is not': {
    spec: { resources: { limits: { mem: '1Gi' } } },
    sentence: /resources may only name cpu, memory, ephemeral-storage/,
  },
  'more asked for than allowed': {
    spec: { resources: { requests: { cpu: 2 }, limits: { cpu: '500m' } } },
    sentence: /resources\.requests\.cpu must not be above resources\.limits\.cpu/,
  },
  'too little memory to start': {
    spec: { resources: { limits: { memory: '32Mi' } } },
    sentence: /resources\.limits\.memory must be 192Mi or more/,
  },
  "a label of the operator's": {
    spec: { podLabels: { 'app.kubernetes.io/name': 'books' } },
    sentence: /keys that begin with zabkeeper\.dev\/ or app\.kubernetes\.io\/ belong to the operator/,
  },
  "a label of Kubernetes' own": {
    spec: { podLabels: { 'controller-revision-hash': 'mine' } },
    sentence: /podLabels must not have keys that Kubernetes gives each pod itself/,
  },
  'an annotation that would undo every restart': {
    spec: { podAnnotations: { 'kubectl.kubernetes.io/restartedAt': '2026-01-01T00:00:00Z' } },
    sentence:
      /it would undo kubectl rollout restart; annotate the CoordinationCluster with zabkeeper\.dev\/restarted-at/,
  },
  'an annotation whose key is none': {
    spec: { podAnnotations: { 'the team': 'books' } },
    sentence: /podAnnotations: a key must be a name of 63 characters or fewer/,
  },
  'a label whose prefix is none': {
    spec: { podLabels: { '-.example/team': 'books' } },
    sentence: /podLabels: the key of a label must be a name/,
  },
  'a label with a space': {
    spec: { podLabels: { team: 'two words' } },
    sentence: /podLabels: the value of a label must have only letters, digits/,
  },
  'a label whose key is none': {
    spec: { podLabels: { 'the team': 'books' } },
    sentence: /podLabels: the key of a label must be a name/,
  },
  'a comparison that there is not': {
    spec: { scheduling: { affinity: affinityTo('Has') } },
    sentence: /Unsupported value: "Has": supported values: "In", "NotIn", "Exists"/,
  },
  'a toleration of nothing': {
    spec: { scheduling: { tolerations: [{ operator: 'Equal', value: 'x' }] } },
    sentence: /a toleration without a key tolerates everything, and must say so with operator: Exists/,
  },
  'a toleration that says too much': {
    spec: { scheduling: { tolerations: [{ key: 'a', operator: 'Exists', value: 'x' }] } },
    sentence: /a toleration with operator Exists must have no value/,
  },
  'the same spread twice': {
    spec: { scheduling: { topologySpreadConstraints: [SPREAD, { ...SPREAD, maxSkew: 2 }] } },
    sentence: /topologySpreadConstraints must not have the same topologyKey and whenUnsatisfiable twice/,
  },
  'a spread over nothing': {
    spec: { scheduling: { topologySpreadConstraints: [{ ...SPREAD, topologyKey: '' }] } },
    sentence: /topologyKey: Invalid value: "": .*should be at least 1 chars long/,
  },
  'a node selector that selects nothing': {
    spec: { scheduling: { nodeSelector: { disk: 'very fast' } } },
    sentence: /scheduling\.nodeSelector: the value of a label must have only/,
  },
  'a priority class that cannot be a name': {
    spec: { scheduling: { priorityClassName: 'Very High' } },
    sentence: /scheduling\.priorityClassName must be a name of lower-case letters/,
  },
};

const CHANGES: WrongManifests = {
  'another offset of the ids': {
    after: {},
    spec: { serverIdOffset: 10 },
    sentence: /serverIdOffset cannot be changed: a member's id is written into its data/,
  },
  'hibernation while the operator is to change nothing': {
    after: { paused: true },
    spec: { paused: true, hibernated: true },
    sentence: /hibernated cannot be changed while paused is set: .*; set paused to false first/,
  },
  'more members while none runs': {
    after: { paused: true, hibernated: true },
    spec: { paused: true, hibernated: true, replicas: 5 },
    sentence: /replicas cannot be changed while hibernated is set/,
  },
  'observers while no member runs': {
    after: { paused: true, hibernated: true },
    spec: { paused: true, hibernated: true, observers: { replicas: 1 } },
    sentence: /observers\.replicas cannot be changed while hibernated is set/,
  },
};

/** Wrong CoordinationClusters. */
export const COORDINATION_CLUSTER: WrongManifests = { ...SIZE, ...NAMES, ...STORAGE, ...CONFIG, ...PODS, ...CHANGES };
