// Decodes the server's flame graph: magic, version, lengths, a JSON header, texts that end in zero bytes, then columns of
// LEB128 numbers.

const magic = 0x4746544f; // "OTFG", little endian

class ColumnReader {
  constructor(bytes) {
    this.bytes = bytes;
    this.offset = 0;
  }

  /** Reads `column.length` numbers and adds `shift` to each. */
  fill(column, shift = 0) {
    const { bytes } = this;
    let { offset } = this;
    for (let i = 0; i < column.length; i++) {
      let byte = bytes[offset++];
      let value = byte & 0x7f;
      // Beyond 32 bits only multiplication is exact; numbers are doubles.
      for (let factor = 128; byte >= 0x80; factor *= 128) {
        byte = bytes[offset++];
        value += (byte & 0x7f) * factor;
      }
      column[i] = value + shift;
    }
    this.offset = offset;
    return column;
  }
}

/**
 * @returns {header, texts, functions: {name, file, module, kind: index in texts per function}, childCounts, nodeFunctions,
 *   lines, selfValues: per node, row by row, the children of a node side by side}
 */
export function decode(buffer) {
  const view = new DataView(buffer);
  if (buffer.byteLength < 16 || view.getUint32(0, true) !== magic || view.getUint32(4, true) !== 2) {
    throw new Error("The server's answer is not a flame graph of version 2; reload the page.");
  }
  const headerLength = view.getUint32(8, true), textLength = view.getUint32(12, true);
  const decoder = new TextDecoder();
  const header = JSON.parse(decoder.decode(new Uint8Array(buffer, 16, headerLength)));
  const texts = decoder.decode(new Uint8Array(buffer, 16 + headerLength, textLength)).split("\0");
  texts.length = header.textCount;
  const reader = new ColumnReader(new Uint8Array(buffer, 16 + headerLength + textLength));
  const { functionCount, nodeCount } = header;
  const functions = {};
  for (const column of ["name", "file", "module", "kind"]) functions[column] = reader.fill(new Int32Array(functionCount));
  const childCounts = reader.fill(new Int32Array(nodeCount));
  const nodeFunctions = reader.fill(new Int32Array(nodeCount), -1);
  const lines = reader.fill(new Int32Array(nodeCount), -1);
  const selfValues = reader.fill(new Float64Array(nodeCount));
  return { header, texts, functions, childCounts, nodeFunctions, lines, selfValues };
}
