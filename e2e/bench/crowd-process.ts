import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

export interface CrowdOrder {
  /** To open the sessions; or to have all of them watch a znode, and change it. */
  readonly what: 'open' | 'changeWatched';
  readonly ports: readonly number[];
  readonly sessions: number;
  /** The znode that is watched. Must exist. */
  readonly path: string;
}

export interface CrowdAnswer {
  readonly tookMs: number;
}

/** Many idle sessions, held by a process of their own. */
export class Crowd {
  readonly #process: ChildProcess = fork(join(import.meta.dirname, 'crowd.ts'));
  readonly #order: Omit<CrowdOrder, 'what'>;

  constructor(order: Omit<CrowdOrder, 'what'>) {
    this.#order = order;
  }

  /** @returns How long it took, in milliseconds. */
  tell(what: CrowdOrder['what']): Promise<number> {
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error(`the process with ${this.#order.sessions} sessions has ended`));
      this.#process.once('exit', ended);
      this.#process.once('message', ({ tookMs }: CrowdAnswer) => {
        this.#process.off('exit', ended);
        resolve(tookMs);
      });
      this.#process.send({ ...this.#order, what } satisfies CrowdOrder);
    });
  }

  end(): void {
    this.#process.kill('SIGKILL');
  }
}
