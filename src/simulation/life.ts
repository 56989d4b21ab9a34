import { Administrator } from './administrator.ts';
import { checkAgreement, checkEpochs } from './checkers/agreement.ts';
import { checkConfigurations } from './checkers/configurations.ts';
import { checkDurability, checkRefusals } from './checkers/durability.ts';
import { checkLifetimes } from './checkers/lifetimes.ts';
import { checkOrder } from './checkers/order.ts';
import { checkSessions } from './checkers/sessions.ts';
import { checkStates } from './checkers/states.ts';
import { checkVersions } from './checkers/versions.ts';
import { checkWatches } from './checkers/watches.ts';
import { SimulatedClient } from './client.ts';
import { Cluster, REAP_INTERVAL_MS, TICK_TIME_MS } from './cluster.ts';
import { emptyHistory } from './history.ts';
import type { FinalState, History } from './history.ts';
import { inspect } from './inspector.ts';
import { CALM } from './harm.ts';
import { Nemesis } from './nemesis.ts';
import { Network } from './network.ts';
import { SeededRandom } from './random.ts';
import { RESTORED } from './restored-state.ts';
import { scenarioOf } from './scenarios.ts';
import type { Scenario } from './scenarios.ts';
import { Scheduler } from './scheduler.ts';
import { prepare, Worker } from './workload.ts';

/** Limits in virtual milliseconds. After the faults end, an ensemble must be whole within `HEAL_MS`. */
const PREPARE_MS = 60_000;
const STORM_MS = 30_000;
const WORK_AFTER_MS = 15_000;
const HEAL_MS = 90_000;
const STEP_MS = 250;
/** The session timeout of those who only help, and of the most patient of the others. */
const PATIENT_TIMEOUT_MS = 8_000;
/**
 * Nobody writes, and the leader takes away what is due: boxes, and sessions whose clients have lost the answer to their farewell, for
 * which each new leader waits anew (seed 683: such a one ended after the first servers had been read, and before the others).
 */
const QUIET_MS = Math.max(2.5 * REAP_INTERVAL_MS, PATIENT_TIMEOUT_MS + 3 * TICK_TIME_MS);

/** What one life showed. */
export interface LifeResult {
  readonly seed: number;
  readonly scenario: string;
  readonly servers: number;
  readonly violations: readonly string[];
  readonly acknowledged: number;
  readonly committed: number;
  /** What happened to the ensemble, line by line. */
  readonly trace: readonly string[];
}

/** Lives a whole cluster's life from one seed: calm, storm, calm again; then the checkers look at what was seen. */
export function live(seed: number): LifeResult {
  const scenario = scenarioOf(seed);
  const random = new SeededRandom(seed);
  const scheduler = new Scheduler();
  const history = emptyHistory();
  const network = new Network(scheduler, random.fork(), CALM);
  const trace: string[] = [];
  const note = (what: string): void => {
    trace.push(`${String(Math.round(scheduler.nowMs)).padStart(7)} ms  ${what}`);
  };
  const plan = {
    voters: random.pick(scenario.voters),
    observers: random.pick(scenario.observers),
    spares: random.pick(scenario.spares),
    diskLatencyMs: random.pick(scenario.diskLatenciesMs),
    votesWithoutData: random.pick(scenario.votesWithoutData),
    zxidsPerEpoch: random.pick(scenario.zxidsPerEpoch),
    isRestored: random.pick(scenario.isRestored),
    inGroups: scenario.inGroups,
  };
  const cluster = new Cluster(plan, { scheduler, network, random: random.fork(), history });
  const size = cluster.ids.length;
  for (const id of cluster.ids) cluster.restart(id);

  const { violations, healedMs, restMs } = storm({ scenario, cluster, scheduler, network, random, history, note });
  violations.push(...cluster.flaws);
  const quietUntilMs = scheduler.nowMs;
  const finals = violations.length === 0 ? inspectAll(cluster, { scheduler, network, random, history }) : [];
  if (violations.length === 0 && finals.length < size)
    violations.push(`only ${finals.length} of ${size} servers could be read in the end`);
  const [final] = finals;
  violations.push(
    ...checkAgreement(history, finals),
    ...checkRefusals(history),
    ...checkConfigurations(history, finals),
  );
  const { clockSpreadMs } = cluster;
  const rest = {
    sinceMs: restMs,
    untilMs: quietUntilMs,
    readMs: scheduler.nowMs,
    reapIntervalMs: REAP_INTERVAL_MS,
    clockSpreadMs,
  };
  violations.push(...checkLifetimes(history, final, rest));
  violations.push(...checkOrder(history), ...checkStates(history), ...checkWatches(history), ...checkVersions(history));
  violations.push(...checkSessions(history, final, healedMs), ...checkEpochs(history, plan.zxidsPerEpoch));
  if (final !== undefined) violations.push(...checkDurability(history, final));
  if (plan.isRestored && final !== undefined && final.znodes.get(RESTORED.path)?.value !== RESTORED.value) {
    violations.push(`${RESTORED.path} was in the backup and is lost`);
  }
  return {
    seed,
    scenario: scenario.name,
    servers: size,
    violations,
    acknowledged: history.operations.filter(({ outcome }) => outcome.type === 'done').length,
    committed: history.committed.size,
    trace,
  };
}

