import type { FinalState, History } from '../history.ts';
import { BOXES, CONFIG, isBox } from '../znodes.ts';

/** Total order and agreement: one entry for each zxid, one leader for each epoch, one state in the end. */
export function checkAgreement(history: History, finals: readonly FinalState[]): string[] {
  const violations = [...history.contradictions];
  const leaderOf = new Map<number, number>();
  for (const { server, epoch } of history.leaders) {
    const other = leaderOf.get(epoch);
    if (other !== undefined && other !== server)
      violations.push(`servers ${other} and ${server} both led epoch ${epoch}`);
    leaderOf.set(epoch, server);
  }
  const [first, ...others] = finals;
  if (first === undefined) return violations;
  for (const other of others) {
    violations.push(...differences(first, other));
  }
  return violations;
}

const STAT_FIELDS = [
  'czxid',
  'mzxid',
  'pzxid',
  'ctimeMs',
  'mtimeMs',
  'version',
  'cversion',
  'aversion',
  'ephemeralOwner',
  'numChildren',
] as const;

/** What a leader may propose in one turn, after which it looks whether its epoch ends. */
const PROPOSALS_PER_TURN_MAX = 500;

/** Epochs end before their zxids are used up. */
export function checkEpochs({ committed }: History, zxidsPerEpoch: number): string[] {
  const { longestEpoch } = committed;
  if (longestEpoch <= zxidsPerEpoch + PROPOSALS_PER_TURN_MAX) return [];
  return [`an epoch that has ${zxidsPerEpoch} zxids used ${longestEpoch}`];
}

function differences(first: FinalState, other: FinalState): string[] {
  const found: string[] = [];
  for (const path of new Set([...first.znodes.keys(), ...other.znodes.keys()])) {
    const a = first.znodes.get(path);
    const b = other.znodes.get(path);
    // The server takes boxes away at any time, between two looks at it as well.
    if (isBox(path) && (a === undefined || b === undefined)) continue;
    // What the server takes away meanwhile changes what is above it.
    if (path !== BOXES && a !== undefined && b !== undefined) {
      for (const key of STAT_FIELDS) {
        // Each server writes its configuration itself, at a time of its own.
        if (a[key] === b[key] || (path === CONFIG && key === 'mtimeMs')) continue;
        found.push(`${path} has ${key} ${a[key]} on server ${first.server} and ${b[key]} on server ${other.server}`);
      }
    }
    if (a?.value === b?.value) continue;
    found.push(`${path} is ${describe(a)} on server ${first.server} and ${describe(b)} on server ${other.server}`);
  }
  return found;
}

function describe(znode: { value: string; version: number } | undefined): string {
  return znode === undefined ? 'absent' : `'${znode.value}' version ${znode.version}`;
}
