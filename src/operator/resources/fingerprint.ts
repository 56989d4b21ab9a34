const FNV_OFFSET_32 = 0x811c9dc5;
const FNV_PRIME_32 = 0x01000193;

/**
 * A short name for a JSON value: equal values have equal fingerprints, whatever the order of their keys. FNV-1a twice in
 * 32 bits: it tells revisions of one template apart and protects against nobody, and a hash from Node has no place here.
 *
 * @returns 16 hexadecimal digits
 */
export function fingerprint(value: unknown): string {
  const text = canonicalJson(value);
  let [one, other] = [FNV_OFFSET_32, ~FNV_OFFSET_32];
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    one = Math.imul(one ^ unit, FNV_PRIME_32);
    other = Math.imul(other ^ unit, FNV_PRIME_32);
  }
  return hexadecimal(one) + hexadecimal(other);
}

function hexadecimal(hash: number): string {
  return (hash >>> 0).toString(16).padStart(8, '0');
}

/** JSON with sorted keys and without undefined members. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = value as Readonly<Record<string, unknown>>;
  let text = '';
  for (const key of Object.keys(members).sort()) {
    const member = members[key];
    if (member !== undefined) text += `${text === '' ? '{' : ','}${JSON.stringify(key)}:${canonicalJson(member)}`;
  }
  return text === '' ? '{}' : `${text}}`;
}
