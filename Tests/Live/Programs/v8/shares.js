'use strict';
// Three functions that take five, three and two parts of the time.
function work(n) {
  let s = n;
  for (let i = 0; i < 100000; i++)
    s = Math.imul(s, 1103515245) + i | 0;
  return s;
}
function five(n) { let s = n; for (let i = 0; i < 500000; i++) s = Math.imul(s, 1103515245) + i | 0; return s; }
function three(n) { let s = n; for (let i = 0; i < 300000; i++) s = Math.imul(s, 1103515245) + i | 0; return s; }
function two(n) { let s = n; for (let i = 0; i < 200000; i++) s = Math.imul(s, 1103515245) + i | 0; return s; }
console.log('ready ' + process.pid);
let sink = work(1);
const end = Date.now() + 6000;
while (Date.now() < end) sink = five(sink) + three(sink) + two(sink) | 0;
console.log('done ' + sink);
