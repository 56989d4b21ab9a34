import type { MultiPart, Operation } from '../raw/operations.ts';
import { Permission, worldAll, type Acl } from '../raw/records.ts';
import { Random } from './random.ts';
import { literalPath, type Step } from './steps.ts';

export interface GeneratorOptions {
  readonly seed: number;
  readonly steps: number;
  readonly sessions: number;
}

/** Few names, so that operations meet: a create finds a node, a watch is hit, a version is stale. */
const paths = ['/a', '/b', '/c', '/a/x', '/a/y', '/b/x', '/a/x/p', '/a/x/q', '/b/x/p', '/'];
const sequentialPrefixes = ['/a/s-', '/b/s-', '/s-', '/a/', '/a/x/s-'];
const oddPaths = [
  '',
  'a',
  '/a/',
  '/a//x',
  '/a/./x',
  '/a/../b',
  '/\u0000',
  '/a/\u0001',
  '/é',
  '/\uf8ff', // refused; surrogates are as well, but Java has no UTF-8 for them to answer with
  literalPath,
  `${literalPath}/`,
  `${literalPath}relative`,
  `${literalPath}/zookeeper`,
  `${literalPath}/zookeeper/quota`,
  `${literalPath}/zookeeper/none`,
];

const digestOfUserOne = 'one:8oFuZ5Y08T5rDoaqgzdHQeRUJEM='; // of a password that nobody here has
const acls: readonly (readonly Acl[] | null)[] = [
  worldAll,
  worldAll,
  worldAll,
  [{ perms: Permission.read, scheme: 'world', id: 'anyone' }],
  [{ perms: Permission.read | Permission.write | Permission.create, scheme: 'world', id: 'anyone' }],
  [{ perms: Permission.delete | Permission.admin | Permission.create, scheme: 'world', id: 'anyone' }],
  [{ perms: Permission.all, scheme: 'auth', id: '' }],
  [
    { perms: Permission.all, scheme: 'auth', id: '' },
    { perms: Permission.read, scheme: 'world', id: 'anyone' },
  ],
  [{ perms: Permission.all, scheme: 'digest', id: digestOfUserOne }],
  [{ perms: Permission.all, scheme: 'ip', id: '127.0.0.1' }],
  [{ perms: Permission.all, scheme: 'ip', id: '127.0.0.0/8' }],
  [
    { perms: Permission.read, scheme: 'ip', id: '10.1.0.0/16' },
    { perms: Permission.all, scheme: 'world', id: 'anyone' },
    { perms: Permission.all, scheme: 'world', id: 'anyone' },
  ],
  [{ perms: Permission.all, scheme: 'ip', id: '10.1.0.0/16' }],
];
const refusedAcls: readonly (readonly Acl[] | null)[] = [
  null,
  [],
  [{ perms: Permission.all, scheme: 'nonsense', id: 'x' }],
  [{ perms: Permission.all, scheme: 'world', id: 'someone' }],
  [{ perms: Permission.all, scheme: 'digest', id: 'no-colon' }],
  [{ perms: Permission.all, scheme: 'ip', id: '300.1.2.3' }],
  [{ perms: Permission.all, scheme: 'ip', id: '127.0.0.1/40' }],
];

const partKinds = {
  create: 6,
  create2: 2,
  createContainer: 1,
  createTTL: 1,
  delete: 4,
  setData: 6,
  check: 4,
} as const;
const operationKinds = {
  create: 10,
  create2: 5,
  createContainer: 2,
  createTTL: 1,
  delete: 6,
  exists: 6,
  getData: 6,
  setData: 8,
  getACL: 2,
  setACL: 2,
  getChildren: 4,
  getChildren2: 4,
  sync: 1,
  ping: 1,
  multi: 6,
  auth: 1,
  addWatch: 1,
  getEphemerals: 1,
  getAllChildrenNumber: 1,
  whoAmI: 1,
} as const;

// Alone these are deterministic. Apache ZooKeeper carries out auth as soon as it reads it, before requests that it has read
// earlier; and it checks what comes right behind a setACL against the list before it.
const { auth: _auth, setACL: _setACL, ...burstKinds } = operationKinds;

/** The random steps that a seed stands for. */
export class Generator {
  readonly #random: Random;
  readonly #options: GeneratorOptions;

