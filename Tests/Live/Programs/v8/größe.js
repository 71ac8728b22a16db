'use strict';
function größe(n) {
  let s = 0;
  for (let i = 0; i < 20000; i++) s = (s + i * 31 ^ n) | 0;
  return s;
}
function 世界(n) {
  return größe(n);
}
console.log('ready ' + process.pid);
for (let k = 0; ; k++) 世界(k);
