import type { BoxLife, Operation, Outcome } from './history.ts';
import type { SeededRandom } from './random.ts';
import { BOXES, ITEM } from './znodes.ts';

/** Longer than wall clocks are apart, most of the time. */
const TTLS_MS = [6_000, 9_000] as const;

/** How many boxes a client looks after. */
const BOXES_MAX = 3;

interface Box {
  readonly path: string;
  readonly life: BoxLife;
  isFilled: boolean;
  /** Something is asked of it that is not answered yet. */
  isBusy: boolean;
}

/**
 * The boxes of one client: it makes some, fills, clears and touches them, and forgets about them, each at times. Nobody else changes
 * them but the server.
 */
export class Boxes {
  readonly #random: SeededRandom;
  readonly #boxes = new Map<string, Box>();
  #making = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** What to do next. `value` is what nobody else writes; it is the name of a new box as well. */
  next(value: string): Operation | undefined {
    const free = [...this.#boxes.values()].filter(({ isBusy }) => !isBusy);
    if (this.#boxes.size + this.#making < BOXES_MAX && (free.length === 0 || this.#random.chance(0.3))) {
      this.#making++;
      return { type: 'box', path: `${BOXES}/${value}`, value, life: this.#life() };
    }
    if (free.length === 0) return undefined;
    const box = this.#random.pick(free);
    if (this.#random.chance(0.15)) this.#boxes.delete(box.path);
    box.isBusy = true;
    return this.#use(box, value);
  }

  /** What became of an operation; undefined where nobody knows. */
  answered(operation: Operation, outcome: Outcome | undefined): void {
    if (operation.type === 'box') {
      this.#making--;
      const path = outcome?.type === 'done' ? outcome.path : undefined;
      if (path !== undefined) this.#boxes.set(path, { path, life: operation.life, isFilled: false, isBusy: false });
      return;
    }
    if (operation.type !== 'fill' && operation.type !== 'clear' && operation.type !== 'touch') return;
    const path = operation.type === 'touch' ? operation.path : operation.path.slice(0, -ITEM.length - 1);
    const box = this.#boxes.get(path);
    if (box === undefined) return;
    box.isBusy = false;
    if (outcome?.type !== 'done') this.#boxes.delete(path);
    else if (operation.type !== 'touch') box.isFilled = operation.type === 'fill';
  }

  #life(): BoxLife {
    if (this.#random.chance(0.5)) return { type: 'container' };
    return { type: 'ttl', ttlMs: this.#random.pick(TTLS_MS), numbered: this.#random.chance(0.3) };
  }

  #use({ path, life, isFilled }: Box, value: string): Operation {
    if (this.#random.chance(life.type === 'container' ? 0.1 : 0.6)) return { type: 'touch', path, value };
    if (isFilled) return { type: 'clear', path: `${path}/${ITEM}` };
    return { type: 'fill', path: `${path}/${ITEM}`, value };
  }
}
