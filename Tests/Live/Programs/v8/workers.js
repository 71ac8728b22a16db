'use strict';
const { Worker, isMainThread } = require('worker_threads');
function spin(n) {
  let s = 0;
  for (let i = 0; i < 20000; i++) s = (s + i * 31 ^ n) | 0;
  return s;
}
function inMain() {
  for (let k = 0; ; k++) spin(k);
}
function inWorker() {
  for (let k = 0; ; k++) spin(k);
}
if (isMainThread) {
  new Worker(__filename).on('online', () => {
    console.log('ready ' + process.pid);
    inMain();
  });
} else {
  inWorker();
}
