. "$(dirname "$0")/common.sh"
cat >page.html <<'END'
<canvas id=c width=600 height=400></canvas><div id=d></div><script>
const g = document.getElementById('c').getContext('2d'), d = document.getElementById('d');
for (let i = 0; i < 4000; i++) { g.fillStyle = `hsl(${i % 360} 80% 50%)`; g.fillRect(i % 600, (i * 7) % 400, 20, 20);
  const p = document.createElement('p'); p.textContent = 'paragraph ' + i; d.append(p); }
</script>
END
ready
while goes_on; do
    timeout 20 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$work/profile" --window-size=800,2000 \
        --screenshot="$work/page.png" "file://$work/page.html" >>log 2>&1 || true
done
