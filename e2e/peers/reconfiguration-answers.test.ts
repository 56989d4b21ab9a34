import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Ensemble } from '../support/ensemble.ts';
import type { Member } from '../support/member.ts';
import type { ServerKind } from '../support/server-programs.ts';
import { RawConnection } from './raw/connection.ts';

const OK = 0;
const MARSHALLING_ERROR = -5;
const UNIMPLEMENTED = -6;
const BAD_ARGUMENTS = -8;
const NEW_CONFIG_NO_QUORUM = -13;
const NO_AUTH = -102;
const BAD_VERSION = -103;
const RECONFIG_DISABLED = -123;

interface Request {
  readonly joining?: string;
  readonly leaving?: string;
  readonly newMembers?: string;
  readonly version?: bigint;
  /** Without showing who asks. */
  readonly anonymous?: boolean;
}

/** The lines of an ensemble's own servers. */
type Lines = readonly string[];

interface Case {
  readonly name: string;
  readonly request: (own: Lines) => Request;
  /** What both answer. */
  readonly answer?: number;
  /** What both answer where we differ on purpose. */
  readonly answers?: Readonly<Record<ServerKind, number>>;
}

/** A stranger of that number, with a host, a role and where clients connect. */
const stranger = (id: number, host = id, { role = 'observer', client = '2181' } = {}): string =>
  `server.${id}=10.99.0.${host}:2888:3888:${role};${client}`;

const joining = (name: string, text: string, answer = BAD_ARGUMENTS): Case => ({
  name,
  request: () => ({ joining: text }),
  answer,
});
const members = (name: string, lines: (own: Lines) => Lines, answer = BAD_ARGUMENTS): Case => ({
  name,
  request: (own) => ({ newMembers: lines(own).join(',') }),
  answer,
});

/** Where an exception of Java's parsers takes everybody by surprise there, we say that the arguments are bad. */
const SURPRISE = { apache: MARSHALLING_ERROR, ours: BAD_ARGUMENTS } as const;

/** In this order: the last ones change who belongs to the ensemble. */
const CASES: readonly Case[] = [
  { name: 'another version', request: () => ({ leaving: '1', version: 7n }), answer: BAD_VERSION },
  { name: 'another version, and nonsense', request: () => ({ joining: 'nonsense', version: 7n }), answer: BAD_VERSION },
  joining('no server line', 'nonsense'),
  joining('no port for clients', 'server.4=10.99.0.4:2888:3888'),
  joining('an empty port for clients', 'server.4=10.99.0.4:2888:3888;'),
  joining('no port for elections', 'server.4=10.99.0.4:2888;2181'),
  joining('a fifth part', 'server.4=10.99.0.4:2888:3888:observer:x;2181'),
  joining('a port that is none', 'server.4=10.99.0.4:x:3888;2181'),
  joining('a port for elections that is none', 'server.4=10.99.0.4:2888:x;2181'),
  joining('a port for clients that is none', 'server.4=10.99.0.4:2888:3888;x'),
  joining('a role that is none', 'server.4=10.99.0.4:2888:3888:leader;2181'),
  joining('one port for peers and elections', 'server.4=10.99.0.4:2888:2888;2181'),
  joining('two ports for clients', 'server.4=10.99.0.4:2888:3888;2181;2182'),
  joining('too much behind the semicolon', 'server.4=10.99.0.4:2888:3888;a:b:2181'),
  joining('several addresses', 'server.4=10.99.0.4:2888:3888|10.99.0.5:2888:3888;2181'),
  joining('two equal signs', 'server.4=10.99.0.4=2888:3888;2181'),
  joining('an address twice', [stranger(4), stranger(5, 4)].join(',')),
  joining(
    'an address of clients twice',
    [stranger(4, 4, { client: '10.99.0.4:2181' }), stranger(5, 5, { client: '10.99.0.4:2181' })].join(','),
  ),
  joining(
    "clients at another's address for elections",
    [stranger(4), stranger(5, 5, { client: '10.99.0.4:3888' })].join(','),
  ),
  joining(
    'too many who are not there',
    [4, 5, 6].map((id) => stranger(id, id, { role: 'participant' })).join(','),
    NEW_CONFIG_NO_QUORUM,
  ),
  { name: 'all leave', request: () => ({ leaving: '1,2,3' }), answer: BAD_ARGUMENTS },
  { name: 'all but one leave', request: () => ({ leaving: '1,2' }), answer: BAD_ARGUMENTS },
  { name: 'somebody without a number leaves', request: () => ({ leaving: 'one' }), answers: SURPRISE },
  {
    name: 'somebody without a number joins',
    request: () => ({ joining: 'server.x=10.99.0.4:2888:3888;2181' }),
    answers: SURPRISE,
  },
  {
    name: 'a port that is too large',
    request: () => ({ joining: 'server.4=10.99.0.4:70000:3888;2181' }),
    answers: SURPRISE,
  },
  members('another key', (own) => [...own, 'tickTime=2000']),
  members('nothing at all', () => []),
  members('one participant', ([first = '']) => [first]),
  members(
    'nobody who is there',
    () => [8, 9].map((id) => stranger(id, id, { role: 'participant' })),
    NEW_CONFIG_NO_QUORUM,
  ),
  members('a server in no group', (own) => [...own, 'group.1=1:2']),
  members('a server in two groups', (own) => [...own, 'group.1=1:2:3', 'group.2=3']),
  members('weights without groups', (own) => [...own, 'weight.1=1']),
  members(
    'a group that needs strangers',
    (own) => [
      ...own,
      ...[7, 8].map((id) => stranger(id, id, { role: 'participant' })),
      'group.1=1',
      'group.2=7',
      'group.3=8:2:3',
      'weight.2=0',
      'weight.3=0',
    ],
    NEW_CONFIG_NO_QUORUM,
  ),
  { name: 'only an observer', request: () => ({ newMembers: stranger(4) }), answers: SURPRISE },
  { name: 'somebody who may not', request: () => ({ anonymous: true }), answer: NO_AUTH },
  {
    name: 'somebody who may not, and nonsense',
    request: () => ({ joining: 'x', anonymous: true }),
    answer: BAD_ARGUMENTS,
  },
  { name: 'nothing is to change', request: () => ({}), answer: OK },
  { name: 'a stranger leaves', request: () => ({ leaving: '77' }), answer: OK },
  { name: 'blanks and commas too many', request: () => ({ leaving: ' 77 ,,78,' }), answer: OK },
  joining('an observer that is not there', stranger(4), OK),
  joining('its role in capitals, another address', 'server.4=10.99.0.14:2888:3888:OBSERVER;2181', OK),
  // It would have more than the byte that session ids have for it.
  {
    name: 'a number above 255',
    request: () => ({ joining: 'server.300=10.99.0.30:2888:3888:observer;2181' }),
    answers: { apache: OK, ours: BAD_ARGUMENTS },
  },
  { name: 'observers leave', request: () => ({ leaving: '4,300' }), answer: OK },
  members('groups', (own) => [...own, 'group.1=1:2:3', 'weight.1=2'], OK),
  { name: 'with groups: somebody leaves', request: () => ({ leaving: '3' }), answer: BAD_ARGUMENTS },
  { name: 'with groups: somebody joins', request: () => ({ joining: stranger(4) }), answer: BAD_ARGUMENTS },
  members('groups no longer', (own) => own, OK),
];

