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
  return hexadecimal(fnv1a(text, FNV_OFFSET_32)) + hexadecimal(fnv1a(text, ~FNV_OFFSET_32));
}

function fnv1a(text: string, offset: number): number {
  let hash = offset;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), FNV_PRIME_32);
  return hash;
}

function hexadecimal(hash: number): string {
  return (hash >>> 0).toString(16).padStart(8, '0');
}

/** JSON with sorted keys and without undefined members. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}
