import assert from 'node:assert/strict';
import { RawConnection } from './raw/connection.ts';
import { worldAll } from './raw/records.ts';

/** Two cores may be busy with a whole test suite; a server that stalls for a fault stalls for longer than this. */
const longestAnswerMs = 3000;

/**
 * A client that minds its own business, write after read after write, while something goes wrong elsewhere, and that must not
 * notice.
 */
export class Bystander {
  readonly #connection: RawConnection;
  readonly #path: string;
  readonly #done: Promise<void>;
  #leaving = false;
  #answers = 0;
  #slowestMs = 0;

  private constructor(connection: RawConnection, path: string) {
    this.#connection = connection;
    this.#path = path;
    this.#done = this.#goOn();
    this.#done.catch(() => undefined); // reported by report()
  }

  /** Starts one on each of these ports. */
  static async on(ports: readonly number[]): Promise<Bystander[]> {
    return Promise.all(
      ports.map(async (port) => {
        const connection = await RawConnection.open({ port });
        const path = `/bystander-${connection.session.id.toString(16)}`;
        await connection.do({ op: 'create', path, data: null, acl: worldAll, flags: 1 });
        return new Bystander(connection, path);
      }),
    );
  }

  /** Lets it finish what it is waiting for. */
  stopAsking(): void {
    this.#leaving = true;
  }

  /** Settles after `stopAsking`, or at once if something fails. @throws if anything failed or took long, or if it did nothing */
  async report(): Promise<void> {
    await this.#done;
    await this.#connection.close();
    assert.ok(this.#answers > 0, 'a bystander got no answer at all');
    assert.ok(this.#slowestMs < longestAnswerMs, `a bystander waited ${Math.round(this.#slowestMs)} ms for an answer`);
  }

  async #goOn(): Promise<void> {
    for (let version = 0; !this.#leaving; version++) {
      const startMs = performance.now();
      const data = Buffer.from(String(version));
      await this.#connection.do({ op: 'setData', path: this.#path, data, version });
      const read = await this.#connection.do({ op: 'getData', path: this.#path, watch: false });
      assert.equal(read.data?.toString(), String(version));
      assert.deepEqual(this.#connection.events, [], 'nobody has asked for events');
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startMs);
      this.#answers++;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Runs `fault` while a bystander is on each of the ports, and fails if one of them notices. */
export async function unnoticedBy(ports: readonly number[], fault: () => Promise<void>): Promise<void> {
  const bystanders = await Bystander.on(ports);
  const [happened, ...noticed] = await Promise.allSettled([
    fault().finally(() => bystanders.forEach((bystander) => bystander.stopAsking())),
    ...bystanders.map((bystander) => bystander.report()),
  ]);
  const errors = [happened, ...noticed].flatMap((result) =>
    result?.status === 'rejected' ? [result.reason as Error] : [],
  );
  const [first] = errors;
  if (errors.length > 1) throw new AggregateError(errors, errors.map((error) => error.message).join('; '));
  if (first !== undefined) throw first;
}
