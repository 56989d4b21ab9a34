import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodedError } from '../../common/errors.ts';
import { changeMembership, readEnsemble, readMembership, type MembershipChange } from './reconfiguration.ts';

const NOTHING: MembershipChange = { joiningServers: null, leavingServers: null, newMembers: null };
const three = [1, 2, 3].map((id) => `server.${id}=zk-${id}:2888:3888:participant;0.0.0.0:2181`);
const text = [...three, 'version=100000000'].join('\n');

const RULES = { votersMin: 1, severalAddresses: false };

const changed = (change: Partial<MembershipChange>, current = text): string =>
  changeMembership(current, { ...NOTHING, ...change }, 0x200000005, RULES).text;

test('a configuration is read as it was written', () => {
  const membership = readMembership(text);
  assert.equal(membership.text, text);
  assert.equal(membership.version, 0x100000000);
  assert.equal(membership.isQuorum(new Set([1, 2])), true);
  assert.deepEqual(readEnsemble('server.1=a:1:2\n').version, 0);
});

test('servers join, leave, and change their role or address', () => {
  const joined = changed({ joiningServers: 'server.4=zk-4:2888:3888:observer;2181' });
  assert.equal(joined, [...three, 'server.4=zk-4:2888:3888:observer;0.0.0.0:2181', 'version=200000005'].join('\n'));
  assert.equal(changed({ leavingServers: '1, 3' }), [three[1], 'version=200000005'].join('\n'));
  const replaced = changed({ joiningServers: 'server.9=zk-9:2888:3888;2181', leavingServers: '2' });
  assert.match(replaced, /^server\.1=.*\nserver\.3=.*\nserver\.9=zk-9:2888:3888:participant;0\.0\.0\.0:2181\nversion/);
  const demoted = changed({ joiningServers: 'server.2=elsewhere:2888:3888:observer;2182' });
  assert.match(demoted, /^server\.2=elsewhere:2888:3888:observer;0\.0\.0\.0:2182$/m);
});

test('a whole configuration may come with commas or lines, and with groups', () => {
  const lines = [...three, 'group.1=1:2:3', 'weight.1=2'];
  for (const separator of [',', '\n']) {
    assert.match(changed({ newMembers: lines.join(separator) }), /^group\.1=1:2:3\nweight\.1=2\nweight\.2=1/m);
  }
});

test('what makes no sense is refused', () => {
  const grouped = [...three, 'group.1=1:2:3', 'version=1'].join('\n');
  const refused: readonly (() => unknown)[] = [
    () => changed({ joiningServers: 'nonsense' }),
    () => changed({ joiningServers: 'server.4=zk-4:2888:3888' }),
    () => changed({ joiningServers: 'server.4=zk-1:2888:3888;2181' }),
    () => changed({ joiningServers: 'server.4=zk-4:2888:3888;zk-1:2888' }),
    () => changed({ joiningServers: 'server.4=zk-4:2888:3888;zk-4:2888' }),
    () => changed({ joiningServers: 'server.4=zk-4:2888:3888;zk-4:2181,server.5=zk-5:2888:3888;zk-4:2181' }),
    () => changed({ joiningServers: 'server.4=zk-4:2888:3888|zk-5:2888:3888;2181' }),
    () => changed({ joiningServers: 'server.4=a\\nb:2888:3888;2181' }),
    () => changed({ joiningServers: 'server.4=a\\u0023\\nserver.5=b:2888:3888;2181' }),
    () => changed({ joiningServers: `server.4=${'a'.repeat(70_000)}:2888:3888;2181` }),
    () => changeMembership(text, { ...NOTHING, leavingServers: '1,2' }, 0x200000005, { ...RULES, votersMin: 2 }),
    () => changed({ leavingServers: 'one' }),
    () => changed({ leavingServers: '1,2,3' }),
    () => changed({ newMembers: 'server.1=zk-1:2888:3888:observer;2181' }),
    () => changed({ newMembers: 'tickTime=2000' }),
    () => changed({ leavingServers: '1' }, grouped),
    () => readMembership('server.1=zk-1:2888:3888\nversion=xyz'),
  ];
  for (const attempt of refused) {
    assert.throws(attempt, (error) => error instanceof CodedError && error.code === 'ZK_CONFIG_INVALID');
  }
});
