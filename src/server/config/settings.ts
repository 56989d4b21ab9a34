import { knownKeys, ruleOf } from './keys.ts';
import type { UsedKey } from './keys.ts';
import { isEnsembleKey } from './ensemble.ts';
import { configInvalid } from './problems.ts';
import type { Property } from './properties.ts';
import { parsePort } from './servers.ts';
import { nearestSpelling } from './spelling.ts';

/** The prefix under which ZooKeeper's documentation names Java's properties; in zoo.cfg it is left out, or not. */
const JAVA_PREFIX = 'zookeeper.';

const INT_MAX = 2 ** 31 - 1;

/** The keys of a zoo.cfg that have an effect, with typed access; what must be said about the others is in `warnings`. */
export class Settings {
  readonly #properties = new Map<string, Property>();
  readonly #file: string;
  readonly warnings: string[] = [];

  /** @throws CodedError ZK_CONFIG_INVALID for unknown, refused and contradictory keys. */
  constructor(properties: readonly Property[], file: string) {
    this.#file = file;
    for (const property of properties) this.#take(property);
  }

  has(key: UsedKey): boolean {
    return this.#properties.has(key);
  }

  /** Where the key stands, for messages about it. */
  where(key: UsedKey): string {
    const property = this.#properties.get(key);
    return property === undefined ? `${this.#file}: ${key}` : `${this.#file} line ${property.line}: ${key}`;
  }

  text(key: UsedKey): string | undefined {
    const value = this.#properties.get(key)?.value;
    return value === '' ? undefined : value;
  }

  /** A whole number between `min` and `max`. */
  int(key: UsedKey, byDefault: number, min = 0, max = INT_MAX): number {
    const text = this.#properties.get(key)?.value;
    if (text === undefined) return byDefault;
    const value = Number(text);
    if (!/^-?\d{1,15}$/.test(text) || value < min || value > max) {
      configInvalid(this.where(key), `is '${text}': write a whole number from ${min} to ${max}, by default ${byDefault}`);
    }
    return value;
  }

  port(key: UsedKey): number | undefined {
    const text = this.text(key);
    return text === undefined ? undefined : parsePort(text, this.where(key), 'its value');
  }

  bool(key: UsedKey, byDefault: boolean): boolean {
    const text = this.#properties.get(key)?.value.toLowerCase();
    if (text === undefined) return byDefault;
    if (text === 'true' || text === 'yes') return true;
    if (text === 'false' || text === 'no') return false;
    return configInvalid(this.where(key), `is '${text}': write true or false, by default ${byDefault}`);
  }

  #take(property: Property): void {
    const { value, line } = property;
    const key = property.key.startsWith(JAVA_PREFIX) ? property.key.slice(JAVA_PREFIX.length) : property.key;
    const where = `${this.#file} line ${line}: ${property.key}`;
    const before = this.#properties.get(key);
    if (before !== undefined && before.value !== value) {
      configInvalid(where, `says '${value}' where line ${before.line} says '${before.value}': remove one of them`);
    }
    this.#properties.set(key, property);
    if (isEnsembleKey(key)) return;
    const rule = ruleOf(key);
    if (rule === undefined) return refuseUnknown(where, key);
    if (rule.effect === 'noEffect') this.warnings.push(`${where} has no effect: ${rule.why}`);
    if (rule.effect === 'refused' && !rule.harmless.includes(value.toLowerCase())) {
      configInvalid(where, `is refused: ${rule.why}`);
    }
  }
}

function refuseUnknown(where: string, key: string): never {
  const nearest = nearestSpelling(key, [...knownKeys(), 'server.N', 'group.N', 'weight.N']);
  const advice = nearest === undefined ? 'remove it' : `write ${nearest}, or remove it`;
  return configInvalid(where, `is not a key of zoo.cfg: ${advice}`);
}
