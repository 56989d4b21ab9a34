import { CodedError, unreachable } from '../../common/errors.ts';
import type { Logger, ServerId } from '../../common/types.ts';
import { formatZxid } from '../../common/zxid.ts';
import type { Zxid } from '../../common/zxid.ts';
import type { Member, MemberInput, MemberOutput, StateSnapshot } from '../pipeline/types.ts';
import type { Recovery, Storage } from '../storage/types.ts';
import type { ZabRole } from '../zab/types.ts';
import type { ClientListener } from './client-listener.ts';
import type { ElectionTransport } from './election-transport.ts';
import type { LeaderLink } from './leader-link.ts';
import type { LearnerListener } from './learner-listener.ts';
import type { MemberMeter } from './monitoring/member-meter.ts';

/** What carries the member's words. */
export interface Transports {
  readonly clients: Pick<ClientListener, 'send' | 'close' | 'setPaused' | 'setHeld' | 'flush'>;
  readonly learners: Pick<LearnerListener, 'send' | 'sendSnapshot' | 'close' | 'flush'>;
  readonly leader: Pick<LeaderLink, 'send' | 'disconnect' | 'flush'>;
  readonly election: Pick<ElectionTransport, 'send'>;
  /** Dials a server's quorum port through `leader`. */
  connectLeader(leader: ServerId): void;
}

export interface DriverEvents {
  role(role: ZabRole): void;
  /** This configuration is in force; durable when this returns. */
  configuration(text: string, version: Zxid): void;
  /** Servers of this one may have to be reached. */
  nextConfiguration(text: string): void;
  /** The member has stopped as it was told. */
  stopped(): void;
  /** The process must end, at once and without another word to anybody. */
  failed(error: unknown): void;
}

/**
 * Drives a member: gathers what happens during one turn of the event loop, hands it over in one step, and carries out what
 * the step asks for, in order. One turn is one batch: one proposal write for each follower, one write to each client, one
 * request to the log. It owns the clocks and the one timer.
 */
export class Driver {
  readonly #member: Member;
  readonly #storage: Storage;
  readonly #transports: Transports;
  readonly #events: DriverEvents;
  readonly #logger: Logger;
  readonly #meter: MemberMeter;
  #inputs: MemberInput[] = [];
  #scheduled = false;
  /** Set while the state is loaded anew: until then the member gets no input. */
  #reloading = false;
  #ended = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Infinity;

  constructor(
    member: Member,
    storage: Storage,
    transports: Transports,
    events: DriverEvents,
    meter: MemberMeter,
    logger: Logger,
  ) {
    this.#member = member;
    this.#storage = storage;
    this.#transports = transports;
    this.#events = events;
    this.#meter = meter;
    this.#logger = logger;
  }

  /** Begins the member's life with what the disk held. */
  start(recovery: Recovery, mayVote: boolean): void {
    const { acceptedEpoch, currentEpoch } = recovery;
    this.push({ type: 'start', acceptedEpoch, currentEpoch, mayVote });
  }

  /** Something happened: the member hears of it with everything else of this turn. */
  push(input: MemberInput): void {
    if (this.#ended) return;
    this.#inputs.push(input);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#reloading) return;
    this.#scheduled = true;
    // Behind the sockets of this turn, before timers and sockets of the next.
    setImmediate(() => {
      this.#scheduled = false;
      this.#guarded(() => this.#turn());
    });
  }

  #turn(): void {
    if (this.#reloading) return;
    const inputs = this.#inputs;
    this.#inputs = [];
    const now = { monotonicMs: performance.now(), wallMs: Date.now() };
    for (const input of inputs) this.#meter.input(input, now);
    for (const output of this.#member.step(inputs, now)) {
      this.#meter.output(output, now);
      this.#carryOut(output);
    }
    const { clients, learners, leader } = this.#transports;
    learners.flush();
    leader.flush();
    clients.flush();
    this.#meter.turned(inputs.length, performance.now() - now.monotonicMs);
    this.#armTimer();
  }

  /** A broken invariant, or a disk that refuses: stop before anything false leaves. */
  #guarded(action: () => void): void {
    if (this.#ended) return;
    try {
      action();
    } catch (error) {
      this.#end();
      this.#events.failed(error);
    }
  }

  #end(): void {
    this.#ended = true;
    this.#inputs = [];
    clearTimeout(this.#timer);
  }

  #carryOut(output: MemberOutput): void {
    const { clients, learners, leader, election } = this.#transports;
    switch (output.type) {
      case 'toClient':
        return clients.send(output.client, output.bytes);
      case 'closeClient':
        return clients.close(output.client, output.reason);
      case 'pauseClients':
        return clients.setPaused(output.paused);
      case 'holdClient':
        return clients.setHeld(output.client, output.held);
      case 'sendVote':
        return election.send(output.to, output.notification);
      case 'connectLeader':
        return this.#transports.connectLeader(output.leader);
      case 'disconnectLeader':
        return leader.disconnect();
      case 'sendToLeader':
        return leader.send(output.packet);
      case 'sendToLearners':
        return learners.send(output.connections, output.packet);
      case 'sendSnapshot':
        return learners.sendSnapshot(output.connection, output.source);
      case 'closeLearner':
        return learners.close(output.connection, output.reason);
      case 'persist': {
        const { ticket, operations } = output;
        return this.#storage.persist(operations, () => this.push({ type: 'persisted', ticket }));
      }
      case 'saveSnapshot':
        return this.#saveSnapshot(output.source);
      case 'truncateAndReload':
        return this.#truncateAndReload(output.zxid);
      case 'role':
        return this.#events.role(output.role);
      case 'configuration':
        return this.#events.configuration(output.text, output.version);
      case 'nextConfiguration':
        return this.#events.nextConfiguration(output.text);
      case 'log':
        return this.#logger[output.level](output.message, output.fields);
      case 'stopped':
        this.#end();
        return this.#events.stopped();
      default:
        return unreachable(output, 'an output of the member');
    }
  }

  #saveSnapshot(source: StateSnapshot): void {
    const { zxid } = source;
    this.#storage.saveSnapshot(source, (saved) => {
      if (saved) this.#logger.info('saved a snapshot', { zxid: formatZxid(zxid) });
      else source.close();
      this.push({ type: 'snapshotSaved', zxid });
    });
  }

  #truncateAndReload(zxid: Zxid): void {
    this.#reloading = true;
    this.#storage.persist([{ type: 'truncate', zxid }], () =>
      this.#guarded(() => {
        this.#logger.info('truncated the log, loading the state again', { zxid: formatZxid(zxid) });
        this.#storage.recover(this.#member.recovery);
        this.#reloading = false;
        this.#inputs.unshift({ type: 'reloaded' });
        this.#schedule();
      }),
    );
  }

  /** Keeps the armed timer where it fires no later than needed: re-arming at every turn would cost more than a tick too many. */
  #armTimer(): void {
    if (this.#ended) return;
    const deadlineMs = this.#member.nextDeadlineMs();
    if (deadlineMs >= this.#timerAtMs) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = deadlineMs;
    // Rounded up: a timer that fires before its time would be for nothing.
    const waitMs = Math.min(Math.max(Math.ceil(deadlineMs - performance.now()), 0), TIMEOUT_MAX_MS);
    this.#timer = setTimeout(() => {
      this.#timerAtMs = Infinity;
      this.push({ type: 'tick' });
    }, waitMs);
  }
}

/** The longest time that a timer of Node can wait. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

/** What a coded error says, as the one line of a process that ends; anything else with its stack. */
export function describeFailure(error: unknown): string {
  if (error instanceof CodedError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
