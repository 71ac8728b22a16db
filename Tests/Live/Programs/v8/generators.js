'use strict';
function work(n) {
  let s = 0;
  for (let i = 0; i < 20000; i++) s = (s + i * 31 ^ n) | 0;
  return s;
}
function* numbers() {
  for (let i = 0; ; i++) {
    yield work(i);
  }
}
function* outer() {
  yield* numbers();
}
async function step(x) {
  await null;
  return work(x);
}
async function main() {
  let sink = 0, n = 0;
  for (const v of outer()) {
    sink += v;
    sink += await step(n++);
  }
}
console.log('ready ' + process.pid);
main();