const kinds: readonly ServerKind[] = ['ours', 'apache'];
const SUPER = 'super:lK75jTNcA+U9vtVEw5vB51mj/w4=';
const settings = { reconfigEnabled: true, 'DigestAuthenticationProvider.superDigest': SUPER };
const jvm = ['-Xmx512m', `-Dzookeeper.DigestAuthenticationProvider.superDigest=${SUPER}`];

const lineOf = ({ spec: { id, ports } }: Member): string =>
  `server.${id}=127.0.0.1:${ports.quorum}:${ports.election}:participant;127.0.0.1:${ports.client}`;

/** The code that a reconfiguration is answered with, asked for on a connection of its own. */
async function answerOf(member: Member, request: Request): Promise<number> {
  const connection = await RawConnection.open({ port: member.clientPort });
  try {
    const { joining: joins, leaving, newMembers, version, anonymous = false } = request;
    if (!anonymous) await connection.do({ op: 'auth', scheme: 'digest', auth: Buffer.from('super:secret') });
    const { error } = await connection.request({
      op: 'reconfig',
      joining: joins ?? null,
      leaving: leaving ?? null,
      newMembers: newMembers ?? null,
      configVersion: version ?? -1n,
    });
    return error;
  } finally {
    await connection.drop();
  }
}

for (const kind of kinds) {
  describe(`answers to reconfigurations (${kind})`, () => {
    let ensemble: Ensemble;
    before(async () => {
      ensemble = await Ensemble.start({ kind, settings, jvm });
    });
    after(() => ensemble.stop());

    for (const { name, request, answer, answers } of CASES) {
      it(name, { timeout: 60_000 }, async () => {
        const own = ensemble.members.map(lineOf);
        assert.equal(await answerOf(await ensemble.leader(), request(own)), answers?.[kind] ?? answer);
      });
    }
  });

  describe(`reconfigurations that cannot be (${kind})`, () => {
    for (const [name, enabled, answer] of [
      ['a server of its own', true, UNIMPLEMENTED],
      ['a server that allows none', false, RECONFIG_DISABLED],
    ] as const) {
      it(name, { timeout: 60_000 }, async () => {
        const alone = await Ensemble.start({ kind, size: 1, settings: { ...settings, reconfigEnabled: enabled }, jvm });
        try {
          assert.equal(await answerOf(await alone.leader(), { leaving: '1' }), answer);
        } finally {
          await alone.stop();
        }
      });
    }
  });
}
