import { CodedError } from '../../common/errors.ts';

/**
 * @param where File and line, or the key.
 * @param what What is wrong, and what to write instead.
 * @throws CodedError ZK_CONFIG_INVALID always.
 */
export function configInvalid(where: string, what: string): never {
  throw new CodedError('ZK_CONFIG_INVALID', `${where} ${what}`);
}
