/** Bytes as a test writes them: hexadecimal, with spaces between what belongs together. */
export const fromHex = (...parts: string[]): Uint8Array =>
  new Uint8Array(Buffer.from(parts.join('').replaceAll(' ', ''), 'hex'));

export const hex = (view: Uint8Array): string => Buffer.from(view).toString('hex');
