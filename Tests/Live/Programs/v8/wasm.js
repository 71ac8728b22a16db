'use strict';
// (func (export "spin") (param i32) (result i32) (local i32) loop: local += local ^ param; param -= 1; until 0; -> local)
const bytes = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 7, 8, 1, 4, 115, 112, 105, 110, 0, 0,
  10, 30, 1, 28, 1, 1, 127, 3, 64, 32, 1, 32, 0, 115, 32, 1, 106, 33, 1, 32, 0, 65, 1, 107, 34, 0, 13, 0, 11, 32, 1, 11]);
const spin = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.spin;
function caller(n) {
  return spin(n);
}
function main() {
  let sink = 0;
  for (;;) sink = (sink + caller(1000000)) | 0;
}
console.log('ready ' + process.pid);
main();
