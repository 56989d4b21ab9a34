import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CodedError } from '../../common/errors.ts';
import { membershipOf } from './membership.ts';
import { idFromHostName, ownServer, parseMyId } from './own-server.ts';
import { parseProperties } from './properties.ts';
import { parseZooCfg } from './zoo-cfg.ts';

const noDynamicFile = (file: string): string => assert.fail(`${file} was read`);

const parse = (text: string) => parseZooCfg(text, 'zoo.cfg', noDynamicFile);

/** A valid ensemble of three, to which tests add lines. */
const ENSEMBLE = `
tickTime=2000
initLimit=10
syncLimit=5
dataDir=/data
clientPort=2181
server.1=zk-0.zk:2888:3888
server.2=zk-1.zk:2888:3888
server.3=zk-2.zk:2888:3888
`;

/** The message must have all of the parts: what is wrong, where, and what to write. */
function refuses(text: string, ...parts: readonly string[]): void {
  assert.throws(
    () => parse(text),
    (error: unknown) => {
      assert.ok(error instanceof CodedError);
      assert.equal(error.code, 'ZK_CONFIG_INVALID');
      for (const part of parts) assert.ok(error.message.includes(part), `'${error.message}' lacks '${part}'`);
      return true;
    },
  );
}

test('who reads a configuration reads no secret in it', () => {
  const text = 'dataDir=/data\nzookeeper.DigestAuthenticationProvider.superDigest=super:\\\n  hidden=\n';
  const { written } = parseZooCfg(text, 'zoo.cfg', () => '').config;
  assert.deepEqual(written, [
    ['dataDir', '/data'],
    ['zookeeper.DigestAuthenticationProvider.superDigest', '***'],
  ]);
});

test('the smallest standalone configuration, with its defaults', () => {
  const { config, warnings } = parse('dataDir=/data\nclientPort=2181\n');
  assert.deepEqual(warnings, []);
  assert.equal(config.standalone, true);
  assert.equal(config.tickTimeMs, 3000);
  assert.equal(config.dataLogDir, '/data');
  assert.deepEqual([config.minSessionTimeoutMs, config.maxSessionTimeoutMs], [6000, 60_000]);
  assert.deepEqual(config.client, { host: '0.0.0.0', port: 2181 });
  assert.deepEqual(config.fourLetterWords, new Set(['srvr']));
  assert.deepEqual(ownServer(config, undefined, 'zoo.cfg').id, 1);
});

test('what watches may take is in mebibytes', () => {
  assert.equal(parse('dataDir=/data\nclientPort=2181\nwatchMebibytesMax=3\n').config.watchBytesMax, 3 * 2 ** 20);
  refuses('dataDir=/data\nclientPort=2181\nwatchMebibytesMax=0\n', 'watchMebibytesMax', 'from 1 to');
});

test('the largest id does not go with TTLs, whose mark it is', () => {
  const largest = `${ENSEMBLE}server.255=zk-3.zk:2888:3888\n`;
  assert.equal(parse(largest).config.ensemble.servers.length, 4);
  refuses(`${largest}extendedTypesEnabled=true\n`, 'extendedTypesEnabled', 'server.255', 'up to 254');
});

test('an ensemble of three', () => {
  const { config, warnings } = parse(ENSEMBLE);
  assert.deepEqual(warnings, []);
  assert.equal(config.standalone, false);
  assert.deepEqual(config.ensemble.servers[1], {
    id: 2,
    role: 'participant',
    addresses: [{ host: 'zk-1.zk', quorumPort: 2888, electionPort: 3888 }],
    client: undefined,
  });
  const membership = membershipOf(config.ensemble, 1);
  assert.equal(membership.isQuorum(new Set([1])), false);
  assert.equal(membership.isQuorum(new Set([1, 3])), true);
  assert.equal(membership.isQuorum(new Set([1, 9])), false);
  assert.equal(
    membership.text,
    'server.1=zk-0.zk:2888:3888:participant\nserver.2=zk-1.zk:2888:3888:participant\nserver.3=zk-2.zk:2888:3888:participant\nversion=0',
  );
});

