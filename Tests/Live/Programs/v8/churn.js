'use strict';
// Functions that are compiled, run once and freed: each spins in a function whose name says which one it is.
console.log('ready ' + process.pid);
for (let k = 0; ; k++) {
  const name = 'churned' + k % 1000;
  const source = '\n'.repeat(k % 1000) + `return function ${name}() { let s = 0; for (let i = 0; i < 300000; i++) s = (s + i * 31) | 0; return s; }`;
  new Function(source)()();
}
