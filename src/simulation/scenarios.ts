import type { Blows } from './nemesis.ts';

/** What a kind of life is made of. Of what is given as a list, each life draws one. */
export interface Scenario {
  readonly name: string;
  /** The blows that fall, and how often in proportion to each other. */
  readonly blows: Partial<Blows>;
  /** How often one blow follows close upon another, as a probability. */
  readonly closeBlows: number;
  readonly voters: readonly number[];
  readonly observers: readonly number[];
  readonly spares: readonly number[];
  /** Whether somebody changes who belongs to the ensemble, as a probability. */
  readonly reconfigures: number;
  /** Whether voters are in groups and weigh differently, as far as the configuration that is in force says so. */
  readonly inGroups: boolean;
  readonly diskLatenciesMs: readonly number[];
  /** Whether an empty disk is taken for a new one (db.autocreate). */
  readonly votesWithoutData: readonly boolean[];
  /** How many zxids an epoch has. */
  readonly zxidsPerEpoch: readonly number[];
  /** Whether the ensemble begins with the state of a backup. */
  readonly isRestored: readonly boolean[];
  /** The session timeouts that clients ask for: a short one is over before many a fault. */
  readonly sessionTimeoutsMs: readonly number[];
  /** How often a client ends its session and begins another, as a probability for each of its operations. */
  readonly endsSession: number;
  /** How often a client that writes does so with a box, as a probability for each of its operations. */
  readonly usesBoxes: number;
}

const EVERYTHING: Scenario = {
  name: 'everything at once',
  blows: {
    crash: 10,
    'crash during an election': 6,
    'a leader left behind': 4,
    stop: 2,
    'hand-over': 2,
    'rolling restart': 1,
    'power failure everywhere': 3,
    'crash in the middle of a write': 10,
    'a server far behind': 4,
    'disk failure': 6,
    'slow disk': 8,
    'disk stands still': 4,
    'restart storm': 2,
    pause: 8,
    clock: 2,
    isolation: 10,
    'one-way partition': 6,
    partition: 4,
    'majorities in turn': 6,
    'lost disk': 3,
    weather: 5,
    'slow link': 3,
    'client cut off': 2,
    'client on the run': 2,
    'client reconnects': 3,
  },
  closeBlows: 0.4,
  voters: [3, 3, 3, 5, 5],
  observers: [0, 0, 1, 2],
  spares: [0, 1, 2, 3],
  reconfigures: 0.7,
  inGroups: false,
  diskLatenciesMs: [4, 40, 250],
  votesWithoutData: [true, false],
  zxidsPerEpoch: [100, 1_000_000],
  isRestored: [false, false, true],
  sessionTimeoutsMs: [1_500, 8_000],
  endsSession: 0.003,
  usesBoxes: 0.08,
};

/** A small ensemble, whose members nobody changes. */
const SMALL = { ...EVERYTHING, voters: [3], observers: [0, 1], spares: [0], reconfigures: 0 };

/**
 * Half of all lives have a bit of everything; the others keep to one kind of trouble, and meet it so often that a server with
 * a flaw there does not live long: see mutants/.
 */
export const SCENARIOS: readonly [Scenario, ...Scenario[]] = [
  EVERYTHING,
  {
    ...SMALL,
    name: 'the power fails everywhere at once',
    blows: { 'power failure everywhere': 4, crash: 2, 'slow disk': 2, 'crash in the middle of a write': 2 },
    diskLatenciesMs: [250],
  },
  {
    ...SMALL,
    name: 'small majorities take turns',
    blows: { 'majorities in turn': 1 },
    closeBlows: 0,
    voters: [3, 5],
  },
  {
    ...SMALL,
    name: 'servers lose their power while they elect',
    blows: { 'crash during an election': 3, 'crash in the middle of a write': 1, 'majorities in turn': 1 },
    diskLatenciesMs: [40, 250],
  },
  {
    ...SMALL,
    name: 'leaders wake up in the past',
    blows: { 'a leader left behind': 3, isolation: 1 },
    closeBlows: 0,
    diskLatenciesMs: [4],
    sessionTimeoutsMs: [8_000],
  },
  {
    ...EVERYTHING,
    name: 'the configuration changes all the time',
    blows: { partition: 2, crash: 2, isolation: 1, 'majorities in turn': 1, 'hand-over': 1 },
    spares: [1, 2, 3],
    reconfigures: 1,
  },
  {
    ...EVERYTHING,
    name: 'voters count in groups',
    blows: { partition: 3, crash: 3, isolation: 2, 'hand-over': 1, 'a leader left behind': 1 },
    voters: [3, 5, 6],
    reconfigures: 0.6,
    inGroups: true,
    // Nobody is dispensable in a group of one.
    votesWithoutData: [true],
  },
  {
    ...SMALL,
    name: 'disks are lost',
    blows: { 'lost disk': 3, 'majorities in turn': 3, 'crash in the middle of a write': 1 },
    spares: [0, 1],
    votesWithoutData: [false],
    isRestored: [true, true, false],
  },
  {
    ...SMALL,
    name: 'servers come back from far behind',
    blows: { 'a server far behind': 4, crash: 1, 'crash in the middle of a write': 1 },
    closeBlows: 0.1,
    observers: [0, 1, 2],
    spares: [0, 1],
  },
  {
    ...EVERYTHING,
    name: 'servers are told to stop',
    blows: { stop: 4, 'hand-over': 4, 'rolling restart': 3, crash: 1, 'slow disk': 1, isolation: 1 },
    reconfigures: 0.3,
  },
  {
    ...EVERYTHING,
    name: 'clients come and go',
    blows: {
      'client cut off': 3,
      'client on the run': 6,
      'client reconnects': 3,
      'slow link': 2,
      weather: 1,
      isolation: 1,
      clock: 1,
      pause: 1,
    },
    reconfigures: 0.2,
    diskLatenciesMs: [4, 40],
    endsSession: 0.02,
  },
  {
    ...SMALL,
    name: 'containers and TTL znodes come and go',
    blows: { 'hand-over': 3, crash: 2, pause: 1, 'slow disk': 2, 'client reconnects': 3, 'slow link': 1 },
    diskLatenciesMs: [4, 40],
    usesBoxes: 0.4,
  },
  {
    ...SMALL,
    name: 'epochs are short',
    blows: { crash: 1, 'slow link': 1, isolation: 1, 'client reconnects': 1, 'slow disk': 1 },
    zxidsPerEpoch: [30, 100],
  },
  {
    ...SMALL,
    name: 'disks and clocks fail',
    blows: {
      'disk failure': 5,
      clock: 3,
      'slow disk': 2,
      'disk stands still': 2,
      'restart storm': 1,
      pause: 2,
      'a server far behind': 1,
    },
    observers: [0, 1, 2],
  },
];

/** What a life from this seed is made of: a seed says all of it. */
export function scenarioOf(seed: number): Scenario {
  if (seed % 2 === 1) return SCENARIOS[0];
  return SCENARIOS[1 + ((seed / 2) % (SCENARIOS.length - 1))] ?? SCENARIOS[0];
}