test('server lines: roles, client addresses, IPv6, several addresses', () => {
  const { config } = parse(
    `${ENSEMBLE}multiAddress.enabled=true
server.4 = [fe80::1]:2888:3888:observer;[::]:2181
server.5=10.0.0.1:2888:3888|10.1.0.1:2888:3888;2182`,
  );
  const [, , , observer, multiple] = config.ensemble.servers;
  assert.deepEqual(observer, {
    id: 4,
    role: 'observer',
    addresses: [{ host: 'fe80::1', quorumPort: 2888, electionPort: 3888 }],
    client: { host: '::', port: 2181 },
  });
  assert.equal(multiple?.addresses.length, 2);
  assert.deepEqual(multiple?.client, { host: '0.0.0.0', port: 2182 });
  assert.match(
    membershipOf(config.ensemble, 1).text,
    /server\.4=\[fe80::1\]:2888:3888:observer;\[::\]:2181\nserver\.5=10\.0\.0\.1:2888:3888\|10\.1\.0\.1:2888:3888:participant;0\.0\.0\.0:2182/,
  );
});

test('groups and weights', () => {
  const lines = Array.from({ length: 6 }, (_, index) => `server.${index + 4}=host${index}:2888:3888`);
  const { config } = parse(`${ENSEMBLE}${lines.join('\n')}
group.1=1:2:3
group.2=4:5:6
group.3=7:8:9
weight.9=0
weight.7=0
weight.8=0`);
  const membership = membershipOf(config.ensemble, 1);
  // The third group has no weight, so both of the others must be won.
  assert.equal(membership.isQuorum(new Set([1, 2, 4, 5])), true);
  assert.equal(membership.isQuorum(new Set([1, 2, 4, 7, 8, 9])), false);
  assert.deepEqual([1, 7, 12].map((id) => membership.weightOf(id)), [1, 0, 0]);
  refuses(`${ENSEMBLE}group.1=1:2`, 'server 3', 'is in none');
  refuses(`${ENSEMBLE}group.1=1:2:3\ngroup.2=3`, 'line 11', 'group.1');
  refuses(`${ENSEMBLE}group.1=1:2:4`, "'4'");
  refuses(`${ENSEMBLE}weight.1=2`, 'without groups');
});

test('an unknown key is refused with its line and the spelling that was meant', () => {
  refuses('dataDir=/data\nclientport=2181', 'zoo.cfg line 2', 'clientport', 'write clientPort');
  refuses('dataDir=/data\nticktme=2000', 'write tickTime');
  refuses('dataDir=/data\nsrver.1=a:1:2', 'write server.N');
  refuses('dataDir=/data\nfrobnicate=1', 'frobnicate', 'remove it');
});

test('values that cannot be used', () => {
  refuses('clientPort=2181', 'dataDir', 'is missing');
  refuses('dataDir=/data\ntickTime=fast', 'line 2: tickTime', "'fast'");
  refuses('dataDir=/data\ntickTime=0', 'from 1');
  refuses('dataDir=/data\nclientPort=70000', '1 to 65535');
  refuses('dataDir=/data\nskipACL=maybe', 'write true or false');
  refuses('dataDir=/data\nelectionAlg=2', 'electionAlg');
  refuses('dataDir=/data\npeerType=watcher', 'participant or observer');
  refuses(`${ENSEMBLE}server.4=host:2888`, 'line 10: server.4', 'write server.N=host:2888:3888');
  refuses(`${ENSEMBLE}server.x=host:2888:3888`, 'server.x');
  refuses(`${ENSEMBLE}server.256=host:2888:3888`, 'from 0 to 255');
  refuses(`${ENSEMBLE}server.4=host:2888:2888`, 'two different');
  refuses(`${ENSEMBLE}server.4=host:2888:3888:voter`, "'voter'");
  refuses(`${ENSEMBLE}server.4=a:2888:3888|b:2888:3888`, 'multiAddress.enabled=true');
});

