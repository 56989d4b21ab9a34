import { z } from 'zod';
import type { MemberReport } from '../plan/model.ts';
import type { Pod } from '../resources/kubernetes.ts';
import { PORTS } from '../resources/names.ts';

/** How long a member may take to answer, in milliseconds: one that hangs must not hold up the others. */
const ANSWER_TIMEOUT_MS = 1_500;

const answer = z.object({
  serverId: z.int(),
  state: z.enum(['leader', 'follower', 'observer', 'standalone', 'looking']),
  serving: z.boolean(),
  epoch: z.int(),
  lastZxid: z.string(),
  leaderId: z.int().nullish(),
  version: z.string(),
  podUid: z.string().optional(),
  configuration: z
    .object({
      version: z.string().regex(/^[0-9a-f]+$/),
      servers: z.array(z.object({ id: z.int(), role: z.enum(['participant', 'observer']) })),
    })
    .optional(),
  volume: z.object({ bytes: z.number().positive(), freeBytes: z.number() }).optional(),
  learners: z.array(z.object({ id: z.int(), lag: z.int() })).optional(),
});

/** Asks members how they are. */
export type MemberReader = (pods: readonly Pod[]) => Promise<ReadonlyMap<string, MemberReport>>;

/** Asks every pod that has an address over its admin port, all at once. Who does not answer in time is not in the map. */
export const readMembers: MemberReader = async (pods) => {
  const reports = await Promise.all(pods.map(async (pod) => [pod.metadata.name, await readMember(pod)] as const));
  return new Map(reports.flatMap(([name, report]) => (report === undefined ? [] : [[name, report]])));
};

async function readMember(pod: Pod): Promise<MemberReport | undefined> {
  const address = pod.status?.podIP;
  if (address === undefined || address === '') return undefined;
  const host = address.includes(':') ? `[${address}]` : address;
  try {
    const response = await fetch(`http://${host}:${PORTS.admin}/status`, {
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      redirect: 'error',
    });
    const { leaderId, ...report } = answer.parse(await response.json());
    return { ...report, leaderId: leaderId ?? undefined };
  } catch {
    // Starting, stopping, partitioned or not one of ours: it has not answered, and that is all there is to know.
    return undefined;
  }
}
