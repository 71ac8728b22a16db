'use strict';
function leaf(n) {
  let s = 0;
  for (let i = 0; i < 200000; i++) s = (s + i * 31 ^ n) | 0;
  return s;
}
function deep(d, n) {
  if (d === 0) return leaf(n);
  return deep(d - 1, n) + 1;
}
console.log('ready ' + process.pid);
for (let k = 0; ; k++) deep(299, k);