test('keys that contradict one another', () => {
  refuses('dataDir=/data\ntickTime=2000\ntickTime=3000', 'line 3', 'line 2');
  refuses('dataDir=/data\nzookeeper.snapCount=5\nsnapCount=6', 'line 3');
  refuses('dataDir=/data\nminSessionTimeout=5000\nmaxSessionTimeout=4000', 'minSessionTimeout');
  refuses('dataDir=/data\nclientPortAddress=::1', 'clientPort=2181');
  refuses(`${ENSEMBLE}server.4=zk-0.zk:2888:3889`, 'zk-0.zk:2888', 'server.1');
  refuses(`${ENSEMBLE}server.03=other:2888:3888`, 'server 3 twice');
  refuses('dataDir=/data\nserver.1=a:1:2:observer', 'no participant');
  refuses('dataDir=/data\nserver.1=a:1:2\nserver.2=b:1:2:observer', 'standaloneEnabled=false');
  refuses('dataDir=/data\nstandaloneEnabled=false', 'server.N');
  refuses(ENSEMBLE.replace('initLimit=10', ''), 'write initLimit=10');
  assert.doesNotThrow(() => parse('dataDir=/data\ntickTime=2000\ntickTime=2000'));
});

test('what would protect nothing is refused, unless it is switched off', () => {
  refuses('dataDir=/data\nsecureClientPort=2281', 'line 2: secureClientPort', 'TLS');
  refuses('dataDir=/data\nssl.keyStore.location=/a', 'TLS');
  refuses('dataDir=/data\nsslQuorum=true', 'TLS');
  refuses('dataDir=/data\nquorum.auth.enableSasl=true', 'SASL');
  refuses('dataDir=/data\nauthProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider', 'authentication');
  refuses('dataDir=/data\nsessionRequireClientSASLAuth=true', 'SASL');
  const { warnings } = parse('dataDir=/data\nsslQuorum=false\nquorum.auth.enableSasl=false\nsessionRequireClientSASLAuth=false');
  assert.deepEqual(warnings, []);
});

test('what has no effect is accepted with a warning', () => {
  const { warnings } = parse('dataDir=/data\nflushDelay=5\nzookeeper.nio.numWorkerThreads=4\nsnapCount=1');
  assert.equal(warnings.length, 3);
  assert.match(warnings[0] ?? '', /^zoo\.cfg line 2: flushDelay has no effect/);
  assert.match(warnings[1] ?? '', /line 3: zookeeper\.nio\.numWorkerThreads/);
  assert.match(warnings[2] ?? '', /snapCount is 1; 2/);
});

test('a dynamic configuration file', () => {
  const text = 'dataDir=/data\ninitLimit=10\nsyncLimit=5\ndynamicConfigFile=/conf/zoo.cfg.dynamic.10000001a';
  const read = (file: string): string => {
    assert.equal(file, '/conf/zoo.cfg.dynamic.10000001a');
    return 'server.1=a:1:2:participant;2181\nserver.2=b:1:2:participant;2181\nserver.3=c:1:2:observer;2181\n';
  };
  const { config } = parseZooCfg(text, 'zoo.cfg', read);
  assert.equal(config.ensemble.version, 0x1_0000_001a);
  assert.equal(config.ensemble.servers.length, 3);
  assert.throws(() => parseZooCfg(`${text}\nserver.9=a:1:2`, 'zoo.cfg', read), /move it to \/conf\/zoo\.cfg\.dynamic/);
  assert.throws(() => parseZooCfg(text, 'zoo.cfg', () => 'tickTime=1'), /line 1: tickTime does not belong/);
});

