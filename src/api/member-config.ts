import { z } from 'zod';
import { celList, rule, validated, type ValidationRule } from './cel.ts';
import { intOrString } from './common-schemas.ts';
import {
  BOOLEAN_KEYS,
  CONFIGURABLE_KEYS,
  KEYS_WITH_A_FIELD,
  NUMERIC_KEYS,
  OWNED_KEYS,
  OWNED_PREFIXES,
  SUPER_DIGEST_KEY,
} from './zoo-cfg-keys.ts';

/** What is longer is no number that fits; and conversions of it would cost the API server too much. */
const NUMBER = '^-?[0-9]{1,10}$';

// A line break in a value would write further keys into zoo.cfg. The rules below refuse it with a better sentence.
const configValue = intOrString.meta({ 'x-kubernetes-int-or-string': true, pattern: '^[^\\r\\n]{0,256}$' });

// Each wrong key is to be refused by one sentence only, the one that helps most.
const REFUSED_ELSEWHERE = [
  `key in ${celList([...OWNED_KEYS, ...Object.keys(KEYS_WITH_A_FIELD), SUPER_DIGEST_KEY])}`,
  ...OWNED_PREFIXES.map((prefix) => `key.startsWith('${prefix}')`),
].join(' || ');

const keyRules: readonly ValidationRule[] = [
  rule(
    `self.all(key, !(${OWNED_PREFIXES.map((prefix) => `key.startsWith('${prefix}')`).join(' || ')}))`,
    'config must not list members (server.N, group.N, weight.N): the operator writes them from replicas; remove the key',
  ),
  rule(
    `!self.exists(key, key in ${celList(OWNED_KEYS)})`,
    `config must not set what the operator decides (${OWNED_KEYS.join(', ')}): remove the key`,
  ),
  rule(
    `!('${SUPER_DIGEST_KEY}' in self)`,
    `config must not set ${SUPER_DIGEST_KEY}: the operator makes the super user; name and password are in the Secret <cluster>-operator`,
  ),
  ...Object.entries(KEYS_WITH_A_FIELD).map(([key, field]) =>
    rule(`!('${key}' in self)`, `config must not set ${key}: set ${field} instead`),
  ),
  rule(
    `self.all(key, key in ${celList(CONFIGURABLE_KEYS)} || ${REFUSED_ELSEWHERE})`,
    `config may only have keys of zoo.cfg that the server uses: ${CONFIGURABLE_KEYS.join(', ')}`,
  ),
];

const numberRules = Object.entries(NUMERIC_KEYS).map(([key, [min, max]]) =>
  rule(
    `!('${key}' in self) || ${isNumber(key)} && ${numberAt(key)} >= ${min} && ${numberAt(key)} <= ${max}`,
    `config.${key} must be a whole number from ${min} to ${max}`,
  ),
);

const booleanRules = BOOLEAN_KEYS.map((key) =>
  rule(
    `!('${key}' in self) || ${textAt(key)} in ['true', 'false', 'yes', 'no']`,
    `config.${key} must be 'true' or 'false', in quotes`,
  ),
);

const WHITELIST = '4lw.commands.whitelist';

const whitelistRule = rule(
  `!('${WHITELIST}' in self) || ${textAt(WHITELIST)}.matches('^([a-z]{4}( *, *[a-z]{4})*|[*])$')`,
  `config.${WHITELIST} must be four-letter words with commas between them, such as 'srvr, mntr', or '*'`,
);

/** `spec.config`: further keys of zoo.cfg. */
export const memberConfig = z
  .record(z.string(), configValue)
  .default({})
  .describe('Further keys of zoo.cfg, such as snapCount, maxClientCnxns or 4lw.commands.whitelist.')
  .meta({ maxProperties: 24, ...validated(...keyRules, ...numberRules, ...booleanRules, whitelistRule) });

/** Of the whole object: session timeouts that leave room between them. Those that are not set follow from the tick. */
export const sessionTimeoutRule = rule(
  `${timeout('minSessionTimeout', 2)} <= ${timeout('maxSessionTimeout', 20)}`,
  'config.minSessionTimeout must not be above config.maxSessionTimeout, which is 20 times tickTimeMs where it is not set (the former 2 times)',
  '.spec.config',
);

function textAt(key: string): string {
  return `string(self['${key}'])`;
}

function isNumber(key: string): string {
  return `${textAt(key)}.matches('${NUMBER}')`;
}

function numberAt(key: string): string {
  return `int(${textAt(key)})`;
}

/** In milliseconds. What is no number is refused elsewhere. */
function timeout(key: string, ticks: number): string {
  const text = `string(self.spec.config['${key}'])`;
  const isSet = `'${key}' in self.spec.config && ${text}.matches('${NUMBER}')`;
  return `(${isSet} ? int(${text}) : ${ticks} * self.spec.tickTimeMs)`;
}
