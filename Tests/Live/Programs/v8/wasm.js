'use strict';
function text(name) { return [name.length, ...Buffer.from(name)]; }
function section(id, ...content) { return [id, content.flat().length, ...content.flat()]; }
const bytes = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0,
  // (type (func (param i32) (result i32))) (type (func))
  ...section(1, [2, 96, 1, 127, 1, 127, 96, 0, 0]),
  ...section(2, [1, text('env'), text('unused'), 0, 1].flat()),
  ...section(3, [2, 0, 0]),
  ...section(7, [1, text('spin'), 0, 2].flat()),
  ...section(10, [
    2,
    // (local i32) loop: local += local ^ param; param -= 1; until 0; -> local
    28, 1, 1, 127, 3, 64, 32, 1, 32, 0, 115, 32, 1, 106, 33, 1, 32, 0, 65, 1, 107, 34, 0, 13, 0, 11, 32, 1, 11,
    // -> (call 1 param) + 1
    9, 0, 32, 0, 16, 1, 65, 1, 106, 11]),
  ...section(0, text('name'), section(1, [2, 1, text('inner_loop'), 2, text('spinning')].flat()))]);
const imports = { env: { unused() {} } };
const spin = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports.spin;
function caller(n) {
  return spin(n);
}
function main() {
  let sink = 0;
  for (;;) sink = (sink + caller(1000000)) | 0;
}
console.log('ready ' + process.pid);
main();
