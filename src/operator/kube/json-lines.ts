/**
 * Splits a stream of bytes into lines and parses each as JSON.
 *
 * @throws SyntaxError where a line is not JSON; whatever the stream throws
 */
export async function* jsonLines(stream: ReadableStream<Uint8Array>, onBytes: () => void): AsyncGenerator {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of stream) {
    onBytes();
    rest += decoder.decode(bytes, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield JSON.parse(line);
  }
  // A last line without its end is one that the server did not finish: the next watch begins before it.
}
