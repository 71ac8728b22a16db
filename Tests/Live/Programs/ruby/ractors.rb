puts "ready #{$$}"; $stdout.flush
def spin(x); while true; x += 1; end; end
def inside; spin(1); end
Ractor.new { inside }
spin(2)