test('this server in its ensemble', () => {
  const { config } = parse(ENSEMBLE);
  assert.equal(ownServer(config, 2, 'zoo.cfg').entry?.addresses[0].host, 'zk-1.zk');
  assert.throws(() => ownServer(config, undefined, 'zoo.cfg'), /\/data\/myid is missing/);
  assert.throws(() => ownServer(config, 4, 'zoo.cfg'), /says 4, but zoo\.cfg has servers 1, 2, 3 only/);
  const noClient = parse(ENSEMBLE.replace('clientPort=2181', '')).config;
  assert.throws(() => ownServer(noClient, 1, 'zoo.cfg'), /clientPort is missing.*write clientPort=2181/);
  const withClient = parse(`${ENSEMBLE}server.4=host:2888:3888;2199`).config;
  assert.throws(() => ownServer(withClient, 4, 'zoo.cfg'), /remove clientPort/);
  const samePort = parse(`${ENSEMBLE}admin.serverPort=2888`).config;
  assert.throws(() => ownServer(samePort, 1, 'zoo.cfg'), /port 2888 is admin.serverPort and the quorum port/);
});

test('ids from host names and myid files', () => {
  assert.equal(idFromHostName('sample-0'), 1);
  assert.equal(idFromHostName('sample-12.peers.default.svc'), 13);
  assert.throws(() => idFromHostName('laptop'), { code: 'ZK_CONFIG_INVALID' });
  assert.equal(parseMyId('3\n', 'myid'), 3);
  for (const text of ['', 'three', '-1', '256']) assert.throws(() => parseMyId(text, 'myid'), { code: 'ZK_CONFIG_INVALID' });
});

test('admin and metrics servers', () => {
  const { config } = parse(
    'dataDir=/data\nadmin.enableServer=false\nadmin.serverPort=9090\nadmin.commandURL=/zk/\nmetricsProvider.httpPort=7070',
  );
  assert.deepEqual(config.admin, {
    enabled: false,
    host: '0.0.0.0',
    port: 9090,
    explicit: true,
    commandUrl: '/zk',
    snapshots: true,
    snapshotIntervalMs: 300_000,
  });
  assert.equal(parse('dataDir=/data\nadmin.rateLimiterIntervalInMS=5').config.admin.snapshotIntervalMs, 5);
  assert.deepEqual(config.metrics, { enabled: true, host: '0.0.0.0', port: 7070, explicit: true });
  const off = parse('dataDir=/data\nmetricsProvider.className=org.apache.zookeeper.metrics.impl.DefaultMetricsProvider');
  assert.equal(off.config.metrics.enabled, false);
  refuses('dataDir=/data\nmetricsProvider.className=com.example.Mine', 'com.example.Mine');
});

test('properties: comments, separators, escapes, lines that go on', () => {
  const text = '# c\n! c\n\na=1\n b : 2\nc 3\nd=x\\\n   y\ne\\=f=g\\u0041\\t\\\\\nh\ni=C:\\\\data # no comment';
  assert.deepEqual(
    parseProperties(text, 'zoo.cfg').map(({ key, value, line }) => [key, value, line]),
    [
      ['a', '1', 4],
      ['b', '2', 5],
      ['c', '3', 6],
      ['d', 'xy', 7],
      ['e=f', 'gA\t\\', 9],
      ['h', '', 10],
      ['i', 'C:\\data # no comment', 11],
    ],
  );
  assert.throws(() => parseProperties('a=\\u12', 'zoo.cfg'), /line 1 has an escape/);
});

test('any text is a configuration or a coded error', () => {
  const line = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.tuple(fc.constantFrom('server.1', 'server.2', 'group.1', 'clientPort', 'dataDir', 'weight.1'), fc.string()).map((p) => p.join('=')),
    fc.constantFrom(...ENSEMBLE.split('\n')),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      try {
        parseZooCfg(lines.join('\n'), 'zoo.cfg', () => '');
      } catch (error) {
        assert.ok(error instanceof CodedError, String(error));
        assert.equal(error.code, 'ZK_CONFIG_INVALID');
      }
    }),
    { numRuns: 500 },
  );
});