  constructor(options: GeneratorOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  steps(): Step[] {
    return Array.from({ length: this.#options.steps }, () => this.#step());
  }

  #step(): Step {
    const random = this.#random;
    const session = random.below(this.#options.sessions);
    switch (random.weighted({ single: 80, burst: 12, reconnect: 4, closeSession: 2, fatal: 1 })) {
      case 'single':
        return { kind: 'requests', session, operations: [this.#operation(operationKinds)] };
      case 'burst':
        return {
          kind: 'requests',
          session,
          operations: Array.from({ length: 2 + random.below(6) }, () => this.#operation(burstKinds)),
        };
      case 'reconnect':
        return {
          kind: 'reconnect',
          session,
          zxidsBehind: random.pick([0, 0, 1, 3, 10]),
          watches: { data: this.#somePaths(), exist: this.#somePaths(), child: this.#somePaths() },
        };
      case 'closeSession':
        return { kind: 'closeSession', session };
      case 'fatal':
        return { kind: 'fatal', session, operation: this.#fatalOperation() };
    }
  }

  /** After these the server ends the connection. */
  #fatalOperation(): Operation {
    return this.#random.pick<Operation>([
      { op: 'auth', scheme: 'nonsense', auth: Buffer.from('x') },
      { op: 'check', path: '/a', version: -1 },
    ]);
  }

  #operation(kinds: Readonly<Partial<Record<Operation['op'], number>>>): Operation {
    const random = this.#random;
    const op = random.weighted(kinds);
    switch (op) {
      case 'create':
      case 'create2':
      case 'createContainer':
      case 'createTTL':
      case 'delete':
      case 'setData':
      case 'check':
        return this.#part(op);
      case 'exists':
      case 'getData':
      case 'getChildren':
      case 'getChildren2':
        return { op, path: this.#path(), watch: random.chance(0.5) };
      case 'getACL':
      case 'sync':
      case 'getEphemerals':
      case 'getAllChildrenNumber':
        return { op, path: this.#path() };
      case 'setACL':
        // The ACL of a node outside of this run's root would make later runs impossible.
        return { op, path: this.#random.pick(paths), acl: this.#acl(), version: this.#version() };
      case 'multi':
        return {
          op,
          parts: Array.from({ length: random.below(5) }, () => withAcl(this.#part(random.weighted(partKinds)))),
        };
      case 'auth':
        return { op, scheme: random.pick(['digest', 'digest', 'digest', 'ip']), auth: this.#credentials() };
      case 'addWatch':
        return { op, path: this.#path(), mode: random.pick([0, 0, 1, 1, 2]) };
      case 'ping':
      case 'whoAmI':
        return { op };
      case 'setWatches':
      case 'closeSession':
      case 'reconfig':
        throw new Error(`${op} has a step or a suite of its own`);
    }
  }

  #part(op: MultiPart['op']): MultiPart {
    switch (op) {
      case 'create':
      case 'create2':
        return { op, ...this.#creation(this.#createFlags()) };
      case 'createContainer':
        return { op, ...this.#creation(4) };
      case 'createTTL':
        return { op, ...this.#creation(5), ttlMs: 1000n };
      case 'delete':
      case 'check':
        return { op, path: this.#path(), version: this.#version() };
      case 'setData':
        return { op, path: this.#path(), data: this.#data(), version: this.#version() };
    }
  }

  #creation(flags: number): { path: string; data: Uint8Array | null; acl: readonly Acl[] | null; flags: number } {
    const sequential = flags === 2 || flags === 3 || flags === 6;
    const path = sequential && this.#random.chance(0.8) ? this.#random.pick(sequentialPrefixes) : this.#path();
    return { path, data: this.#data(), acl: this.#acl(), flags };
  }

  #createFlags(): number {
    const random = this.#random;
    if (random.chance(0.03)) return random.pick([5, 6, 7, -1, 99]); // without extended types TTLs are refused as well
    return Number(random.weighted({ 0: 8, 1: 4, 2: 3, 3: 3, 4: 1 }));
  }

  #path(): string {
    const random = this.#random;
    if (random.chance(0.03)) return random.pick(oddPaths);
    if (random.chance(0.08)) return `${random.pick(sequentialPrefixes)}${String(random.below(4)).padStart(10, '0')}`;
    return random.pick(paths);
  }

  #somePaths(): string[] {
    return paths.filter(() => this.#random.chance(0.3));
  }

  #version(): number {
    return this.#random.pick([-1, -1, -1, 0, 0, 1, 2, -2]);
  }

  #acl(): readonly Acl[] | null {
    return this.#random.chance(0.04) ? this.#random.pick(refusedAcls) : this.#random.pick(acls);
  }

  #credentials(): Buffer {
    return Buffer.from(this.#random.pick(['two:secret', 'three:secret', 'no-colon', '']));
  }

  #data(): Buffer | null {
    const random = this.#random;
    if (random.chance(0.05)) return null;
    if (random.chance(0.05)) return Buffer.alloc(5000, 'x');
    return Buffer.from(random.pick(['', 'one', 'two', 'é', '\u0000\u00ff']));
  }
}

/**
 * Without an ACL (null, not empty) in a multi, Apache ZooKeeper 3.9 proposes the same zxid twice and its followers stop: no
 * oracle for this case.
 */
function withAcl(part: MultiPart): MultiPart {
  return 'acl' in part && part.acl === null ? { ...part, acl: [] } : part;
}