interface Stage {
  readonly scenario: Scenario;
  readonly cluster: Cluster;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly random: SeededRandom;
  readonly history: History;
  readonly note: (what: string) => void;
}

interface Storm {
  /** What was violated in liveness. */
  readonly violations: string[];
  /** From when on there was no fault any more, and nobody wrote. */
  readonly healedMs: number;
  readonly restMs: number;
}

/** The life itself. */
function storm(stage: Stage): Storm {
  const { scenario, cluster, scheduler, network, random, history, note } = stage;
  let prepared = false;
  const first = client('client-0', PATIENT_TIMEOUT_MS, stage);
  prepare(first, () => {
    prepared = true;
  });
  scheduler.run(PREPARE_MS, () => prepared);
  if (!prepared) {
    const violations = [`no ensemble formed within ${PREPARE_MS} ms without any fault: ${cluster.describe()}`];
    return { violations, healedMs: Infinity, restMs: Infinity };
  }
  note(`the ensemble serves: ${cluster.describe()}`);

  const answers = { count: 0 };
  const clients = Array.from({ length: random.between(3, 7) }, (_, index) =>
    client(`client-${index + 1}`, random.pick(scenario.sessionTimeoutsMs), stage),
  );
  const workers = clients.map(
    (each) => new Worker(each, scenario, { scheduler, random: random.fork(), history, answers }),
  );
  for (const worker of workers) worker.start();
  const { blows, closeBlows } = scenario;
  const nemesis = new Nemesis(cluster, clients, blows, closeBlows, { scheduler, random: random.fork(), note });
  nemesis.start();
  const administrator = new Administrator(cluster, client('administrator', PATIENT_TIMEOUT_MS, stage), {
    scheduler,
    random: random.fork(),
    history,
    note,
    asked: () => nemesis.strikeAtReconfiguration(),
  });
  if (random.chance(scenario.reconfigures)) administrator.start();
  scheduler.run(scheduler.nowMs + STORM_MS, () => cluster.flaws.length > 0);
  if (cluster.flaws.length > 0) return { violations: [], healedMs: Infinity, restMs: Infinity };

  note('the faults end');
  nemesis.stop();
  administrator.stop();
  network.calm();
  network.weather = CALM;
  for (const id of cluster.ids) {
    cluster.setDiskLatency(id, undefined);
    cluster.stallDisk(id, false);
    cluster.mend(id);
  }
  const healedMs = Math.max(scheduler.nowMs, cluster.awakeAtMs);
  const isAtRest = (): boolean => workers.every((worker) => worker.idle) && cluster.isWhole();
  // Work goes on for a while after the healing: an ensemble that only looks whole shows it by not answering.
  scheduler.run(healedMs + WORK_AFTER_MS);
  for (const worker of workers) worker.stop();
  const comeToRest = (): void => {
    while (!isAtRest() && scheduler.nowMs < healedMs + HEAL_MS && cluster.flaws.length === 0) {
      scheduler.run(scheduler.nowMs + STEP_MS);
    }
  };
  comeToRest();
  const restMs = scheduler.nowMs;
  scheduler.run(restMs + QUIET_MS);
  comeToRest();
  if (cluster.flaws.length > 0) return { violations: [], healedMs, restMs };
  note(`at the end: ${cluster.describe()}`);
  const violations: string[] = [];
  if (!isAtRest()) violations.push(`not whole ${HEAL_MS} ms after the last fault: ${cluster.describe()}`);
  const answeredAfter = history.operations.some(
    ({ completedMs }) => completedMs > healedMs && completedMs !== Number.POSITIVE_INFINITY,
  );
  if (!answeredAfter) violations.push('no client was answered after the last fault');
  return { violations, healedMs, restMs };
}

function client(host: string, timeoutMs: number, stage: Stage): SimulatedClient {
  const { scheduler, network, random, history, cluster } = stage;
  return new SimulatedClient(host, cluster.ids, timeoutMs, { scheduler, network, random: random.fork(), history });
}

function inspectAll(
  cluster: Cluster,
  parts: { scheduler: Scheduler; network: Network; random: SeededRandom; history: History },
): FinalState[] {
  const finals: FinalState[] = [];
  for (const id of cluster.ids) {
    const reader = new SimulatedClient(`inspector-${id}`, [id], PATIENT_TIMEOUT_MS, {
      ...parts,
      random: parts.random.fork(),
    });
    inspect(reader, id, (final) => finals.push(final));
    const expected = finals.length + 1;
    parts.scheduler.run(parts.scheduler.nowMs + PREPARE_MS, () => finals.length === expected);
    reader.leave();
  }
  return finals;
}
