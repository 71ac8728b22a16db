import { work } from './größe und mehr.mjs';

function caller(n) {
  return work(n);
}

console.log('ready ' + process.pid);
for (let k = 0; ; k++) caller(k);
