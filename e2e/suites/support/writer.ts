import assert from 'node:assert/strict';
import type { BackgroundScript, ClientPod } from './client-pod.ts';

/** A client that writes all the time, and what it was told. */
export class Writer {
  private readonly script: BackgroundScript;
  private readonly pod: ClientPod;
  private readonly address: string;
  private readonly path: string;
  private readonly known: { name: string; atMs: number }[] = [];
  private linesRead = 0;

  private constructor(script: BackgroundScript, pod: ClientPod, address: string, path: string) {
    this.script = script;
    this.path = path;
    this.pod = pod;
    this.address = address;
  }

  /**
   * Starts it below a path that nobody else writes to, and waits for its first acknowledged writes.
   *
   * @param where `node` lets it go on while there is no API server.
   */
  static async start(
    pod: ClientPod,
    address: string,
    path: string,
    where: 'kubectl' | 'node' = 'kubectl',
  ): Promise<Writer> {
    const script =
      where === 'node'
        ? await pod.backgroundOnNode('writer', address, path)
        : await pod.background('writer', address, path);
    const writer = new Writer(script, pod, address, path);
    await writer.goesOn(10);
    return writer;
  }

  /** Waits until so many more writes have been acknowledged. */
  async goesOn(writes = 40, timeoutMs = 180_000): Promise<void> {
    const before = this.acknowledged().length;
    const enough = (): boolean => this.acknowledged().length >= before + writes;
    await this.script.waitForLines(`${writes} more writes are acknowledged`, enough, timeoutMs);
  }

  /**
   * The longest time without an acknowledged write from before the fault until some after it, in milliseconds. The fault must take
   * until its effect is seen: what we have read of acknowledgements lags behind.
   */
  async pauseOf(fault: () => Promise<void>): Promise<number> {
    const before = this.acknowledged().length;
    await fault();
    await this.goesOn(80);
    const times = this.acknowledged()
      .slice(Math.max(0, before - 1))
      .map(({ atMs }) => atMs);
    return Math.max(...times.slice(1).map((atMs, index) => atMs - (times[index] ?? atMs)));
  }

  /** Ends the writer and checks that nothing acknowledged is missing. Returns how many writes were acknowledged. */
  async finishAndCheck(): Promise<number> {
    await this.script.finish();
    const present = new Set((await this.pod.run('list_children', this.address, this.path)).split('\n'));
    const lost = this.acknowledged().filter(({ name }) => !present.has(name));
    assert.deepEqual(lost, [], 'acknowledged writes are lost');
    const refused = this.script.lines.filter((line) => line.startsWith('refused'));
    assert.deepEqual(refused, [], 'writes were refused');
    return this.acknowledged().length;
  }

  /** Its sessions so far, the present one last: more than one where one expired. */
  sessions(): string[] {
    const lines = this.script.lines.filter((line) => line.startsWith('session '));
    return [...new Set(lines.map((line) => line.slice('session '.length)))];
  }

  /** So far, in their order. Each line is looked at once: there are thousands, and whoever waits asks often. */
  private acknowledged(): readonly { name: string; atMs: number }[] {
    for (const line of this.script.lines.slice(this.linesRead)) {
      const [word, number = '', atMs = ''] = line.split(' ');
      if (word === 'ack') this.known.push({ name: number.padStart(8, '0'), atMs: Number(atMs) });
      this.linesRead++;
    }
    return this.known;
  }
}
